"""Models as NPZ files.

A model file holds what predict needs and the generators that its proxies came from. It holds no
unseen prototype and no training sample. `model.save` writes it.
"""

from __future__ import annotations

from typing import Any

from .estimator import EntropySeparationGZSL
from .nn.device_memory import FREE_SOME, device_errors
from .runtime.backend import device_module
from .storage.arrays_file import DAMAGED, read_npz
from .text import shown

MODELS = {"model": EntropySeparationGZSL}  # by the kind of their files


def load_model(path: Any, device: str | None = None) -> EntropySeparationGZSL:
    """The model that was saved to path, on its own device or another one.

    It predicts what it predicted when it was saved, bit for bit on the same machine. Raises
    FileNotFoundError, or ValueError for a file that is no model.
    """
    state = read_npz(path, *MODELS)
    try:
        device = device or state.header["params"]["device"]
    except (KeyError, TypeError):
        raise ValueError(f"{path} is a damaged model file (no params); save it again") from None
    device_module(device)  # a device that can't be used is no damage of the file
    try:
        with device_errors(FREE_SOME):
            return MODELS[state.header["kind"]].from_state(state, device)
    except DAMAGED as error:
        words = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{path} is a damaged model file ({shown(words, 300)}); save it again"
        ) from None
