import numpy as np
import pytest

from tinygzsl.nn.random import Purpose, check_seed, integers, normal, permutation, uniform

A, B = Purpose.CRITIC_NOISE, Purpose.GENERATOR_NOISE


def test_purposes_never_share_a_stream():
    values = [member.value for member in Purpose.__members__.values()]  # aliases included
    assert len(set(values)) == len(values)


@pytest.mark.wheel
@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"seed": 3 + 2**32},
        {"step": 8},
        {"step": 7 + 2**32},
        {"purpose": B},
    ],
)
def test_streams_differ_by_seed_step_and_purpose(other):
    here = {"seed": 3, "step": 7, "purpose": A}
    for draw in (uniform, normal):
        x = draw(np, **here, shape=(2000,))
        y = draw(np, **{**here, **other}, shape=(2000,))
        assert (x == y).mean() < 0.01
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.1


def test_neighbouring_numbers_are_uncorrelated():
    x = normal(np, (20000,), seed=0, step=0, purpose=A)
    for lag in (1, 2, 4):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 0.03


@pytest.mark.wheel
@pytest.mark.parametrize("draw", [uniform, normal])
def test_the_same_arguments_give_the_same_bits_and_the_shape_asked_for(draw):
    x = draw(np, (3, 5), seed=1, step=2, purpose=A)
    assert x.shape == (3, 5)
    assert np.array_equal(x, draw(np, (3, 5), seed=1, step=2, purpose=A))
    assert draw(np, (0, 5), seed=1, step=2, purpose=A).shape == (0, 5)
    assert draw(np, (), seed=1, step=2, purpose=A).shape == ()


@pytest.mark.parametrize("draw", [uniform, normal])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 99])
def test_a_shorter_draw_is_a_prefix_of_a_longer_one(draw, count):
    long = draw(np, (100,), seed=5, step=6, purpose=A)
    assert np.array_equal(draw(np, (count,), seed=5, step=6, purpose=A), long[:count])
    assert np.array_equal(draw(np, (20, 5), seed=5, step=6, purpose=A).ravel(), long)


def test_a_shorter_draw_of_integers_is_a_prefix():
    assert np.array_equal(
        integers(np, 7, seed=5, step=6, purpose=A, high=9),
        integers(np, 50, seed=5, step=6, purpose=A, high=9)[:7],
    )


@pytest.mark.parametrize("draw", [uniform, normal])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_the_one_asked_for(draw, dtype):
    assert draw(np, (4,), seed=0, step=0, purpose=A, dtype=dtype).dtype == dtype


@pytest.mark.wheel
def test_float32_and_float64_hold_the_same_uniforms():
    narrow = uniform(np, (5000,), seed=11, step=0, purpose=A, dtype="float32")
    assert np.array_equal(
        narrow.astype(np.float64), uniform(np, (5000,), seed=11, step=0, purpose=A, dtype="float64")
    )


def test_float32_and_float64_hold_the_same_normals_to_rounding():
    narrow, wide = (
        normal(np, (5000,), seed=11, step=0, purpose=A, dtype=dtype)
        for dtype in ("float32", "float64")
    )
    assert np.allclose(narrow, wide, rtol=1e-4, atol=1e-5)


def test_uniforms_fill_the_unit_interval_evenly():
    x = uniform(np, (100_000,), seed=2, step=0, purpose=A)
    assert x.min() >= 0
    assert x.max() < 1
    counts, _ = np.histogram(x, bins=20, range=(0, 1))
    chi_squared = ((counts - 5000) ** 2 / 5000).sum()
    assert chi_squared < 43.8  # 99.9% quantile with 19 degrees of freedom
    assert x.mean() == pytest.approx(0.5, abs=0.003)
    assert x.var() == pytest.approx(1 / 12, abs=0.001)


def test_normals_have_the_moments_and_tails_of_the_distribution():
    x = normal(np, (200_000,), seed=2, step=0, purpose=A)
    assert x.mean() == pytest.approx(0, abs=0.01)
    assert x.var() == pytest.approx(1, abs=0.02)
    assert (x**3).mean() == pytest.approx(0, abs=0.04)
    assert (x**4).mean() == pytest.approx(3, abs=0.1)
    for bound, share in ((1, 0.682689), (2, 0.954500), (3, 0.997300)):
        assert (abs(x) < bound).mean() == pytest.approx(share, abs=0.004)
    assert abs(x).max() < 5.78


@pytest.mark.parametrize("high", [1, 2, 7, 1000])
def test_integers_are_in_range_and_nearly_uniform(high):
    x = integers(np, 200 * high, seed=3, step=1, purpose=A, high=high)
    assert x.dtype == np.int64
    counts = np.bincount(x, minlength=high)
    assert counts.size == high
    assert ((counts - 200) ** 2 / 200).sum() < high + 4 * (2 * high) ** 0.5


def test_integers_are_uniforms_times_the_range_rounded_down():
    x, u = (
        integers(np, 500, seed=3, step=1, purpose=A, high=1000),
        uniform(np, (500,), seed=3, step=1, purpose=A),
    )
    assert np.array_equal(x, np.floor(1000 * (u + 2.0**-25)))  # uniforms have 24 of the 32 bits


def test_integers_up_to_the_largest_range():
    x = integers(np, 4000, seed=0, step=0, purpose=A, high=2**32)
    assert x.min() >= 0
    assert x.max() < 2**32
    assert x.mean() == pytest.approx(2**31, rel=0.05)


@pytest.mark.wheel
@pytest.mark.parametrize("count", [0, 1, 2, 37, 1000])
def test_permutation_is_one(count):
    order = permutation(np, count, seed=8, step=0, purpose=A)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(count))


def test_permutations_are_evenly_spread():
    first = [int(permutation(np, 4, seed=seed, step=0, purpose=A)[0]) for seed in range(400)]
    assert np.bincount(first, minlength=4).min() > 65
    assert (
        len({tuple(permutation(np, 4, seed=seed, step=0, purpose=A)) for seed in range(400)}) == 24
    )


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "0", None, True, np.float64(3), np.bool_(False)])
def test_bad_seeds(seed, sentence):
    with sentence(ValueError, f"seed is {seed!r}", "whole number from 0 to 2**64 - 1"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1, np.int64(7), np.uint64(2**64 - 1)])
def test_good_seeds_become_python_numbers(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


def test_the_largest_seed_and_step_draw_numbers():
    x = uniform(np, (1000,), seed=2**64 - 1, step=2**64 - 1, purpose=A)
    assert x.mean() == pytest.approx(0.5, abs=0.05)
