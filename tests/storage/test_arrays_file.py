"""A state in a file: what is written, of which kind it is, and what is refused."""

import numpy as np
import pytest

from tinygzsl.storage.arrays_file import FORMAT, State, read_npz, write_npz


@pytest.fixture
def written(tmp_path):
    """The path of a file of kind "model"."""
    header = {"kind": "model", "format": FORMAT, "x": [0.1]}
    write_npz(tmp_path / "x.npz", State(header, {"a": np.arange(3)}))
    return tmp_path / "x.npz"


def test_a_state_comes_back_and_the_checksum_stays_behind(written):
    header, arrays = read_npz(written, "model")
    assert header == {"kind": "model", "format": FORMAT, "x": [0.1]}
    assert list(arrays) == ["a"]
    np.testing.assert_array_equal(arrays["a"], [0, 1, 2])


def test_one_of_several_kinds_is_read_and_all_are_named(written, sentence):
    assert read_npz(written, "stack", "model").header["kind"] == "model"
    with sentence(ValueError, "is a model file of format 2", "a stack or gate of format 2"):
        read_npz(written, "stack", "gate")
    with sentence(FileNotFoundError, "check the path of the stack or gate"):
        read_npz(written.with_name("none.npz"), "stack", "gate")
