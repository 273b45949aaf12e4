"""Every method with settings that train in a blink on the tiny dataset."""

import numpy as np
import pytest

CLASSIFIER = {"per_class": 40, "classifier_lr": 1e-2, "classifier_epochs": 20}
GAN = {
    **CLASSIFIER,
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 3e-3,
    "gan_batch": 50,
    "gan_max_epochs": 2,
    "gan_output": "linear",
    "features": "standard",
}
FAST = {
    "ConSE": {"candidates": 3, "ptc_l2": (1e-3,)},
    "DeViSE": {"epochs": 10},
    "SJE": {"epochs": 10},
    "ALE": {"epochs": 10},
    "ESZSL": {"regularize_features": 0.0},
    "SAE": {},
    "SYNC": {},
    "DEM": {"hidden": 32, "lr": 1e-2, "steps": 200},
    "PSR": {"hidden": 32, "lr": 1e-2, "steps": 100},
    "SADLE": {"latent": 16, "lr": 1e-2, "epochs": 15, "batch": 32},
    "DSEN": {"latent": 32, "hidden": 32, "epochs": 10, "batch": 32},
    "GGM": CLASSIFIER,
    "FCLSWGAN": {**GAN, "pretrained_epochs": 5},
    "SEGZSL": {**CLASSIFIER, "hidden": 32, "latent": 8, "lr": 1e-2, "epochs": 5},
    "FVAEGAN": {**GAN, "encoder_hidden": (16,)},
    "CEWGANOD": {
        **GAN,
        "gan_generator_hidden": (16, 16),
        "decoder_hidden": (16, 16),
        "detector_hidden": (16, 16),
        "detector_epochs": 5,
    },
}


@pytest.fixture
def fast_params():
    """fast_params(name) -> parameters with which the method trains in a blink."""
    return lambda name: dict(FAST[name])


@pytest.fixture
def make(fast_params):
    """make(name, **params) -> an unfitted baseline with fast settings."""
    from tinygzsl.baselines.methods import method

    return lambda name, **params: method(name)(**{**fast_params(name), **params})


@pytest.fixture
def fit(make, tiny_dataset):
    """fit(name, data=the tiny dataset, **params) -> such a baseline, fitted."""
    from tinygzsl.baselines.common.calibration import fit_on

    def fit(name, data=None, **params):
        return fit_on(make(name, **params), data or tiny_dataset())

    return fit


@pytest.fixture
def settings_file(tmp_path):
    """settings_file(dataset, offset=0.1) -> a TOML file with the fast settings of all methods."""
    from tinygzsl.comparison.settings import Chosen, write_settings

    def write(dataset, **more):
        path = tmp_path / "fast.toml"
        found = {
            (name, dataset): Chosen({**params, **more}, "fast") for name, params in FAST.items()
        }
        write_settings(path, found)
        return path

    return write


@pytest.fixture
def drawn():
    """drawn(n, d, k, seen, unseen) -> X, y and the prototypes of both, without any structure."""

    def draw(n=40, d=5, k=3, seen=4, unseen=2):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(n, d)), np.arange(n) % seen
        return X, y, rng.normal(size=(seen, k)), rng.normal(size=(unseen, k))

    return draw


@pytest.fixture
def linear_classes():
    """x (660, 8), y (660,) and a (22, 4): the means of the classes are linear in their attributes.

    With 18 seen classes (y < 18) and 4 attributes, what holds for seen classes holds for the 4
    others.
    """
    rng = np.random.default_rng(3)
    a, w = rng.normal(size=(22, 4)), 2 * rng.normal(size=(4, 8))
    y = np.repeat(np.arange(22), 30)
    return a[y] @ w + 0.3 * rng.normal(size=(len(y), 8)), y, a


@pytest.fixture
def classes_of_samples(tiny_dataset):
    """classes_of_samples(model) -> the share of its generated seen samples that lie nearest to the
    mean of their own class.
    """

    from tinygzsl.baselines.common.synthetic import synthesize

    def share(model):
        data = tiny_dataset()
        x = model._feature_scaler.apply(data.X_train)
        means = np.stack([x[data.y_train == c].mean(axis=0) for c in data.seen_classes])
        fake, y = synthesize(model._generator, model._seen_prototypes, 40, seed=9)
        return (((fake[:, None] - means) ** 2).sum(axis=2).argmin(axis=1) == y).mean()

    return share
