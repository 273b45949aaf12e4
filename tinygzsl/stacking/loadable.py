"""Which methods a file of a combined model can hold: those that load_model knows by name."""

from __future__ import annotations

from typing import Any

from ..baselines import METHODS
from ..baselines.methods import method as baseline
from ..errors import InputError
from ..estimator import EntropySeparationGZSL


def check_loadable(what: str, method: Any) -> None:
    """ValueError unless load_model could make the method again from a file.

    A subclass has the class's `save`, but load_model could not find it.
    """
    kind = type(method)
    known = kind.__name__ in METHODS and kind is baseline(kind.__name__)
    if kind is not EntropySeparationGZSL and not known:
        raise InputError(
            f"{what} is a {kind.__name__}, which is not one of tinygzsl's methods, so no file with "
            "it could be loaded; leave it out to save the model or to fit it with a checkpoint"
        )
