"""Models and checkpoints as NPZ files: arrays and one JSON text, never a pickle.

A model file holds what predict needs and the generators that its proxies came from. It holds no
unseen prototype and no training sample.
"""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .aside import written_aside
from .backend import array_module, device_module, to_host
from .cwgan import CWGAN
from .device_memory import FREE_SOME, device_errors
from .estimator import EntropySeparationGZSL
from .mlp import MLP
from .presets import Settings
from .proxies import ProxySource
from .scaling import Scaler
from .snapshots import Look, Snapshot, SnapshotKeeper
from .vsmm import VSMM

FORMAT = 1
CHECKPOINT_SECONDS = 60.0


def write_npz(path: Any, header: dict, arrays: dict[str, Any]) -> None:
    """Arrays and a JSON header to path, written aside and renamed."""
    host = {name: to_host(array) for name, array in arrays.items()}
    with written_aside(path) as aside, open(aside, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **host)


def read_npz(path: Any, kind: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a file of that kind ("model", "checkpoint").

    Raises FileNotFoundError if there is none and ValueError if it is something else or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path of the {kind}")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        found = header["kind"], header["format"]
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no {kind} file of tinygzsl or is damaged ({error})") from None
    if found != (kind, FORMAT):
        raise ValueError(
            f"{path} is a {found[0]} file of format {found[1]}, but a {kind} of format {FORMAT} "
            "is needed; use the file and the version of tinygzsl that belong together"
        )
    return header, arrays


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
        networks[name] = _pack_mlp(name, net, arrays)
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
                _pack_snapshot(f"snapshot{i}", s, arrays) for i, s in enumerate(source.snapshots)
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
        with device_errors(FREE_SOME):
            return _unpack_model(header, arrays, device)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is a damaged model file (no {error}); save it again") from None


def _unpack_model(header: dict, arrays: dict, device: str | None) -> EntropySeparationGZSL:
    params, settings = (_as_tuples(header[name]) for name in ("params", "settings"))
    params["device"] = device or params["device"]
    model = EntropySeparationGZSL(**params)
    model._fit_params, model.settings_ = params, Settings(**settings)
    xp = device_module(model.device)
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
    model.vsmm_ = VSMM(
        *(_unpack_mlp(name, net, arrays) for name, net in header["networks"].items())
    )
    model.proxy_source_ = _unpack_source(header["source"], arrays)
    return model


def _as_tuples(values: dict) -> dict:
    """JSON's lists as the tuples that they were."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _unpack_source(source: dict | None, arrays: dict) -> ProxySource | None:
    if source is None:
        return None
    return ProxySource(
        [_unpack_snapshot(f"snapshot{i}", s, arrays) for i, s in enumerate(source["snapshots"])],
        [Look(**look) for look in source["looks"]],
        source["reference"],
        source["ptc_l2"],
        source["latent"],
    )


def _pack_mlp(name: str, net: MLP, arrays: dict) -> dict:
    """Put the parameters into arrays as name.0, name.1, ...; the rest is the header's."""
    arrays.update({f"{name}.{i}": p for i, p in enumerate(net.params)})
    return {"count": len(net.params), "hidden": net.hidden, "output": net.output}


def _unpack_mlp(name: str, packed: dict, arrays: dict) -> MLP:
    params = [arrays[f"{name}.{i}"] for i in range(packed["count"])]
    return MLP(params, packed["hidden"], packed["output"])


def _pack_snapshot(name: str, snapshot: Snapshot, arrays: dict) -> dict:
    return {"look": snapshot.look._asdict(), **_pack_mlp(name, snapshot.generator, arrays)}


def _unpack_snapshot(name: str, packed: dict, arrays: dict) -> Snapshot:
    return Snapshot(Look(**packed["look"]), _unpack_mlp(name, packed, arrays))


class GanCheckpoint:
    """The state of CWGAN training in a file, saved at most once a minute and at its end.

    fingerprint, any text, says which data and settings the state belongs to. Random numbers are
    functions of the step, so a run goes on exactly where it was.
    """

    def __init__(self, path: Any, fingerprint: str):
        self.path, self.fingerprint = Path(path), fingerprint
        self.saved_at = time.monotonic()

    def save(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look], force: bool) -> None:
        """Write the state if a minute has passed since the last time, or if force."""
        if not force and time.monotonic() - self.saved_at < CHECKPOINT_SECONDS:
            return
        arrays = gan.state()
        nearest = keeper.nearest and _pack_snapshot("nearest", keeper.nearest, arrays)
        header = {
            "kind": "checkpoint",
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "looks": [look._asdict() for look in looks],
            "inside": [
                _pack_snapshot(f"inside{i}", s, arrays) for i, s in enumerate(keeper.inside)
            ],
            "nearest": nearest,
            "seen_inside": keeper.seen_inside,
            "stride": keeper.stride,
        }
        write_npz(self.path, header, arrays)
        self.saved_at = time.monotonic()

    def restore(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look]) -> None:
        """Take the state over from the file, if there is one.

        Raises ValueError if it belongs to other data or settings.
        """
        if not self.path.is_file():
            return
        header, arrays = read_npz(self.path, "checkpoint")
        if header["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"{self.path} belongs to other training data or settings; restore them, or train "
                "into a new folder"
            )
        gan.restore(arrays)
        xp = array_module(*gan.generator.params)
        arrays = {name: xp.asarray(array) for name, array in arrays.items()}
        looks[:] = [Look(**look) for look in header["looks"]]
        keeper.inside = [
            _unpack_snapshot(f"inside{i}", s, arrays) for i, s in enumerate(header["inside"])
        ]
        packed = header["nearest"]
        keeper.nearest = packed and _unpack_snapshot("nearest", packed, arrays)
        keeper.seen_inside, keeper.stride = header["seen_inside"], header["stride"]
        values = [keeper.value(look) for look in looks]
        keeper.lowest, keeper.highest = min(values), max(values)
