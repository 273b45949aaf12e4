"""Models as NPZ files.

A model file holds what predict needs and the generators that its proxies came from. It holds no
unseen prototype and no training sample. `model.save` writes it.
"""

from __future__ import annotations

from typing import Any

from .estimator import EntropySeparationGZSL
from .nn.device_memory import FREE_SOME, device_errors
from .runtime.backend import device_module
from .storage.arrays_file import read_npz, whole_or_damaged

MODELS = {"model": EntropySeparationGZSL}  # by the kind of their files


def load_model(path: Any, device: str | None = None) -> EntropySeparationGZSL:
    """Load a model from a file that its `save` wrote.

    On the same machine its predictions are the same bit for bit as before it was saved.

    Parameters
    ----------
    path : path
        The model file.
    device : str, optional
        "cpu" or "cuda"; by default the device it was trained on.

    Returns
    -------
    EntropySeparationGZSL
        The fitted model.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is not a model file or is damaged, or the device can't be used.
    """
    state = read_npz(path, *MODELS)
    with whole_or_damaged(path, "model file", fix="save it again"):
        device = device or state.header["params"]["device"]
    device_module(device)  # checked here: an unusable device doesn't mean a damaged file
    with whole_or_damaged(path, "model file", fix="save it again"), device_errors(FREE_SOME):
        return MODELS[state.header["kind"]].from_state(state, device)
