"""Any dataset survives being written and read, in every layout; properties by hypothesis."""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygzsl.datasets import Dataset, load_csv, load_dataset, load_npz, save_csv, save_npz
from tinygzsl.datasets.mat5 import read_mat5
from tinygzsl.storage import arrays_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzzing.bases import mat73_bytes
from fuzzing.invariants import check_dataset

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
# One line of characters that are printed: neither surrogates nor controls nor odd spaces.
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@st.composite
def datasets(draw, text=True, dtypes=(np.float32, np.float64)):
    """Datasets of 2 to 5 seen and 1 to 4 unseen classes, with any finite values."""
    seen, unseen = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(dtypes))
    numbers = st.floats(width=np.dtype(dtype).itemsize * 8, allow_nan=False, allow_infinity=False)
    if text and draw(st.booleans()):
        labels = draw(st.lists(words, min_size=seen + unseen, max_size=seen + unseen, unique=True))
        whole = all(label.isascii() and label.lstrip("-").isdigit() for label in labels)
        labels = np.array([f"x{label}" for label in labels] if whole else labels)
    else:
        ints = st.integers(-(2**63), 2**63 - 1)
        labels = draw(st.lists(ints, min_size=seen + unseen, max_size=seen + unseen, unique=True))
        labels = np.array(labels, np.int64)
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    order = draw(st.permutations(range(seen + unseen)))
    seen_classes = np.sort(labels[order[:seen]])
    unseen_classes = np.sort(labels[order[seen:]])

    def table(rows, columns):
        values = st.lists(numbers, min_size=rows * columns, max_size=rows * columns)
        return np.array(draw(values), dtype).reshape(rows, columns)

    y_train = np.repeat(seen_classes, 2)[draw(st.permutations(range(2 * seen)))]
    y_test = np.concatenate([seen_classes, unseen_classes])
    return Dataset(
        name="any",
        X_train=table(2 * seen, d),
        y_train=y_train,
        X_test=table(len(y_test), d),
        y_test=y_test,
        seen_classes=seen_classes,
        seen_prototypes=table(seen, k),
        unseen_classes=unseen_classes,
        unseen_prototypes=table(unseen, k),
    )


ARRAYS = (
    *("X_train", "y_train", "X_test", "y_test", "seen_classes", "seen_prototypes"),
    *("unseen_classes", "unseen_prototypes"),
)


def assert_same(one, other):
    for name in ARRAYS:
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype.kind == b.dtype.kind
        np.testing.assert_array_equal(a, b)


@few
@given(datasets())
def test_npz(data):
    with tempfile.TemporaryDirectory() as folder:
        save_npz(data, Path(folder) / "d.npz")
        read = load_npz(Path(folder) / "d.npz")
    check_dataset(read)
    assert_same(data, read)


@few
@given(datasets(dtypes=(np.float64,)))
def test_csv(data):
    with tempfile.TemporaryDirectory() as folder:
        save_csv(data, folder)
        read = load_csv(folder)
    check_dataset(read)
    assert_same(data, read)


@pytest.mark.parametrize("layout", ["v5", "v7", "v7.3", "action"])
@settings(parent=few, max_examples=25)
@given(datasets(text=False, dtypes=(np.float32,)), st.randoms())
def test_matlab(layout, data, random):
    """The labels become 1, 2, ...; samples lie in any order."""
    if layout == "v7.3":
        pytest.importorskip("h5py", reason="h5py is not installed; no MATLAB v7.3 file read")
    features, splits, data = as_matlab(data, random)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        where = folder / ("split_1" if layout == "action" else "")
        where.mkdir(exist_ok=True)
        write(folder / ("i3d.mat" if layout == "action" else "res101.mat"), features, layout)
        write(where / "att_splits.mat", splits, layout)
        read = load_dataset(folder, split=1 if layout == "action" else None)
    check_dataset(read)
    assert_same(data, read)


