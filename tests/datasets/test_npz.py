import numpy as np
import pytest

from tinygzsl.datasets import check_test, check_training, load_dataset, load_npz


@pytest.fixture
def own():
    """Arrays as a user has them: classes in any order, test samples mixed."""
    return {
        "X_train": np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]),
        "y_train": np.array([9, 4, 9, 4]),
        "X_test": np.array([[0.0, 1], [0, 4], [0, 7], [0, 9]]),
        "y_test": np.array([7, 4, 7, 9]),
        "prototypes": np.array([[0.9, 9], [0.7, 7], [0.4, 4]]),
        "classes": np.array([9, 7, 4]),
    }


@pytest.fixture
def write(tmp_path, own):
    """write(**changes) -> path; None leaves an array out."""

    def write(**changes):
        arrays = {k: v for k, v in {**own, **changes}.items() if v is not None}
        np.savez(tmp_path / "own.npz", **arrays)
        return tmp_path / "own.npz"

    return write


@pytest.mark.wheel
def test_content(write, own):
    path = write(class_names=np.array(["nine", "seven", "four"]))
    data = load_dataset(path)
    assert data.name == "own"
    assert data.X_train.dtype == data.seen_prototypes.dtype == np.float64
    assert np.array_equal(data.X_train, own["X_train"])
    assert data.y_train.tolist() == [9, 4, 9, 4]
    assert data.seen_classes.tolist() == [4, 9]
    assert data.unseen_classes.tolist() == [7]
    assert data.seen_prototypes.tolist() == [[0.4, 4], [0.9, 9]]
    assert data.unseen_prototypes.tolist() == [[0.7, 7]]
    assert data.y_test.tolist() == [4, 9, 7, 7]
    assert data.X_test[:, 1].tolist() == [4, 9, 1, 7]
    assert data.class_names == {9: "nine", 7: "seven", 4: "four"}
    assert data.files == (path,)
    check_training(data.training())
    check_test(data)


def test_labels_may_be_text(write):
    data = load_npz(
        write(
            y_train=np.array(["b", "a", "b", "a"]),
            y_test=np.array([b"long name", b"a", b"a", b"b"]),
            classes=np.array(["b", "long name", "a"]),
        )
    )
    assert data.seen_classes.tolist() == ["a", "b"]
    assert data.unseen_classes.tolist() == ["long name"]
    assert data.y_test.tolist() == ["a", "a", "b", "long name"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_labels_of_any_number_type_become_int64(write, own, dtype):
    data = load_npz(write(**{key: own[key].astype(dtype) for key in ("y_train", "classes")}))
    assert data.y_train.dtype == data.seen_classes.dtype == np.int64
    assert data.y_train.tolist() == [9, 4, 9, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8])
def test_other_features_become_float32(write, own, dtype):
    data = load_npz(write(X_train=own["X_train"].astype(dtype)))
    for name in ("X_train", "X_test", "seen_prototypes", "unseen_prototypes"):
        assert getattr(data, name).dtype == np.float32
    assert np.array_equal(data.X_train, own["X_train"])


def test_without_test_samples_training_is_possible(write, sentence):
    data = load_npz(write(X_test=None, y_test=None))
    assert data.X_test.shape == (0, 2)
    assert data.notes == ("no test samples in the file",)
    check_training(data.training())
    with sentence(ValueError, "0 samples of seen and 0 of unseen"):
        check_test(data)


def test_values_are_not_judged_on_loading(write, own):
    data = load_npz(write(X_test=own["X_test"] * np.nan, prototypes=own["prototypes"] * np.inf))
    assert np.isnan(data.X_test).all()


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"X_train": None}, ["own.npz", "no array X_train", "y_train, prototypes, classes"]),
        ({"classes": None, "prototypes": None}, ["no array prototypes, classes"]),
        ({"y_test": None}, ["X_test alone"]),
        ({"X_test": None}, ["y_test alone"]),
        ({"y_train": np.array([9, 4, 9])}, ["X_train", "(4, 2)", "y_train", "(3,)"]),
        ({"X_train": np.ones(4)}, ["X_train", "(4,)", "(n, columns)"]),
        ({"X_train": np.full((4, 2), "x")}, ["X_train", "dtype <U1"]),
        ({"X_test": np.ones((4, 3))}, ["X_test has 3 columns", "X_train has 2"]),
        ({"classes": np.array([9, 7])}, ["prototypes has 3 rows", "classes has 2"]),
        ({"classes": np.array([9, 7, 9])}, ["classes lists 9 more than once"]),
        ({"classes": np.array([9, 7, 5])}, ["y_train has 1 classes", "the first is 4"]),
        ({"y_test": np.array([7, 4, 1, 1])}, ["y_test has 2 samples", "the first is 1"]),
        ({"classes": np.array(["9", "7", "4"])}, ["y_train holds integers", "classes holds text"]),
        ({"y_train": np.array([9, 4.5, 9, 4])}, ["y_train has the label 4.5 at row 1"]),
        ({"y_train": np.array([[9, 4, 9, 4]])}, ["y_train", "(1, 4)", "(n,)"]),
        ({"y_train": np.array([True, False, True, False])}, ["y_train is bool with shape (4,)"]),
        ({"class_names": np.array(["a", "b"])}, ["class_names", "(2,)", "(3,)"]),
        ({"class_names": np.arange(3)}, ["class_names", "int64"]),
        ({"validation_val": np.array([0])}, ["validation_val alone"]),
        (
            {"validation_train": np.array([0, 4]), "validation_val": np.array([1])},
            ["validation_train", "0..3"],
        ),
    ],
)
def test_arrays_that_do_not_fit(write, sentence, changes, parts):
    path = write(**changes)
    with sentence(ValueError, *parts):
        load_npz(path)


