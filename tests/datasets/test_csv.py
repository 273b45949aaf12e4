import numpy as np
import pytest

from tinygzsl.datasets import check_test, check_training, load_csv, load_dataset
from tinygzsl.datasets.labels import labels_from_text

TRAIN = "label,width,height\n2,0.5,1e2\n1,3,-4\n2,5,6\n1,7,8\n"
TEST = "label,width,height\n3,0,1\n1,0,2\n"
PROTOTYPES = "label,striped\n3,0.3\n1,0.1\n2,0.2\n"


@pytest.fixture
def write(tmp_path):
    """write(train=..., test=..., prototypes=...) -> folder; None leaves a file out."""

    def write(train=TRAIN, test=TEST, prototypes=PROTOTYPES):
        for name, text in (("train", train), ("test", test), ("prototypes", prototypes)):
            if text is not None:
                data = text if isinstance(text, bytes) else text.encode()
                (tmp_path / f"{name}.csv").write_bytes(data)
        return tmp_path

    return write


@pytest.mark.wheel
def test_content(write):
    data = load_dataset(write())
    assert data.X_train.tolist() == [[0.5, 100], [3, -4], [5, 6], [7, 8]]
    assert data.X_train.dtype == np.float64
    assert data.y_train.tolist() == [2, 1, 2, 1]
    assert data.seen_classes.tolist() == [1, 2]
    assert data.unseen_classes.tolist() == [3]
    assert data.seen_prototypes.tolist() == [[0.1], [0.2]]
    assert data.unseen_prototypes.tolist() == [[0.3]]
    assert data.y_test.tolist() == [1, 3]
    assert data.X_test.tolist() == [[0, 2], [0, 1]]
    assert [path.name for path in data.files] == ["train.csv", "test.csv", "prototypes.csv"]
    check_training(data.training())
    check_test(data)


@pytest.mark.parametrize("end", ["\r\n", "\n\n"])
def test_line_ends_blank_lines_and_byte_order_marks(write, end):
    data = load_csv(write(train="\ufeff" + TRAIN.replace("\n", end)))
    assert data.X_train.tolist() == [[0.5, 100], [3, -4], [5, 6], [7, 8]]
    assert data.y_train.tolist() == [2, 1, 2, 1]


def test_one_text_label_makes_all_of_them_text(write):
    data = load_csv(
        write(test="label,width,height\n 007 ,0,1\n", prototypes=PROTOTYPES + "007,1\n")
    )
    assert data.y_train.tolist() == ["2", "1", "2", "1"]
    assert data.unseen_classes.tolist() == ["007", "3"]


def test_labels_that_look_alike_stay_apart():
    (labels,) = labels_from_text(["7", "07", "+7"])
    assert labels.tolist() == ["7", "07", "+7"]
    (labels,) = labels_from_text(["-7", str(2**70)])
    assert labels.tolist() == ["-7", str(2**70)]
    first, second = labels_from_text(["-7", "0"], [])
    assert first.tolist() == [-7, 0]
    assert first.dtype == second.dtype == np.int64


def test_labels_with_commas_and_quotes(write):
    train = 'label,width,height\n"Jay, ""blue""",1,2\n"Jay, ""blue""",3,4\nWren,5,6\nWren,7,8\n'
    data = load_csv(
        write(train=train, test=None, prototypes='label,a\nWren,1\n"Jay, ""blue""",2\nOwl,3\n')
    )
    assert data.seen_classes.tolist() == ['Jay, "blue"', "Wren"]
    assert data.X_train.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert data.seen_prototypes.tolist() == [[2], [1]]


def test_without_test_file(write):
    data = load_csv(write(test=None))
    assert data.X_test.shape == (0, 2)
    assert data.notes == ("no test samples, as there is no test.csv",)


