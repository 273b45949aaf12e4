"""From fit to predict on the stand-in for CuPy, kernels emulated, beside the same on NumPy."""

import numpy as np
import pytest
from ladder import emulator, pipeline, standin
from ladder.cases import CASES
from ladder.pipeline import SETTINGS, arrays_of, assert_close, assert_same_answers

import tinygzsl as tz

pytestmark = [  # after so little training
    pytest.mark.filterwarnings("ignore:the classifier gets"),
    pytest.mark.filterwarnings("ignore:held-out real samples"),
]


@pytest.fixture(scope="module")
def letters():
    """Training and test arguments."""
    return pipeline.letters()


@pytest.mark.parametrize(
    ("dtype", "flags"), [("float32", "plain"), ("float32", "fma"), ("float64", "plain")]
)
def test_fit_and_route_on_cuda_are_those_on_numpy(device, dtype, flags):
    with emulator.flags(flags):
        _, on_device = pipeline.assert_devices_agree(dtype)
    assert isinstance(on_device.vsmm_.params[0], device.ndarray)


def test_all_answers_are_host_arrays_and_the_same(device, letters):
    training, (X, *unseen) = letters
    models = [
        tz.EntropySeparationGZSL(**SETTINGS, dtype="float64", device=name).fit(*training)
        for name in ("cpu", "cuda")
    ]
    for answer in (
        lambda m: m.predict(X),
        lambda m: m.predict(X, *unseen),
        lambda m: m.predict_proba(X),
        lambda m: m.entropy(X),
        lambda m: m.is_unseen(X),
        lambda m: m.compatibility(X, unseen[0]),
        lambda m: m.sample_proxies(50),
        lambda m: m.score(training[0], training[1]),
    ):
        ours, theirs = (answer(model) for model in models)
        assert type(theirs) is type(ours)
        if np.asarray(ours).dtype.kind == "f":
            np.testing.assert_allclose(theirs, ours, rtol=1e-7, atol=1e-7)
        else:
            assert (theirs == ours).mean() >= 0.99


@pytest.mark.parametrize("metric", ["dot", "cosine"])
def test_other_metrics_run_on_the_device(device, letters, metric):
    training, test = letters
    changes = {"router_metric": metric, "vsmm_weight_es": 0.0, "dtype": "float64"}
    settings = {**SETTINGS, **changes}
    on_host = tz.EntropySeparationGZSL(**settings).fit(*training)
    on_device = tz.EntropySeparationGZSL(**settings, device="cuda").fit(*training)
    assert_same_answers(on_host.route(*test), on_device.route(*test), 1e-7)


def test_the_soft_gate_runs_on_the_device(device, letters):
    training, test = letters
    settings = {**SETTINGS, "router_gate": "soft", "vsmm_weight_es": 0.0, "dtype": "float64"}
    on_host = tz.EntropySeparationGZSL(**settings).fit(*training)
    with standin.recorded(device) as log:
        on_device = tz.EntropySeparationGZSL(**settings, device="cuda").fit(*training)
        result = on_device.route(*test)
    assert on_device.score_scale_ == pytest.approx(on_host.score_scale_, rel=1e-7)
    assert_same_answers(on_host.route(*test), result, 1e-7)
    assert "soft_route_rows" in {launch.name for launch in log.launches}


def test_the_learned_gate_runs_on_the_device(device, letters):
    """With neighbours, whose directions lie there; the folds are trained there too."""
    training, test = letters
    gate = {"router_gate": "learned", "router_features": ("entropy", "gap", "neighbours")}
    settings = {**SETTINGS, **gate, "vsmm_weight_es": 0.0, "dtype": "float64"}
    on_host = tz.EntropySeparationGZSL(**settings).fit(*training)
    with standin.recorded(device) as log:
        on_device = tz.EntropySeparationGZSL(**settings, device="cuda").fit(*training)
        result = on_device.route(*test)
    assert isinstance(on_device._neighbours.directions, device.ndarray)
    for name in ("router_weights", "router_means", "router_deviations"):
        ours, theirs = (getattr(m.settings_, name) for m in (on_host, on_device))
        assert theirs == pytest.approx(ours, rel=1e-5)
    assert (on_device.decision_.gate.kappa, on_device.decision_.gate.offset) == (
        on_host.decision_.gate.kappa,
        pytest.approx(on_host.decision_.gate.offset, abs=0.051),
    )
    assert_same_answers(on_host.route(*test), result, 1e-4)
    np.testing.assert_array_equal(
        on_device.is_unseen(test[0], test[1]), on_host.is_unseen(test[0], test[1])
    )
    assert "learned_route_rows" in {launch.name for launch in log.launches}


def test_thresholds_are_measured_on_the_device(device, letters):
    """Of arrays that lie there already."""
    training, test = letters
    changes = {"router_unit": "measured", "router_delta_low": 0.2, "router_delta_high": 0.6}
    settings = {**SETTINGS, **changes, "dtype": "float64"}
    on_host = tz.EntropySeparationGZSL(**settings).fit(*training)
    there = device.asarray(training[0]), training[1], device.asarray(training[2])
    on_device = tz.EntropySeparationGZSL(**settings, device="cuda").fit(*there)
    assert on_device.entropy_scale_ == pytest.approx(on_host.entropy_scale_, rel=1e-7)
    assert_same_answers(on_host.route(*test), on_device.route(*test), 1e-7)


@pytest.mark.parametrize(
    "changes",
    [
        {"gan_activation": "tanh"},
        {"gan_critic_hidden": (24, 16), "gan_activation": "relu"},
        {"ptc_solver": "adam", "ptc_epochs": 20, "ptc_lr": 3e-2, "scale_features": "minmax"},
        {"scale_features": "none", "scale_prototypes": "l2", "vsmm_reduction": "sum"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_other_networks_and_scalers_run_on_the_device(device, letters, changes):
    training, test = letters
    settings = {**SETTINGS, **changes, "gan_max_epochs": 1, "vsmm_epochs": 1, "dtype": "float64"}
    on_host = tz.EntropySeparationGZSL(**settings).fit(*training)
    on_device = tz.EntropySeparationGZSL(**settings, device="cuda").fit(*training)
    assert_close(on_host, on_device, 1e-8)
    assert_same_answers(on_host.route(*test), on_device.route(*test), 1e-7)


def test_the_same_seed_gives_the_same_bits(device, letters):
    training, _ = letters
    settings = {**SETTINGS, "gan_max_epochs": 1, "vsmm_epochs": 1}
    first, second = (
        arrays_of(tz.EntropySeparationGZSL(**settings, device="cuda").fit(*training))
        for _ in range(2)
    )
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_every_kernel_runs_in_the_pipeline_but_those_it_does_not_need(device, letters):
    training, test = letters
    settings = {**SETTINGS, "gan_max_epochs": 1, "vsmm_epochs": 1, "device": "cuda"}
    with standin.recorded(device) as log:
        model = tz.EntropySeparationGZSL(**settings).fit(*training)
        model.route(*test)
    ran = {launch.name for launch in log.launches}
    # Eq. 10 needs no other gate.
    assert set(CASES) - ran == {"soft_route_rows", "learned_route_rows"}