def test_python_objects_are_never_unpickled(write, sentence):
    path = write(y_train=np.array([9, "x", None, 4], dtype=object))
    with sentence(
        ValueError, "own.npz: y_train can't be read", "Python objects", "never unpickled"
    ):
        load_npz(path)


def test_files_that_are_no_npz(tmp_path, write, sentence):
    with sentence(FileNotFoundError, "no.npz does not exist"):
        load_npz(tmp_path / "no.npz")
    np.save(tmp_path / "one.npy", np.ones(3))
    with sentence(ValueError, "one.npy is not an .npz file"):
        load_npz(tmp_path / "one.npy")
    path = write()
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"NUMPY") + 150] ^= 0xFF  # inside the first array's values
    path.write_bytes(damaged)
    with sentence(ValueError, "own.npz: X_train can't be read", "damaged"):
        load_npz(path)


SENT = np.array([[90.0], [70], [40]])


def test_further_views(write, own):
    path = write(prototypes_sent=SENT)
    data = load_dataset(path, prototypes="sent,att")
    assert list(data.seen_prototypes) == ["sent", "att"]
    assert data.seen_prototypes["sent"].tolist() == [[40], [90]]
    assert data.unseen_prototypes["sent"].tolist() == [[70]]
    assert data.unseen_prototypes["att"].tolist() == [[0.7, 7]]
    assert data.notes == ()
    assert load_dataset(**data.source).sha256() == data.sha256()
    check_training(data.training())
    check_test(data)


def test_views_have_the_type_of_the_features(write, own):
    data = load_npz(
        write(X_train=own["X_train"].astype(np.float32), prototypes_sent=SENT.astype(np.int16)),
        prototypes=("att", "sent"),
    )
    assert {a.dtype for a in data.seen_prototypes.values()} == {np.dtype(np.float32)}


def test_without_a_name_it_is_the_array_prototypes(write):
    alone, among = load_npz(write()), load_npz(write(prototypes_sent=SENT))
    assert alone.sha256() == among.sha256()
    assert among.notes == ("further prototypes in the file, not loaded: sent",)
    assert load_npz(write(prototypes_sent=SENT), prototypes="sent").notes == (
        "further prototypes in the file, not loaded: att",
    )


def test_a_named_view_alone_is_an_array(write):
    path = write(prototypes=None, prototypes_sent=SENT)
    data = load_dataset(path, prototypes="sent")
    assert data.seen_prototypes.tolist() == [[40], [90]]
    assert data.source["prototypes"] == "sent"


@pytest.mark.parametrize(
    ("changes", "asked", "parts"),
    [
        ({}, "sent", ["prototypes is 'sent'", "own.npz has only one kind"]),
        ({"prototypes_sent": SENT}, "att,text", ["'att,text'", "has the views att, sent"]),
        (
            {"prototypes_sent": SENT, "prototypes": None},
            "att",
            ["prototypes is 'att'", "has the views sent", "prototypes='sent'"],
        ),
        ({"prototypes_att": SENT}, "att", ["both prototypes and prototypes_att"]),
        (
            {"prototypes_sent": SENT[:2]},
            "att,sent",
            ["prototypes['sent'] has 2 rows", "classes has 3"],
        ),
        ({"prototypes_sent": np.ones(3)}, "att,sent", ["prototypes_sent has shape (3,)"]),
        ({"prototypes_sent": np.full((3, 1), "x")}, "sent,att", ["prototypes_sent", "<U1"]),
        ({"prototypes_sent": SENT}, "sent,sent", ["'sent' and 'sent'"]),
    ],
)
def test_views_that_do_not_fit(write, sentence, changes, asked, parts):
    path = write(**changes)
    with sentence(ValueError, *parts):
        load_npz(path, prototypes=asked)


def test_arrays_that_cannot_name_a_view_are_left_alone(write):
    path = write(**{"prototypes_": SENT, "prototypes_a b": SENT, "prototypes2": SENT})
    assert load_npz(path).notes == ()
