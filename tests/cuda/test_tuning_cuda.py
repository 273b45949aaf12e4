"""The search on the stand-in for CuPy finds what it finds on NumPy."""

import numpy as np
import pytest

import tinygzsl as tz

SETTINGS = {
    "scale_features": "standard",
    "gan_output": "linear",
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 1e-2,
    "gan_batch": 16,
    "gan_max_epochs": 8,
    "cs_low": 1e-4,
    "cs_high": 0.9,
    "proxy_count": 50,
    "ptc_l2": (1e-2,),
    "vsmm_latent": 16,
    "vsmm_batch": 32,
    "vsmm_lr": 1e-2,
    "vsmm_epochs": 3,
    "vsmm_gamma": 1.0,
    "vsmm_weight_es": 1.0,
}


@pytest.mark.filterwarnings("ignore:entropy hardly tells")
@pytest.mark.parametrize("recalibrate", [False, True])
def test_the_search_on_cuda_is_the_one_on_numpy(device, tiny_dataset, recalibrate):
    training = tiny_dataset().training()
    one, other = (
        tz.tune(
            training,
            "small",
            SETTINGS,
            folds=1,
            device=name,
            dtype="float64",
            recalibrate=recalibrate,
        )
        for name in ("cpu", "cuda")
    )
    assert [t["stage"] for t in one.trials] == ["networks", "separation"]
    for mine, theirs in zip(one.trials, other.trials, strict=True):
        assert mine["stage"] == theirs["stage"]
        np.testing.assert_allclose(theirs["H"], mine["H"])
    assert list(other.chosen) == list(one.chosen)
    for name, value in one.chosen.items():
        is_text = name in ("router_gate", "router_unit", "router_features")
        assert other.chosen[name] == (value if is_text else pytest.approx(value)), name
