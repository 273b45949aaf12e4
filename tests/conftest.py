"""Fixtures for all tests: small datasets in memory and on disk, and a check of error messages."""

import inspect
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the conftest of a folder imports fast_methods


@pytest.fixture(scope="session")
def tiny_dataset():
    """tiny_dataset(seed=0) -> Dataset: 5 seen and 2 unseen classes, d=12, k=6, 40 samples a class.

    Features are a linear map of the prototypes plus noise, so that prototypes predict them.
    """
    return _tiny_dataset


@pytest.fixture(scope="session")
def write_xlsa17():
    """write_xlsa17(folder, ...) -> dict of the variables written; see _write_xlsa17."""
    return _write_xlsa17


@pytest.fixture
def write_mat():
    """write_mat(path, variables, mat73=False) writes a MATLAB file."""
    return _write_mat


@pytest.fixture
def sentence():
    """with sentence(ValueError, "part", "7"): the error is one line that has all the parts."""
    return _sentence


def _tiny_dataset(seed=0):
    from tinygzsl.datasets import Dataset

    rng = np.random.default_rng(seed)
    prototypes = rng.random((7, 6))
    to_features = rng.normal(size=(6, 12))

    def samples(classes, per_class):
        y = np.repeat(classes, per_class)
        X = prototypes[y] @ to_features + 0.15 * rng.normal(size=(len(y), 12))
        return X.astype(np.float32), y

    seen, unseen = np.array([0, 1, 3, 4, 6]), np.array([2, 5])
    X_train, y_train = samples(seen, 30)
    X_seen, y_seen = samples(seen, 10)
    X_unseen, y_unseen = samples(unseen, 40)
    return Dataset(
        name="tiny",
        X_train=X_train,
        y_train=y_train,
        X_test=np.concatenate([X_seen, X_unseen]),
        y_test=np.concatenate([y_seen, y_unseen]),
        seen_classes=seen,
        seen_prototypes=prototypes[seen].astype(np.float32),
        unseen_classes=unseen,
        unseen_prototypes=prototypes[unseen].astype(np.float32),
        class_names={label: f"class {label}" for label in range(7)},
        source={"name_or_path": "tiny", "root": None, "split": None, "prototypes": "att"},
    )


def _write_xlsa17(
    folder, seed=0, features_file="res101.mat", splits_folder=".", mat73=False, **changes
):
    """Write folder/<features_file> and folder/<splits_folder>/att_splits.mat; return all variables.

    140 samples, shuffled, of the classes 1 2 4 5 6 (seen) and 3 8 (unseen) of 8; d=10, k=6.
    Row 0 of the features is the 0-based sample number. train_loc and val_loc (classes 5, 6) list
    test_seen samples too, as published files do. `changes` replaces variables by name; None
    leaves one out.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([1, 2, 4, 5, 6, 3, 8], 20))
    att = rng.random((6, 8))
    att /= np.linalg.norm(att, axis=0)
    values = (att.T @ rng.normal(size=(6, 10)))[labels - 1] + 0.1 * rng.normal(size=(140, 10))
    values[:, 0] = np.arange(140)
    of_class = [np.flatnonzero(labels == c) + 1 for c in range(9)]
    seen = (1, 2, 4, 5, 6)

    def column(parts):
        return np.sort(np.concatenate(parts)).astype(np.uint16)[:, None]

    content = {
        "features": values.T,
        "labels": labels.astype(np.uint8)[:, None],
        "att": att,
        "original_att": 100 * att,
        "allclasses_names": np.array([[f"name {c}"] for c in range(1, 9)], dtype=object),
        "trainval_loc": column([of_class[c][:14] for c in seen]),
        "test_seen_loc": column([of_class[c][14:] for c in seen]),
        "test_unseen_loc": column([of_class[3], of_class[8]]),
        "train_loc": column([of_class[c] for c in (1, 2, 4)]),
        "val_loc": column([of_class[c] for c in (5, 6)]),
    }
    content = {k: v for k, v in {**content, **changes}.items() if v is not None}
    in_features = ("features", "labels", "image_files")
    _write_mat(
        Path(folder) / features_file, {k: v for k, v in content.items() if k in in_features}, mat73
    )
    _write_mat(
        Path(folder) / splits_folder / "att_splits.mat",
        {k: v for k, v in content.items() if k not in in_features},
        mat73,
    )
    return content


def _write_mat(path, variables, mat73=False):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if mat73:
        _write_mat73(path, variables)
        return
    from scipy.io import savemat

    savemat(path, variables)


def _write_mat73(path, variables):
    """As MATLAB does: HDF5 after a header of 512 bytes, arrays transposed, cells as references."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, value in variables.items():
            if value.dtype != object:
                file[key] = value.T
                continue
            cells = [
                file.create_dataset(
                    f"#refs#/{key}{i}", data=np.array([[ord(c)] for c in text], "u2")
                ).ref
                for i, text in enumerate(value.ravel())
            ]
            file.create_dataset(key, data=np.array([cells], dtype=h5py.ref_dtype))
            file[key].attrs["MATLAB_class"] = np.bytes_("cell")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


@contextmanager
def _sentence(kind, *parts):
    with pytest.raises(kind) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) > 20
    for part in parts:
        assert str(part) in message, f"{part!r} is not in {message!r}"


@pytest.fixture
def small_model():
    """small_model(**changes) -> an unfitted estimator with tiny networks, fitted in under 1 s."""
    return _small_model


@pytest.fixture(scope="session")
def run_cli():
    """run_cli(*args) -> click's Result of `tinygzsl args...`, with stdout and stderr apart."""
    return _run_cli


@pytest.fixture(scope="session")
def fast_options():
    """Command-line options that make `train` take well under a second on write_xlsa17's data."""
    return ["--preset", "small", *(part for s in FAST_SETTINGS for part in ("--set", s))]


FAST_SETTINGS = (
    "gan.generator_hidden=[16]",
    "gan.critic_hidden=[16]",
    "gan.lr=3e-3",
    "gan.batch=16",
    "cs.low=0.05",
    "cs.high=0.3",
    "proxy.count=200",
    "scale.features=standard",
    "gan.output=linear",
    "vsmm.latent=16",
    "vsmm.lr=1e-2",
    "vsmm.batch=16",
    "vsmm.epochs=15",
    "vsmm.gamma=1.0",
    "router.delta_high=1.0",
)


def _small_model(**changes):
    from tinygzsl import EntropySeparationGZSL
    from tinygzsl.cli.config import parse_set

    return EntropySeparationGZSL(**{"preset": "small", **parse_set(FAST_SETTINGS), **changes})


def _run_cli(*args):
    from click.testing import CliRunner

    from tinygzsl.cli.main import main

    mixes = "mix_stderr" in inspect.signature(CliRunner).parameters  # click before 8.2
    runner = CliRunner(mix_stderr=False) if mixes else CliRunner()
    return runner.invoke(main, [str(arg) for arg in args])
