"""Small files that unpack to gigabytes are refused before an array is read."""

import json
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.checkpoints import GanCheckpoint
from tinygzsl.comparison.predictions import KIND, PredictionFiles
from tinygzsl.datasets import load_dataset
from tinygzsl.storage.arrays_file import FORMAT, checksum
from tinygzsl.storage.npy import PACKED_BYTES

ROWS, COLUMNS = 200_000, 500  # 400 MB of float32 zeros, 400 kB in the file


@contextmanager
def little_memory(megabytes=16):
    """At most so much is taken within, by NumPy too."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    """A packed .npz with the array X_train of zeros."""
    path = tmp_path_factory.mktemp("zeros") / "zeros.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("X_train.npy", "w") as member,
    ):
        head = {"descr": "<f4", "fortran_order": False, "shape": (ROWS, COLUMNS)}
        np.lib.format.write_array_header_1_0(member, head)
        for _ in range(100):
            member.write(bytes(ROWS * COLUMNS * 4 // 100))
    assert path.stat().st_size < 1 << 20
    return path


@pytest.fixture
def forged(zeros, tmp_path):
    """forged(**arrays) -> the same file with further arrays."""

    def write(**arrays):
        path = tmp_path / "forged.npz"
        path.write_bytes(zeros.read_bytes())
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
            for name, array in arrays.items():
                with file.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array)
        return path

    return write


def header(kind):
    return np.array(json.dumps({"kind": kind, "format": FORMAT, "fingerprint": "x"}))


def test_a_model_without_a_header(forged, sentence):
    with little_memory(), sentence(ValueError, "not a model file", "no 'header'"):
        tz.load_model(forged())


def test_a_model_of_another_kind(forged, sentence):
    stored = np.array(json.dumps({"kind": "picture", "format": FORMAT}))
    path = forged()
    with zipfile.ZipFile(path, "a") as file, file.open("header.npy", "w") as member:
        np.lib.format.write_array(member, stored)
    with little_memory(), sentence(ValueError, "is a picture file of format 2"):
        tz.load_model(path)


def test_a_model_whose_arrays_are_packed(forged, sentence):
    path = forged()
    with zipfile.ZipFile(path, "a") as file, file.open("header.npy", "w") as member:
        np.lib.format.write_array(member, header("model"))
    claims = f"claims to hold {ROWS * COLUMNS * 4}"
    with little_memory(), sentence(ValueError, "not a model file", claims):
        tz.load_model(path)


def test_a_packed_header_is_refused(forged, sentence):
    with little_memory(), sentence(ValueError, "header is compressed"):
        tz.load_model(forged(header=header("model")))


def test_a_checkpoint(forged, sentence):
    with little_memory(), sentence(ValueError, "not a checkpoint file", "delete it to train"):
        GanCheckpoint(forged(header=header("checkpoint")), "x").restore(None)


def test_labels_of_a_comparison_take_no_more_than_those_of_the_data(
    tmp_path, tiny_dataset, sentence
):
    files = PredictionFiles(folder=tmp_path, data=tiny_dataset())
    row = {"method": "SAE", "seed": 3, "routed": False}
    path = files.path(row)
    path.parent.mkdir(parents=True)
    head, arrays = {"kind": KIND, "format": FORMAT, "row": row}, {"label": np.zeros(1 << 21)}
    text = json.dumps({**head, "sha256": checksum(head, arrays)})
    np.savez_compressed(path, header=np.array(text), **arrays)
    with little_memory(), sentence(ValueError, path, f"claims {16 << 20} bytes, but there are at"):
        files.read(row)


def test_data_that_no_data_packs_to(forged, sentence):
    small = {"prototypes": np.ones((7, 3)), "classes": np.arange(7), "X_test": np.ones((4, 500))}
    path = forged(y_train=np.zeros(ROWS, np.uint8), y_test=np.arange(4), **small)
    assert ROWS * COLUMNS * 4 > PACKED_BYTES
    with little_memory(), sentence(ValueError, path, "more than data pack", "numpy.savez"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"y_train": np.zeros(9)}, ["X_train has 5000000 rows", "y_train has 9 entries"]),
        (
            {"X_test": np.ones((2, 3)), "y_test": np.zeros(2)},
            ["X_test has 3 columns", "X_train has 2"],
        ),
    ],
)
def test_data_of_which_one_array_is_huge(tmp_path, sentence, changes, parts):
    fit = {"X_train": np.zeros((5_000_000, 2), np.float32), "y_train": np.zeros(5_000_000, np.int8)}
    small = {"prototypes": np.ones((7, 3)), "classes": np.arange(7)}
    np.savez_compressed(tmp_path / "d.npz", **{**fit, **small, **changes})
    with little_memory(), sentence(ValueError, *parts):
        load_dataset(tmp_path / "d.npz")
