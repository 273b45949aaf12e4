"""From fit to predict on a small part of the letters, with device="cuda" and without."""

from __future__ import annotations

import numpy as np

import tinygzsl as tz
from tinygzsl.runtime.backend import to_host

SETTINGS = {
    "preset": "letters",
    "gan_generator_hidden": (48,),
    "gan_critic_hidden": (48,),
    "gan_batch": 32,
    "gan_lr": 1e-4,
    "gan_max_epochs": 5,
    "cs_low": 0.0,
    "cs_high": 9.0,  # never reached: the CWGAN trains for all its epochs
    "proxy_from": "pool",
    "proxy_count": 300,
    "ptc_l2": (1e-2,),
    "vsmm_hidden": (40,),
    "vsmm_latent": 24,
    "vsmm_batch": 64,
    "vsmm_epochs": 3,
    "vsmm_lr": 1e-3,
    "router_delta_low": 2.6,
    "router_delta_high": 2.8,
}
TOLERANCE = {"float32": 2e-3, "float64": 1e-9}  # of the weights, in the norm of each array


def letters() -> tuple[tuple, tuple]:
    """Letters: 20 training samples a class; every 40th test sample and the unseen prototypes."""
    data = tz.load_dataset("letters")
    rows = np.concatenate([np.flatnonzero(data.y_train == c)[:20] for c in data.seen_classes])
    training = data.X_train[rows], data.y_train[rows], data.seen_prototypes
    return training, (data.X_test[::40], data.unseen_prototypes, data.unseen_classes)


def arrays_of(model: tz.EntropySeparationGZSL) -> dict:
    """All trained arrays by name, on the host."""
    networks = dict(model.vsmm_.networks)
    for i, snapshot in enumerate(model.proxy_source_.snapshots):
        networks[f"snapshot {i}"] = snapshot.generator
    found = {(name, i): p for name, net in networks.items() for i, p in enumerate(net.params)}
    return {key: to_host(p) for key, p in found.items()}


def assert_close(
    model: tz.EntropySeparationGZSL, other: tz.EntropySeparationGZSL, tolerance: float
) -> None:
    """All trained arrays of both models agree, each in its norm."""
    ours, theirs = arrays_of(model), arrays_of(other)
    assert ours.keys() == theirs.keys()
    for key, expected in ours.items():
        assert theirs[key].dtype == expected.dtype
        distance = np.linalg.norm(theirs[key] - expected)
        assert distance <= tolerance * np.linalg.norm(expected), key


def assert_same_answers(result: tz.RouteResult, other: tz.RouteResult, tolerance: float) -> None:
    """The same but where a tie of labels or an entropy at a threshold is decided by rounding."""
    for name in ("entropy", "score", "gate"):
        ours, theirs = getattr(result, name), getattr(other, name)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert isinstance(other.label, np.ndarray)
    assert (result.route == other.route).mean() >= 0.99
    assert (result.label == other.label).mean() >= 0.99


def assert_devices_agree(dtype: str) -> tuple:
    """Train on NumPy and on CUDA, compare weights, curves and answers; the models, CUDA's last."""
    training, test = letters()
    tolerance = TOLERANCE[dtype]
    on_host = tz.EntropySeparationGZSL(**SETTINGS, dtype=dtype).fit(*training)
    on_device = tz.EntropySeparationGZSL(**SETTINGS, dtype=dtype, device="cuda").fit(*training)
    assert_close(on_host, on_device, tolerance)
    result, other = on_host.route(*test), on_device.route(*test)
    assert set(result.route) == {"SL", "GZSL", "ZSL"}
    assert_same_answers(result, other, 10 * tolerance)
    for ours, theirs in zip(on_host.history_, on_device.history_, strict=True):
        np.testing.assert_allclose(list(theirs.values()), list(ours.values()), rtol=10 * tolerance)
    for name in ("step", "cs", "wasserstein", "penalty"):
        ours, theirs = (
            [getattr(look, name) for look in model.proxy_source_.looks]
            for model in (on_host, on_device)
        )
        np.testing.assert_allclose(theirs, ours, rtol=10 * tolerance)
    return on_host, on_device