def test_missing_values_are_read_and_judged_later(write, sentence):
    data = load_csv(write(test=TEST.replace("0,1", "nan,1")))
    with sentence(ValueError, "X_test has 1", "row 1, column 0"):
        check_test(data)


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (
            {"train": TRAIN.replace("-4", "four")},
            ["train.csv line 3, column 3 (height) holds 'four'"],
        ),
        (
            {"train": TRAIN.replace("0.5", "")},
            ["train.csv line 2, column 2 (width) holds ''"],
        ),
        (
            {"train": TRAIN.replace("7,8", "7,1_000")},
            ["train.csv line 5, column 3 (height) holds '1_000'"],
        ),
        (
            {"prototypes": "label,a\n\n1,2\n2,x\n3,1\n"},
            ["prototypes.csv line 4, column 2 (a) holds 'x'"],
        ),
        ({"test": TEST + "1,5\n"}, ["test.csv line 4 has 2 cells", "header has 3"]),
        ({"test": TEST + '"1",5,6,7\n'}, ["test.csv line 4 has 4 cells", "header has 3"]),
        ({"train": TRAIN.replace("label", "class")}, ["train.csv line 1", "['class', 'width'"]),
        ({"train": TRAIN.replace(",", ";")}, ["train.csv line 1", "['label;width;height']"]),
        ({"train": ""}, ["train.csv line 1", "[]"]),
        ({"train": b"label,a\n\xff,1\n"}, ["train.csv is not UTF-8", "0xff"]),
        ({"test": "label,width\n1,2\n"}, ["test.csv has 1 feature", "train.csv has 2"]),
        (
            {"test": TEST.replace("width,height", "height,width")},
            ["column 2 is 'width' in", "'height' in", "test.csv"],
        ),
        ({"prototypes": PROTOTYPES.replace("2,0.2\n", "")}, ["y_train has 1 classes", "is 2"]),
        ({"prototypes": PROTOTYPES + "1,4\n"}, ["classes lists 1 more than once"]),
    ],
)
def test_bad_files(write, sentence, files, parts):
    folder = write(**files)
    with sentence(ValueError, *parts):
        load_csv(folder)


def test_missing_files(write, tmp_path, sentence):
    with sentence(FileNotFoundError, "train.csv does not exist"):
        load_csv(tmp_path)
    write(prototypes=None)
    with sentence(FileNotFoundError, "prototypes.csv does not exist"):
        load_csv(tmp_path)


SENT = "label,s0,s1\n2,20,21\n3,30,31\n1,10,11\n"  # in another order than prototypes.csv


@pytest.fixture
def with_sent(write, tmp_path):
    """with_sent(text=SENT) -> a folder that has prototypes_sent.csv too."""

    def make(text=SENT, **files):
        (tmp_path / "prototypes_sent.csv").write_text(text)
        return write(**files)

    return make


def test_further_views_are_matched_by_label(with_sent):
    data = load_dataset(with_sent(), prototypes="att,sent")
    assert list(data.seen_prototypes) == ["att", "sent"]
    assert data.seen_prototypes["att"].tolist() == [[0.1], [0.2]]
    assert data.seen_prototypes["sent"].tolist() == [[10, 11], [20, 21]]
    assert data.unseen_prototypes["sent"].tolist() == [[30, 31]]
    names = ["train.csv", "test.csv", "prototypes.csv", "prototypes_sent.csv"]
    assert [path.name for path in data.files] == names
    assert load_dataset(**data.source).sha256() == data.sha256()
    check_training(data.training())
    check_test(data)


def test_without_a_name_it_is_prototypes_csv(with_sent, tmp_path):
    folder = with_sent()
    data = load_csv(folder)
    assert data.seen_prototypes.tolist() == [[0.1], [0.2]]
    assert data.notes == ("further prototypes in the file, not loaded: sent",)
    (tmp_path / "prototypes_sent.csv").unlink()
    assert load_csv(folder).sha256() == data.sha256()


def test_a_view_without_prototypes_csv(with_sent, sentence):
    folder = with_sent(prototypes=None)
    assert load_csv(folder, prototypes="sent").unseen_prototypes.tolist() == [[30, 31]]
    with sentence(ValueError, "prototypes is 'att'", "has the views sent"):
        load_csv(folder)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (SENT + "4,40,41\n", ["class '4'", "prototypes_sent.csv but not in", "prototypes.csv"]),
        (SENT.replace("3,30,31\n", ""), ["class '3'", "but not in", "prototypes_sent.csv"]),
        (SENT + "1,10,11\n", ["prototypes_sent.csv lists '1' more than once"]),
        (SENT.replace("21", "x"), ["prototypes_sent.csv line 2, column 3 (s1) holds 'x'"]),
    ],
)
def test_bad_files_of_views(with_sent, sentence, text, parts):
    folder = with_sent(text)
    with sentence(ValueError, *parts):
        load_csv(folder, prototypes="att,sent")


def test_column_names_with_colons_are_names(write):
    data = load_csv(write(prototypes=PROTOTYPES.replace("striped", "wing::striped")))
    assert data.seen_prototypes.tolist() == [[0.1], [0.2]]


def test_a_label_that_numpy_would_shorten_is_refused(sentence):
    with sentence(ValueError, "label has the label 'a\\x00' at row 1", "rename the class"):
        labels_from_text(["a", "a\0"])
