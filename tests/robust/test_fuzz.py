"""2,000 damaged files: each is read into something whole or refused in one sentence."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzzing import case
from fuzzing.readers import READERS

from tinygzsl.errors import InputError

CASES = 2000


@pytest.fixture(scope="module", autouse=True)
def files():
    """The valid files, made before memory is limited; their tiny models warn of being weak."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reader in READERS:
            case.files_of(reader)


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_load_whole_or_are_refused_in_one_sentence(reader):
    if reader == "mat73":
        pytest.importorskip("h5py", reason="h5py is not installed; no MATLAB v7.3 file read")
    found = {}
    with case.limited_memory():
        for index in range(-(-CASES // len(READERS))):
            outcome = case.run(reader, 0, index)
            if outcome.kind == "finding":
                found[index] = outcome.text
    assert not found


@pytest.mark.parametrize("reader", READERS)
def test_the_undamaged_files_load(reader):
    if reader == "mat73":
        pytest.importorskip("h5py", reason="h5py is not installed; no MATLAB v7.3 file read")
    for files in case.files_of(reader):
        with case.written(files) as folder:
            READERS[reader].read(folder)


def test_a_case_is_the_same_every_time():
    assert case.damaged("npz", 3, 5) == case.damaged("npz", 3, 5)
    assert case.damaged("npz", 3, 5) != case.damaged("npz", 3, 6)


def test_the_judge_sees_what_is_wrong(tmp_path):
    """A reader that leaks another exception, a warning, or more than one line is found out."""

    def judged(read):
        reader = case.READERS["npz"]._replace(read=read)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return case._judged(reader, tmp_path, (str(tmp_path),))

    def raising(error):
        def read(folder):
            raise error

        return read

    assert judged(lambda folder: None) == ("loaded", "")
    assert judged(raising(InputError(f"{tmp_path}/x.npz is damaged")))[0] == "refused"
    for error in (
        *(KeyError("x"), RecursionError("too deep"), InputError("no path, no name at all")),
        *(InputError(f"{tmp_path} has\ntwo lines"), InputError(f"{tmp_path} " + 700 * "x")),
        ValueError(f"{tmp_path}/x.npz is damaged"),
        *(
            AssertionError("an invariant"),
            UserWarning("leaked"),
            UnicodeDecodeError("a", b"", 0, 1, ""),
        ),
    ):
        assert judged(raising(error))[0] == "finding"
