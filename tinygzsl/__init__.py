"""Generalized zero-shot learning in NumPy, without a deep-learning framework.

The public names are imported on first use, so ``import tinygzsl`` itself is cheap:
``EntropySeparationGZSL`` (the model), ``load_model``, ``load_dataset``, ``Dataset``, ``evaluate``
and ``tune``.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .datasets import Dataset, load_dataset
    from .estimator import EntropySeparationGZSL
    from .evaluation import evaluate
    from .models import load_model
    from .tuning.tune import tune

__all__ = [
    "Dataset",
    "EntropySeparationGZSL",
    "__version__",
    "evaluate",
    "load_dataset",
    "load_model",
    "tune",
]

_HOME = {
    "Dataset": ".datasets",
    "EntropySeparationGZSL": ".estimator",
    "evaluate": ".evaluation",
    "load_dataset": ".datasets",
    "load_model": ".models",
    "tune": ".tuning.tune",
}

# In a checkout kernels/ and cli/ lie beside this folder; in an installed package, inside it.
if not Path(__file__).with_name("kernels").is_dir():
    __path__.append(str(Path(__file__).parents[1]))


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
