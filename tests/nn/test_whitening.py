"""Whitening against NumPy's own covariance, Cholesky factor and solver."""

import numpy as np
import pytest

from tinygzsl.nn.whitening import Whitening, class_means, fit_whitening, inverse_of_lower
from tinygzsl.runtime.threads import workers


def samples(n, d, *, classes=5, dtype="float64"):
    """x (n, d), whose features correlate and are far from 0, and class indices (n,)."""
    rng = np.random.default_rng(d)
    index = rng.permutation(np.arange(n) % classes)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=(classes, d))[index]
    return (x + 10).astype(dtype), index


def factor(x, index, shrink):
    """L in float64, from the deviations of each class written out."""
    x, d = x.astype(float), x.shape[1]
    parts = [x[index == c] - x[index == c].mean(axis=0) for c in np.unique(index)]
    c = sum(part.T @ part for part in parts) / len(x)
    return np.linalg.cholesky(c + shrink * np.trace(c) / d * np.eye(d))


# More rows than a block has, more features than a product has, fewer samples than features
@pytest.mark.wheel
@pytest.mark.parametrize(("n", "d"), [(2100, 7), (200, 300), (40, 130), (30, 1), (3000, 64)])
@pytest.mark.parametrize("shrink", [0.3, 1e-3, 10.0])
def test_it_solves_with_the_factor(n, d, shrink):
    x, index = samples(n, d)
    white = fit_whitening(x, index, shrink=shrink)
    expected = np.linalg.solve(factor(x, index, shrink), (x - x.mean(axis=0)).T).T
    np.testing.assert_allclose(white.apply(x), expected, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_array_equal(white.inverse, np.tril(white.inverse))
    np.testing.assert_allclose(white.mean, x.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("shrink", [0.3, 1e-3])
def test_float32_is_as_exact_as_its_numbers(shrink):
    x, index = samples(2100, 300, dtype="float32")
    white = fit_whitening(x, index, shrink=shrink)
    assert white.mean.dtype == white.inverse.dtype == white.apply(x).dtype == np.float32
    x = x.astype(float)
    expected = np.linalg.solve(factor(x, index, shrink), (x - x.mean(axis=0)).T).T
    np.testing.assert_allclose(white.apply(x.astype("f")), expected, atol=2e-3)
    assert np.abs(expected).max() > 3


def test_distances_are_mahalanobis_distances():
    x, index = samples(90, 6)
    white, low = fit_whitening(x, index, shrink=0.2).apply(x), factor(x, index, 0.2)
    difference = x[0] - x[1]
    expected = difference @ np.linalg.inv(low @ low.T) @ difference
    assert ((white[0] - white[1]) ** 2).sum() == pytest.approx(expected)


def test_means_of_classes_are_taken_away_from_the_covariance_only():
    x, index = samples(90, 6)
    moved = x + 100 * np.random.default_rng(0).normal(size=(5, 6))[index]
    one, other = (fit_whitening(each, index, shrink=0.3) for each in (x, moved))
    np.testing.assert_allclose(one.inverse, other.inverse, rtol=1e-8, atol=1e-10)
    assert np.abs(one.mean - other.mean).max() > 1


def test_names_of_classes_do_not_matter():
    x, index = samples(90, 6)
    one, other = fit_whitening(x, index, shrink=0.3), fit_whitening(x, 7 * index + 3, shrink=0.3)
    assert one.inverse.tobytes() == other.inverse.tobytes()


def test_features_that_never_vary_are_divided_by_what_the_shrinkage_gives():
    x, index = samples(90, 6)
    x[:, 2] = 0.1
    white = fit_whitening(x, index, shrink=0.3)
    assert np.isfinite(white.inverse).all()
    rest = np.delete(x, 2, axis=1)
    within = factor(rest, index, 1e-9)
    unit = np.trace(within @ within.T) / 6
    assert white.inverse[2, 2] == pytest.approx((0.3 * unit) ** -0.5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_classes_without_any_spread_are_refused(sentence, dtype, value):
    index = np.arange(70) % 7
    x = (value + np.arange(7.0)[:, None] * [0.1, 0.7, 0])[index].astype(dtype)
    with sentence(ValueError, "all samples of a class are equal", "covariance is 0"):
        fit_whitening(x, index, shrink=0.3)
    x[3, 1] += np.asarray(1e-3 * (1 + value), dtype)
    assert np.isfinite(fit_whitening(x, index, shrink=0.3).inverse).all()


def test_threads_change_rounding_only():
    x, index = samples(5000, 80)
    found = []
    for threads in (1, 2):
        with workers(threads):
            white = fit_whitening(x, index, shrink=0.3)
            found.append((white.inverse, white.apply(x)))
    np.testing.assert_allclose(*(inverse for inverse, _ in found), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(*(applied for _, applied in found), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("d", [1, 63, 64, 65, 200])
def test_the_inverse_of_a_triangle(d):
    rng = np.random.default_rng(d)
    low = np.tril(rng.normal(size=(d, d))) / d + np.diag(1 + rng.random(d))
    np.testing.assert_allclose(inverse_of_lower(low), np.linalg.inv(low), atol=1e-12)


def test_class_means_are_float64():
    x, index = samples(60, 3, dtype="float32")
    means = class_means(x, index)
    assert means.dtype == np.float64
    np.testing.assert_allclose(means[2], x[index == 2].astype(float).mean(axis=0), rtol=1e-14)


def test_arrays_and_back():
    x, index = samples(60, 4)
    white = fit_whitening(x, index, shrink=0.3)
    header, arrays = white.state("near")
    assert header == {} and set(arrays) == {"near_mean", "near_inverse"}
    again = Whitening.from_state("near", arrays=arrays)
    assert again.apply(x).tobytes() == white.apply(x).tobytes()
    again.check("near", n=4, dtype=x.dtype)
    with pytest.raises(KeyError, match="near_inverse"):
        Whitening.from_state("near", arrays={"near_mean": white.mean})


def test_arrays_that_do_not_fit_are_refused(sentence):
    x, index = samples(60, 4)
    white = fit_whitening(x, index, shrink=0.3)
    with sentence(ValueError, "near_mean", "(5,)"):
        white.check("near", n=5, dtype=x.dtype)
    with sentence(ValueError, "near_mean", "float32"):
        white.check("near", n=4, dtype=np.dtype("f"))
    with sentence(ValueError, "near_inverse has a diagonal that is not positive"):
        white._replace(inverse=np.zeros((4, 4))).check("near", n=4, dtype=x.dtype)


def test_the_mean_is_that_of_the_samples_however_many_a_class_has():
    x, index = samples(90, 6)
    kept = (index > 0) | (np.arange(90) % 3 == 0)
    x, index = x[kept], index[kept]
    white = fit_whitening(x, index, shrink=0.3)
    np.testing.assert_allclose(white.mean, x.mean(axis=0), rtol=1e-12)
    expected = np.linalg.solve(factor(x, index, 0.3), (x - x.mean(axis=0)).T).T
    np.testing.assert_allclose(white.apply(x), expected, atol=1e-9 * np.abs(expected).max())
