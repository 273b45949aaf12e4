"""Whether what a model file holds fits together, so that no half of a model ever predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .runtime.checks import check_array, check_number
from .text import shown

if TYPE_CHECKING:
    from .estimator import EntropySeparationGZSL
    from .nn.mlp import MLP
    from .proxies import ProxySource


def check_model(model: EntropySeparationGZSL) -> None:
    """ValueError, naming the part, unless a model that was read has parts that fit together."""
    classes, seen = model.classes_, model._seen_prototypes
    if classes.ndim != 1 or classes.dtype.kind not in "iU" or len(classes) < 2:
        raise ValueError(f"classes is {classes.dtype} of shape {classes.shape}")
    if not np.array_equal(np.unique(classes), classes):
        raise ValueError("classes are not sorted and distinct")
    if seen.ndim != 2 or seen.shape[0] != len(classes):
        raise ValueError(f"seen_prototypes has shape {seen.shape} for {len(classes)} classes")
    dtype = np.dtype(model._fit_params["dtype"])
    d, k, m = model.n_features_in_, seen.shape[1], model.settings_.vsmm_latent
    check_array("seen_prototypes", seen, seen.shape, dtype)
    for name, scaler, n in (
        ("feature", model._feature_scaler, d),
        ("prototype", model._prototype_scaler, k),
    ):
        check_array(f"{name}_shift", scaler.shift, (n,), dtype)
        check_array(f"{name}_scale", scaler.scale, (n,), dtype)
        if not bool((scaler.scale > 0).all()):
            raise ValueError(f"{name}_scale is not positive")
    ends = {"f_v": (d, m), "g": (m, d), "f_s": (k, m), "c": (m, len(classes))}
    for name, network in model.vsmm_.networks.items():
        check_network(name, network, *ends[name], dtype)
    _check_scales(model)
    if model.proxy_source_ is not None:
        _check_source(model.proxy_source_, k, d, dtype)


def _check_scales(model: EntropySeparationGZSL) -> None:
    scale = model.entropy_scale_
    if model.score_scale_ is not None:
        check_number("score_scale", model.score_scale_)
    if (model.settings_.router_unit == "measured") != (scale is not None):
        raise ValueError(f"entropy_scale is {shown(scale, 20)}")
    for number in scale or ():
        check_number("entropy_scale", number)
    if scale is not None and len(scale) != 2:
        raise ValueError(f"entropy_scale has {len(scale)} numbers")


def _check_source(source: ProxySource, k: int, d: int, dtype: np.dtype) -> None:
    if not source.snapshots or type(source.latent) is not int or source.latent < 1:
        raise ValueError(
            f"there are {len(source.snapshots)} snapshots, latent {shown(source.latent)}"
        )
    check_number("reference", source.reference)
    for number in (value for look in source.looks for value in look):
        check_number("a look", number)
    for snapshot in source.snapshots:
        check_network("a generator", snapshot.generator, source.latent + k, d, dtype)


def check_network(name: str, network: MLP, n_in: int, n_out: int, dtype: np.dtype) -> None:
    """See MLP.check."""
    network.check(name, n_in, n_out, dtype)


def check_progress(header: dict, arrays: dict) -> None:
    """ValueError unless the history and the sums of a VSMM's checkpoint fit its step."""
    history, names, batches = header["history"], header["names"], header["batches"]
    if type(history) is not list or type(names) is not list:
        raise ValueError("the history or the names of its terms are no list")
    step, epochs = int(arrays["step"]), len(history)
    if not all(type(name) is str for name in names) or (step and "loss" not in names):
        raise ValueError(f"the terms are named {shown(names)}")
    for means in history:
        if list(means) != list(names):
            raise ValueError(f"the history has {shown(list(means))} where {shown(names)} are named")
        for name, value in means.items():
            check_number(name, value)
    if type(batches) is not int or not 0 <= batches <= step:
        raise ValueError(f"batches is {shown(batches, 20)} at step {step}")
    whole, rest = divmod(step - batches, epochs) if epochs else (batches + 1, step - batches)
    if rest or batches >= whole:
        raise ValueError(f"step {step} can't be {epochs} epochs and {batches} batches")
    if batches:
        sums = arrays["sums"]
        if sums.shape != (len(names),) or not np.isfinite(sums).all():
            raise ValueError(f"sums has shape {sums.shape} for {len(names)} terms, or NaN or inf")
