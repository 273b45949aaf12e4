import hashlib
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygzsl.datasets import check_test, check_training, load_dataset
from tinygzsl.datasets.letters import FOLDER

SEEN = list("ACDEFIJKMNPQSTUVWXYZ")
UNSEEN = list("BGHLOR")


@pytest.fixture(scope="module")
def letters():
    return load_dataset("letters")


@pytest.mark.wheel
def test_sizes(letters):
    assert letters.X_train.shape == (12363, 16)
    assert (len(letters.y_test_seen), len(letters.y_test_unseen)) == (2788, 4545)
    assert letters.seen_classes.tolist() == SEEN
    assert letters.unseen_classes.tolist() == UNSEEN
    assert letters.seen_prototypes.shape == (20, 22)
    assert letters.unseen_prototypes.shape == (6, 22)
    assert letters.X_train.dtype == letters.seen_prototypes.dtype == np.float32
    check_training(letters.training())
    check_test(letters)


@pytest.mark.wheel
def test_values(letters):
    assert letters.X_train[0].tolist() == [3, 11, 5, 8, 3, 13, 4, 5, 3, 12, 1, 8, 2, 6, 4, 9]
    assert letters.y_train[0] == "A"
    everything = np.concatenate([letters.X_train, letters.X_test]).astype(np.uint8)
    assert (everything.min(), everything.max()) == (0, 15)
    digest = hashlib.sha256(everything.tobytes()).hexdigest()
    assert digest == "7df2e24e56fd44f5e9b7538413f90ac957befc4729e5f6fb504c4451fe978e1b"


def test_no_test_row_of_a_seen_letter_repeats_a_training_row(letters):
    known = {row.tobytes() for row in letters.X_train}
    assert not any(row.tobytes() in known for row in letters.X_test_seen)
    assert "dropped 304 held-out rows that repeat the values of a training row" in letters.notes


def test_every_letter_has_its_share_of_test_rows(letters):
    """789 rows of A, as UCI lists them; 20% of them held out, 2 of these dropped at least."""
    train = (letters.y_train == "A").sum()
    assert train == 789 - round(0.2 * 789)
    assert 789 - train - (letters.y_test == "A").sum() >= 0
    assert (letters.y_test == "B").sum() == 766


def test_attributes(letters):
    header, *lines = (FOLDER / "attributes.csv").read_text("utf-8").split()
    names = header.split(",")
    assert names[:4] == ["letter", "left_stem", "right_stem", "center_stem"]
    assert len(names) == 23
    assert [line[0] for line in lines] == sorted(SEEN + UNSEEN)
    assert letters.unseen_prototypes[UNSEEN.index("L"), names.index("bottom_bar") - 1] == 1
    assert letters.seen_prototypes[SEEN.index("T"), names.index("top_bar") - 1] == 1
    assert set(np.unique(letters.seen_prototypes)) == {0, 0.5, 1}


@pytest.mark.wheel
def test_files_are_small_and_credited(letters):
    assert [path.name for path in letters.files] == ["letters.npz", "attributes.csv"]
    assert letters.files[0].stat().st_size < 150_000
    source = (FOLDER / "SOURCE.md").read_text("utf-8")
    assert "CC BY 4.0" in source
    assert "Slate" in source


def test_source_reproduces_the_call(letters, sentence):
    assert load_dataset(**letters.source).source == letters.source
    with sentence(ValueError, "split is 3 but letters has no numbered splits"):
        load_dataset("letters", split=3)
    with sentence(ValueError, "prototypes is 'sent' but letters has only one"):
        load_dataset("letters", prototypes="sent")


@pytest.fixture
def pack():
    return runpy.run_path(str(Path(__file__).with_name("pack_letters.py")))


def test_packing_is_deterministic_and_lossless(tmp_path, pack, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    rows = [(letter, rng.integers(0, 16, 16)) for letter in "ABCR" for _ in range(10)]
    rows += [("C", rows[0][1])] * 5  # copies of an A: dropped where they are held out
    lines = [",".join(map(str, values)) + f",{letter}\n" for letter, values in rows]
    (tmp_path / "letter.dat").write_text("".join(lines))
    for name in ("one.npz", "two.npz"):
        pack["main"](tmp_path / "letter.dat", tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    values, letters = pack["read"](tmp_path / "letter.dat")
    train, test, dropped = pack["split"](values, letters)
    assert sorted([*train, *test, *dropped]) == list(range(45))
    assert set(letters[train]) == {"A", "C"}
    known = {values[row].tobytes() for row in train}
    assert all(values[row].tobytes() in known for row in dropped)
    out = capsys.readouterr().out
    assert f"{len(train)} training and {len(test)} test rows, {len(dropped)} dropped" in out

    monkeypatch.setattr(sys.modules["tinygzsl.datasets.letters"], "FOLDER", tmp_path)
    (tmp_path / "one.npz").rename(tmp_path / "letters.npz")
    (tmp_path / "attributes.csv").write_text("letter,a\nA,0\nB,1\nC,0\nR,1\n")
    data = load_dataset("letters")
    assert np.array_equal(data.X_train, values[train])
    assert np.array_equal(data.X_test, values[test])
    assert np.array_equal(data.y_train, letters[train])
    assert np.array_equal(data.y_test, letters[test])
