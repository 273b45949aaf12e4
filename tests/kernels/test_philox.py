import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.kernels import reference

SIZES = [0, 1, 2, 3, 4, 5, 63, 64, 65, 1000, 10_007]
STREAM = 2**63 + 12345, 2**40 + 3, 9  # seed, step and purpose, with high words


@pytest.mark.wheel
@pytest.mark.parametrize("n", SIZES)
def test_words_have_the_same_bits(compare, n):
    words = compare("philox_words", np.empty(n, np.uint32), *STREAM, rtol=0)
    assert words.dtype == np.uint32
    assert n < 1000 or words.astype(float).mean() == pytest.approx(2**31, rel=0.05)


def test_the_largest_seed_step_and_purpose(compare):
    compare("philox_words", np.empty(100, np.uint32), 2**64 - 1, 2**64 - 1, 2**32 - 1, rtol=0)


@pytest.mark.wheel
@pytest.mark.parametrize("n", SIZES)
def test_uniforms_have_the_same_bits(compare, dtype, n):
    u = compare("philox_uniform", np.empty(n, dtype), *STREAM, rtol=0)
    words = reference.philox_words(np.empty(n, np.uint32), *STREAM)
    assert u.tolist() == ((words >> 8) / 2.0**24).tolist()


@pytest.mark.wheel
@pytest.mark.parametrize("high", [1, 10, 2**32])
@pytest.mark.parametrize("n", SIZES)
def test_integers_are_the_same(compare, n, high):
    drawn = compare("philox_integers", np.empty(n, np.int64), high, *STREAM, rtol=0)
    words = reference.philox_words(np.empty(n, np.uint32), *STREAM)
    assert drawn.tolist() == [int(word) * high >> 32 for word in words]


@pytest.mark.wheel
@pytest.mark.parametrize("n", SIZES)
def test_normals_agree_to_rounding(compare, dtype, n):
    error = {"float32": 2e-6, "float64": 1e-14}[dtype]  # near 0 a cosine has no relative precision
    compare("philox_normal", np.empty(n, dtype), *STREAM, rtol=error, atol=error)


@pytest.mark.parametrize("name", ["philox_words", "philox_uniform", "philox_normal"])
def test_an_odd_count_drops_the_last_number(fused, name):
    kind = np.uint32 if name == "philox_words" else np.float32
    for n in (1, 3, 5, 7, 4097):
        longer = fused(name)(np.empty(n + 1, kind), *STREAM)
        assert np.array_equal(fused(name)(np.empty(n, kind), *STREAM), longer[:n])


def test_normals_of_the_extreme_words_are_finite(fused):
    x = fused("philox_normal")(np.empty(1 << 20, np.float32), 0, 0, 1)
    u = fused("philox_uniform")(np.empty(1 << 20, np.float32), 0, 0, 1)
    assert np.isfinite(x).all()
    assert u.max() > 1 - 1e-5  # the tail was reached
    assert abs(x).max() < 5.78
    assert x.mean() == pytest.approx(0, abs=0.005)
    assert x.std() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("n", [2047, 2048, 2049])
def test_the_dispatched_kernel_fills_and_returns_out(n):
    out = np.empty(n, np.uint32)
    assert kernels.philox_words(out, *STREAM) is out
    assert np.array_equal(out, reference.philox_words(np.empty(n, np.uint32), *STREAM))
