"""Models as NPZ files.

A model file holds what predict needs and the generators that its proxies came from. It holds no
unseen prototype and no training sample.
"""

from __future__ import annotations

from dataclasses import asdict
from types import ModuleType
from typing import Any

from .datasets.array_checks import check_dtype
from .datasets.scaling import Scaler
from .estimator import EntropySeparationGZSL
from .model_checks import check_model
from .nn.device_memory import FREE_SOME, device_errors
from .nn.random import check_seed
from .packing import pack_mlp, pack_snapshot, unpack_mlp, unpack_snapshot
from .proxies import ProxySource
from .runtime.backend import device_module
from .settings import Settings
from .snapshots import Look
from .storage.arrays_file import FORMAT, read_npz, write_npz
from .text import shown
from .vsmm import VSMM

DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


def save_model(model: EntropySeparationGZSL, path: Any) -> None:
    """Write a fitted model to path. Raises ValueError if it is not fitted."""
    model._check_fitted()
    arrays = {
        "classes": model.classes_,
        "seen_prototypes": model._seen_prototypes,
        "feature_shift": model._feature_scaler.shift,
        "feature_scale": model._feature_scaler.scale,
        "prototype_shift": model._prototype_scaler.shift,
        "prototype_scale": model._prototype_scaler.scale,
    }
    networks = {}
    for name, net in model.vsmm_.networks.items():
        networks[name] = pack_mlp(name, net, arrays)
    header = {
        "kind": "model",
        "format": FORMAT,
        "params": model._fit_params,
        "settings": asdict(model.settings_),
        "networks": networks,
        "history": model.history_,
        "score_scale": model.score_scale_,
        "entropy_scale": model.entropy_scale_,
        "source": None,
    }
    source = model.proxy_source_
    if source is not None:
        header["source"] = {
            "snapshots": [
                pack_snapshot(f"snapshot{i}", s, arrays) for i, s in enumerate(source.snapshots)
            ],
            "looks": [look._asdict() for look in source.looks],
            "reference": source.reference,
            "ptc_l2": source.ptc_l2,
            "latent": source.latent,
        }
    write_npz(path, header, arrays)


def load_model(path: Any, device: str | None = None) -> EntropySeparationGZSL:
    """The model that was saved to path, on its own device or another one.

    It predicts what it predicted when it was saved, bit for bit on the same machine. Raises
    FileNotFoundError, or ValueError for a file that is no model.
    """
    header, arrays = read_npz(path, "model")
    try:
        device = device or header["params"]["device"]
    except (KeyError, TypeError):
        raise ValueError(f"{path} is a damaged model file (no params); save it again") from None
    xp = device_module(device)
    try:
        with device_errors(FREE_SOME):
            model = _unpack_model(header, arrays, device, xp)
            check_model(model)
            return model
    except DAMAGED as error:
        words = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{path} is a damaged model file ({shown(words, 300)}); save it again"
        ) from None


def _unpack_model(header: dict, arrays: dict, device: str, xp: ModuleType) -> EntropySeparationGZSL:
    params, settings = (_as_tuples(header[name]) for name in ("params", "settings"))
    params["device"] = device
    check_dtype(params["dtype"])
    check_seed(params["seed"])
    model = EntropySeparationGZSL(**params)
    model._fit_params, model.settings_ = params, Settings(**settings)
    classes = arrays.pop("classes")
    arrays = {name: xp.asarray(array) for name, array in arrays.items()}
    model.classes_, model.history_ = classes, header["history"]
    model.score_scale_ = header.get("score_scale")  # files of eq. 10 alone have none
    scale = header.get("entropy_scale")  # only where router_unit is "measured"
    model.entropy_scale_ = scale and tuple(scale)
    model.n_features_in_ = int(arrays["feature_shift"].shape[0])
    model._seen_prototypes = arrays["seen_prototypes"]
    model._feature_scaler = Scaler(arrays["feature_shift"], arrays["feature_scale"])
    model._prototype_scaler = Scaler(
        arrays["prototype_shift"],
        arrays["prototype_scale"],
        model.settings_.scale_prototypes == "l2",
    )
    model.vsmm_ = VSMM(*(unpack_mlp(name, net, arrays) for name, net in header["networks"].items()))
    model.proxy_source_ = _unpack_source(header["source"], arrays)
    return model


def _as_tuples(values: dict) -> dict:
    """JSON's lists as the tuples that they were."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _unpack_source(source: dict | None, arrays: dict) -> ProxySource | None:
    if source is None:
        return None
    return ProxySource(
        [unpack_snapshot(f"snapshot{i}", s, arrays) for i, s in enumerate(source["snapshots"])],
        [Look(**look) for look in source["looks"]],
        source["reference"],
        source["ptc_l2"],
        source["latent"],
    )
