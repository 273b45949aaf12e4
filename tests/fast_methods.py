"""Every baseline with settings that train in a blink on the tiny dataset.

The conftest of a folder that needs these fixtures imports them.
"""

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
    "PrototypeRidge": {},
    "ClassNormalization": {"hidden": 32, "lr": 1e-2, "epochs": 10, "batch": 32},
}


@pytest.fixture
def fast_params():
    """fast_params(name) -> parameters with which the method trains in a blink."""

    def params(name):
        assert name in FAST, f"{name} has no fast settings; add them to FAST in {__file__}"
        return dict(FAST[name])

    return params


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
