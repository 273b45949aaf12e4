"""Models as NPZ files, by the kind that their header names.

A model file holds what predict needs and, of an EntropySeparationGZSL, the generators that its
proxies came from. It holds no training sample, unless a learned gate looks at neighbours, and
unseen prototypes only if the method isn't strict, which its header says. `model.save` writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import InputError
from .nn.device_memory import FREE_SOME, device_errors
from .runtime.backend import device_module
from .storage.arrays_file import State, read_npz, whole_or_damaged
from .text import quoted

if TYPE_CHECKING:  # loading one kind of model needs the modules of no other
    from .baselines.common.base import Baseline
    from .estimator import EntropySeparationGZSL
    from .stacking.routed import RoutedGZSL
    from .stacking.stack import StackedGZSL

    Model: TypeAlias = EntropySeparationGZSL | Baseline | RoutedGZSL | StackedGZSL


def _model(state: State, device: str) -> Model:
    from .estimator import EntropySeparationGZSL

    return EntropySeparationGZSL.from_state(state, device)


def _baseline(state: State, device: str) -> Model:
    from .baselines.methods import from_state

    return from_state(state)


def _routed(state: State, device: str) -> Model:
    from .stacking.routed import RoutedGZSL

    return RoutedGZSL.from_state(state, device)


def _stack(state: State, device: str) -> Model:
    from .stacking.stack import StackedGZSL

    return StackedGZSL.from_state(state, device)


# By the kind of their files: what makes the model of a state, on a device.
MODELS: dict[str, Callable[[State, str], Model]] = {
    "model": _model,
    "baseline": _baseline,
    "routed": _routed,
    "stack": _stack,
}


def load_model(path: Any, device: str | None = None) -> Model:
    """Load a model from a file that its `save` wrote.

    On the same machine its predictions are the same bit for bit as before it was saved.

    Parameters
    ----------
    path : path
        The model file.
    device : str, optional
        "cpu" or "cuda"; by default the device it was trained on. Baselines are for the CPU only.

    Returns
    -------
    EntropySeparationGZSL, Baseline, RoutedGZSL or StackedGZSL
        The fitted model, of the class that was saved.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is not a model file or is damaged, or the device can't be used.
    """
    state = read_npz(path, *MODELS, what="model")
    with whole_or_damaged(path, "model file", fix="save it again"):
        kind, trained_on = state.header["kind"], _device(state.header)
    device = trained_on if device is None else device
    if kind == "baseline":
        _check_baseline(path, state.header, device=device)
    device_module(device)  # checked here: an unusable device doesn't mean a damaged file
    with whole_or_damaged(path, "model file", fix="save it again"), device_errors(FREE_SOME):
        return MODELS[kind](state, device)


def _check_baseline(path: Any, header: dict[str, Any], *, device: str) -> None:
    """Raise ValueError for another device than the CPU, and for a class of somebody else."""
    from .baselines import METHODS

    name = header.get("method")
    if name not in METHODS:
        raise InputError(
            f"{path} holds {quoted(name, 40)}, which is not one of tinygzsl's methods; read it by "
            "from_state of its class"
        )
    if device != "cpu":
        raise InputError(f"{name} runs on the CPU only; leave out the device, now {device!r}")


def _device(header: dict[str, Any]) -> str:
    """Return the device a model was trained on; that of a combined one is the router's."""
    return header.get("router", header)["params"].get("device", "cpu")