def write(path, variables, layout):
    from scipy.io import savemat

    if layout == "v7.3":
        path.write_bytes(mat73_bytes(variables))
    else:
        savemat(path, variables, do_compression=layout == "v7")


def as_matlab(data, random):
    """Variables of the two files, and the dataset with the labels and the order they give."""
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    numbers = {label: i + 1 for i, label in enumerate(np.sort(classes).tolist())}
    changed = {
        name: np.array([numbers[label] for label in getattr(data, name).tolist()], np.int64)
        for name in ("y_train", "y_test", "seen_classes", "unseen_classes")
    }
    data = Dataset(**{**{name: getattr(data, name) for name in ARRAYS}, **changed, "name": "any"})
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    place = random.sample(range(len(y)), len(y))
    rows = np.array(place)
    features, labels = np.empty((X.shape[1], len(y)), X.dtype), np.empty((len(y), 1), np.uint8)
    features[:, rows], labels[rows, 0] = X.T, y
    att = np.empty((data.seen_prototypes.shape[1], len(classes)), X.dtype)
    att[:, data.seen_classes - 1] = data.seen_prototypes.T
    att[:, data.unseen_classes - 1] = data.unseen_prototypes.T
    n, t = len(data.y_train), len(data.y_test_seen)
    lists = np.split((rows + 1)[:, None].astype(np.uint16), [n, n + t])
    names = ("trainval_loc", "test_seen_loc", "test_unseen_loc")
    splits = {"att": att, **dict(zip(names, lists, strict=True))}
    return {"features": features, "labels": labels}, splits, data


DTYPES = st.sampled_from([np.float32, np.float64, np.int8, np.uint16, np.int32, np.uint64, "<U3"])
SHAPES = st.lists(st.integers(0, 4), min_size=0, max_size=3).map(tuple)


@few
@given(st.dictionaries(words.map(lambda w: f"a{w}"), st.tuples(DTYPES, SHAPES), max_size=4))
def test_archives_keep_every_array_and_notice_every_flipped_bit(parts):
    rng = np.random.default_rng(0)
    arrays = {
        name.replace("/", "_"): np.asfortranarray(rng.integers(0, 100, shape).astype(dtype))
        for name, (dtype, shape) in parts.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        header = {"kind": "model", "format": arrays_file.FORMAT, "x": 0.1}
        arrays_file.write_npz(path, arrays_file.State(header, arrays))
        header, read = arrays_file.read_npz(path, "model")
        assert header == {"kind": "model", "format": arrays_file.FORMAT, "x": 0.1}
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            np.testing.assert_array_equal(read[name], array)
        whole = path.read_bytes()
        for at in rng.integers(0, len(whole), 20):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << rng.integers(8)
            path.write_bytes(flipped)
            with suppress(ValueError):
                header, same = arrays_file.read_npz(path, "model")  # a bit that means nothing, or
                assert same.keys() == arrays.keys()  # the checksum would have noticed
                assert all(np.array_equal(same[name], arrays[name]) for name in arrays)


@settings(parent=few, max_examples=40)
@given(st.lists(st.tuples(DTYPES, st.integers(0, 3), st.integers(1, 4)), max_size=4), st.booleans())
def test_matlab_v5_is_read_as_scipy_reads_it(parts, packed):
    from scipy.io import loadmat, savemat

    rng = np.random.default_rng(1)
    variables = {
        f"v{i}": rng.integers(0, 100, (n, m)).astype(dtype)
        for i, (dtype, n, m) in enumerate(parts)
        if dtype != "<U3"
    }
    variables["cells"] = np.array([["one", "zwö", ""]], object)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.mat"
        savemat(path, variables, do_compression=packed)
        names, mine = read_mat5(path, variables)
        theirs = loadmat(path)
    assert names == list(variables)
    assert mine.pop("cells").tolist() == ["one", "zwö", ""]
    for name, array in mine.items():
        assert array.dtype == theirs[name].dtype
        np.testing.assert_array_equal(array, theirs[name])
