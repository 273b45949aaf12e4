import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from tinygzsl.kernels import reference


def words_of(text):
    return [int(word, 16) for word in text.split()]


def words_at(seed, step, purpose, count):
    return reference.philox_words(np.empty(count, np.uint32), seed, step, purpose)


# Philox4x32-10's known answers, from the authors' Random123: counter, key, result.
KNOWN_ANSWERS = [
    ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.wheel
@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, result):
    counter = tuple(np.array([word], np.uint64) for word in words_of(counter))
    words = reference.philox4x32(counter, tuple(words_of(key)))
    assert [int(word[0]) for word in words] == words_of(result)
    assert all(word.dtype == np.uint64 for word in words)


def test_random_words_are_philox_of_index_step_and_purpose_under_the_seed():
    seed, step, purpose = 0x0123456789ABCDEF, 0x11112222_33334444, 9
    words = words_at(seed, step, purpose, 10)
    for block in range(3):
        counter = (block, 0x33334444, 0x11112222, purpose)
        counter = tuple(np.array([word], np.uint64) for word in counter)
        expected = reference.philox4x32(counter, (0x89ABCDEF, 0x01234567))
        mine = words[4 * block : 4 * block + 4]
        assert mine.tolist() == [int(word[0]) for word in expected][: len(mine)]


def test_uniform_is_the_upper_24_bits_of_a_word():
    words = np.array([0, 0xFF, 0x100, 0x80000000, 0xFFFFFFFF], np.uint64)
    for dtype in ("float32", "float64"):
        u = reference.uniform_from(words, dtype)
        assert u.dtype == dtype
        assert u.tolist() == [0, 0, 2**-24, 0.5, 1 - 2**-24]


def test_normal_is_box_muller_of_two_words():
    words = words_at(1, 2, 3, 200)
    u = reference.uniform_from(words, "float64")
    radius, angle = np.sqrt(-2 * np.log(1 - u[::2])), 2 * np.pi * u[1::2]
    x = reference.normal_from(words, "float64")
    assert np.allclose(x[::2], radius * np.cos(angle), rtol=1e-14, atol=1e-14)
    assert np.allclose(x[1::2], radius * np.sin(angle), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_words_give_finite_normals(dtype):
    words = np.array([0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0], np.uint64)
    x = reference.normal_from(words, dtype)
    assert x.dtype == dtype
    assert x[:2].tolist() == [0, 0]
    assert x[4] == pytest.approx(5.768, abs=1e-3)  # the end of the tail
    assert np.isfinite(x).all()


@pytest.mark.wheel
def test_log_softmax_and_entropy_against_scipy():
    logits = np.random.default_rng(0).normal(size=(20, 7)) * 5
    log_p, entropy = reference.log_softmax_entropy(logits)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(log_p, np.log(p), rtol=1e-12)
    assert np.allclose(entropy, scipy_entropy(p, axis=1), rtol=1e-11)


@pytest.mark.parametrize("c", [1, 2, 10, 1000])
@pytest.mark.parametrize(("dtype", "error"), [("float32", 2e-6), ("float64", 1e-14)])
def test_entropy_of_uniform_logits_is_ln_c(c, dtype, error):
    log_p, entropy = reference.log_softmax_entropy(np.full((3, c), 4.5, dtype))
    assert entropy == pytest.approx(np.log(c), rel=error, abs=0)
    assert log_p[0] == pytest.approx(-np.log(c), rel=error, abs=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_class_has_entropy_exactly_zero(dtype):
    log_p, entropy = reference.log_softmax_entropy(np.array([[-1e4], [0], [3]], dtype))
    assert entropy.tolist() == [0, 0, 0]
    assert log_p.tolist() == [[0], [0], [0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_ten_thousand(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]], dtype)
    log_p, entropy = reference.log_softmax_entropy(logits)
    assert log_p.dtype == entropy.dtype == dtype
    assert log_p[0].tolist() == [0, -2e4, -1e4]
    assert entropy == pytest.approx([0, np.log(2), np.log(3)], rel=1e-6)


def test_entropy_is_never_negative_and_at_most_ln_c():
    logits = np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32) * 30
    _, entropy = reference.log_softmax_entropy(logits)
    assert entropy.min() >= 0
    assert entropy.max() <= np.log(3) + 1e-6


def test_non_contiguous_logits_give_the_same():
    wide = np.random.default_rng(2).normal(size=(6, 10))
    for view in (wide[:, ::2], wide.T, wide[::-1]):
        for mine, expected in zip(
            reference.log_softmax_entropy(view),
            reference.log_softmax_entropy(np.ascontiguousarray(view)),
            strict=True,
        ):
            assert np.allclose(mine, expected, rtol=1e-14)
