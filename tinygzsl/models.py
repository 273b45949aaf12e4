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
    """The model that was saved to path, on its own device or another one.

    It predicts what it predicted when it was saved, bit for bit on the same machine. Raises
    FileNotFoundError, or ValueError for a file that is no model.
    """
    state = read_npz(path, *MODELS)
    with whole_or_damaged(path, "model file", "save it again"):
        device = device or state.header["params"]["device"]
    device_module(device)  # a device that can't be used is not damage of the file
    with whole_or_damaged(path, "model file", "save it again"), device_errors(FREE_SOME):
        return MODELS[state.header["kind"]].from_state(state, device)
