"""Whether what a model file holds fits together, so that no half of a model ever predicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .nn.ops import ACTIVATIONS
from .runtime.backend import Array, array_module
from .text import quoted, shown

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
    _check("seen_prototypes", seen, seen.shape, dtype)
    for name, scaler, n in (
        ("feature", model._feature_scaler, d),
        ("prototype", model._prototype_scaler, k),
    ):
        _check(f"{name}_shift", scaler.shift, (n,), dtype)
        _check(f"{name}_scale", scaler.scale, (n,), dtype)
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
    """ValueError unless a network's parameters are finite and lead from n_in to n_out."""
    params, width = network.params, n_in
    if not params or len(params) % 2:
        raise ValueError(f"{name} has {len(params)} parameters")
    for weights, bias in zip(params[::2], params[1::2], strict=True):
        if weights.ndim != 2:
            raise ValueError(f"{name} has weights of shape {weights.shape}")
        _check(name, weights, (weights.shape[0], width), dtype)
        width = weights.shape[0]
        _check(name, bias, (width,), dtype)
    if width != n_out:
        raise ValueError(f"{name} has {width} outputs, not {n_out}")
    for activation in (network.hidden, network.output):
        if activation not in ACTIVATIONS:
            raise ValueError(f"{name} has the activation {quoted(activation, 20)}")


def _check(name: str, array: Array, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {dtype} of {shape}")
    if not bool(array_module(array).isfinite(array).all()):
        raise ValueError(f"{name} holds NaN or inf")


def check_number(name: str, value: Any) -> None:
    """ValueError unless value is a finite number."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value):
        raise ValueError(f"{name} is {shown(value, 20)}, no finite number")


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
