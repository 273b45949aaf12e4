"""Datasets for generalized zero-shot learning: load, check, save.

`load_dataset` chooses the loader; training receives `Dataset.training()` only. The loaders are
imported on first use, as training and prediction on arrays don't need them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .dataset import Dataset, TrainingSet, check_test, check_training

if TYPE_CHECKING:
    from .csv_folder import load_csv, save_csv
    from .find import load_dataset
    from .npz import load_npz, save_npz

__all__ = [
    "Dataset",
    "TrainingSet",
    "check_test",
    "check_training",
    "load_csv",
    "load_dataset",
    "load_npz",
    "save_csv",
    "save_npz",
]

_HOME = {
    "load_csv": ".csv_folder",
    "load_dataset": ".find",
    "load_npz": ".npz",
    "save_csv": ".csv_folder",
    "save_npz": ".npz",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
