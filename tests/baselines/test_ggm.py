import numpy as np
import pytest

from tinygzsl.baselines.ggm import (
    GGM,
    class_gaussians,
    kernel_matrix,
    kernel_ridge,
    sample_gaussians,
)


def lstsq_ridge(features, targets, weight, new):
    """Ridge regression as least squares with sqrt(weight) I below the features."""
    k = features.shape[1]
    stacked = np.concatenate([features, np.sqrt(weight) * np.eye(k)])
    padded = np.concatenate([targets, np.zeros((k, targets.shape[1]))])
    return new @ np.linalg.lstsq(stacked, padded, rcond=None)[0]


def polynomial_features(a):
    """phi with phi(a) . phi(b) = (1 + a . b)^2: all products of pairs of entries of [1, a]."""
    one = np.concatenate([np.ones((len(a), 1)), a], axis=1)
    return (one[:, :, None] * one[:, None]).reshape(len(a), -1)


@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_kernel_ridge_is_ridge_regression_on_the_features_of_its_kernel(kernel):
    rng = np.random.default_rng(0)
    a, new, targets = rng.normal(size=(9, 4)), rng.normal(size=(3, 4)), rng.normal(size=(9, 5))
    phi = polynomial_features if kernel == "polynomial" else np.asarray
    found = kernel_ridge(
        kernel_matrix(a, a, kernel), kernel_matrix(new, a, kernel), targets, weight=0.3
    )
    assert np.allclose(found, lstsq_ridge(phi(a), targets, 0.3, phi(new)), rtol=1e-9, atol=1e-12)


def test_class_gaussians_are_the_moments_of_each_class():
    x = np.array([[1.0, 5.0], [3.0, 5.0], [0.0, 1.0], [0.0, 3.0], [6.0, 2.0]])
    mean, variance = class_gaussians(x, np.array([0, 0, 1, 1, 1]), n_classes=2)
    assert mean.tolist() == [[2.0, 5.0], [2.0, 2.0]]
    assert variance.tolist() == [[2.0, 0.0], [12.0, 1.0]]


def test_samples_have_the_mean_and_the_variance_of_their_class():
    mean, variance = np.array([[1.0, -2.0], [0.0, 50.0]]), np.array([[0.01, 4.0], [25.0, 1.0]])
    x, rows = sample_gaussians(mean, variance, per_class=4000, seed=0)
    assert x.shape == (8000, 2)
    assert rows.tolist() == [0] * 4000 + [1] * 4000
    for c in range(2):
        error = np.abs(x[rows == c].mean(axis=0) - mean[c]) / np.sqrt(variance[c] / 4000)
        assert error.max() < 4  # standard errors
        np.testing.assert_allclose(x[rows == c].var(axis=0), variance[c], rtol=0.1)
    assert not np.array_equal(x, sample_gaussians(mean, variance, per_class=4000, seed=1)[0])


@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_it_finds_unseen_classes_whose_means_are_functions_of_their_attributes(
    linear_classes, kernel
):
    x, y, a = linear_classes
    seen = y < 18
    settings = {"regularize_mean": -4.0, "per_class": 30, "prototypes": "none"}
    model = GGM(kernel=kernel, **settings, classifier_lr=1e-2, classifier_epochs=100)
    model.fit(x[seen], y[seen], a[:18], unseen_prototypes=a[18:])
    found = model.predict(x, a[18:], np.arange(18, 22))
    assert (found[seen] == y[seen]).mean() > 0.9
    means = np.stack([x[y == c].mean(axis=0) for c in range(18, 22)])
    assert np.abs(model.unseen_means_ - means).max() < (0.3 if kernel == "linear" else 1.0)
    assert model.unseen_variances_.shape == (4, 8)
    assert (found[~seen] == y[~seen]).mean() > (0.95 if kernel == "linear" else 0.6)


def test_same_seed_same_scores_and_another_seed_other_samples(linear_classes):
    x, y, a = linear_classes
    seen = y < 18
    scores = [
        GGM(seed=seed, classifier_epochs=3)
        .fit(x[seen], y[seen], a[:18], unseen_prototypes=a[18:])
        .decision_function(x, a[18:])
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_bad_settings_and_infinite_variances_are_refused(linear_classes):
    x, y, a = linear_classes
    seen = y < 18

    def fit(unseen=a[18:], **params):
        GGM(prototypes="none", **params).fit(x[seen], y[seen], a[:18], unseen_prototypes=unseen)

    assert not GGM.strict
    with pytest.raises(ValueError, match="kernel is 'rbf'; pass linear or polynomial"):
        fit(kernel="rbf")
    with pytest.raises(ValueError, match="regularize_mean is nan; pass a log10 from -9 to 9"):
        fit(regularize_mean=float("nan"))
    with pytest.raises(ValueError, match="per_class is 0"):
        fit(per_class=0)
    with pytest.raises(FloatingPointError, match="raise regularize_variance, now 0"):
        fit(unseen=1e6 * np.concatenate([a[18:], -a[18:]]))
