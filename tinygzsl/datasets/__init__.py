"""Datasets for generalized zero-shot learning: load, check, save.

`load_dataset` finds the right loader; `Dataset.training()` is all that training ever receives.
h5py is imported only when a MATLAB file of version 7.3 is read.
"""

from .csv_folder import load_csv, save_csv
from .dataset import Dataset, TrainingSet, check_test, check_training
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
