import sys

import numpy as np
import pytest

from tinygzsl.datasets.mat import read_mat

VARIABLES = {
    "features": np.arange(12.0).reshape(3, 4),
    "labels": np.array([[1], [2], [2], [1]], np.uint16),
    "names": np.array([["first one"], ["Vélo"]], dtype=object),
}


@pytest.fixture(params=[False, True], ids=["v5", "v73"])
def written(request, tmp_path, write_mat):
    if request.param:
        pytest.importorskip("h5py")
    write_mat(tmp_path / "a.mat", VARIABLES, mat73=request.param)
    return tmp_path / "a.mat"


def test_both_formats_give_the_same(written):
    values = read_mat(written, ["features", "labels"], optional=["names", "absent"])
    assert list(values) == ["features", "labels", "names"]
    assert np.array_equal(values["features"], VARIABLES["features"])
    assert np.array_equal(values["labels"], VARIABLES["labels"])
    assert values["labels"].dtype == np.uint16
    assert values["names"].tolist() == ["first one", "Vélo"]


def test_only_what_was_asked_for_is_returned(written):
    assert list(read_mat(written, ["labels"])) == ["labels"]


def test_missing_variables_are_named_with_those_there(written, sentence):
    with sentence(ValueError, "a.mat", "no variable att, sent", "features, labels, names"):
        read_mat(written, ["att", "labels", "sent"])


def test_a_file_cut_short(written, sentence):
    written.write_bytes(written.read_bytes()[:-150])
    with sentence(ValueError, "a.mat", "can't be read", "download it again"):
        read_mat(written, ["features", "labels"])


def test_missing_file(tmp_path, sentence):
    with sentence(FileNotFoundError, "no.mat does not exist"):
        read_mat(tmp_path / "no.mat", ["a"])


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"# Created by Octave 8"])
def test_other_files(tmp_path, sentence, content):
    (tmp_path / "a.mat").write_bytes(content)
    with sentence(ValueError, "a.mat is not a MATLAB", repr(content[:16])):
        read_mat(tmp_path / "a.mat", ["a"])


def test_v73_without_h5py_says_how_to_get_it(tmp_path, sentence, monkeypatch):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(512))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with sentence(ImportError, "a.mat is a MATLAB v7.3 file", "pip install 'tinygzsl[mat73]'"):
        read_mat(tmp_path / "a.mat", ["a"])


def test_v5_needs_no_h5py(tmp_path, write_mat, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    write_mat(tmp_path / "a.mat", VARIABLES)
    assert read_mat(tmp_path / "a.mat", ["labels"])["labels"].shape == (4, 1)


def test_text_of_other_shapes(tmp_path, write_mat):
    names = np.array([["a"], [""]], dtype=object)
    write_mat(tmp_path / "a.mat", {"cells": names, "chars": np.array(["ab ", "cde"])})
    values = read_mat(tmp_path / "a.mat", ["cells", "chars"])
    assert values["cells"].tolist() == ["a", ""]
    assert values["chars"].tolist() == ["ab", "cde"]


def test_v73_characters_and_empty_arrays(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["chars"] = np.array([[ord("a"), ord("c")], [ord("b"), ord(" ")]], "u2")
        file["chars"].attrs["MATLAB_class"] = np.bytes_("char")
        file["empty"] = np.array([0, 1], "u8")
        file["empty"].attrs["MATLAB_empty"] = np.int32(1)
        file["blank"] = np.array([0, 0], "u8")
        file["blank"].attrs["MATLAB_empty"] = np.int32(1)
        cell = np.array([[file["blank"].ref, file["chars"].ref]], dtype=h5py.ref_dtype)
        file.create_dataset("cells", data=cell)
    values = read_mat(tmp_path / "a.mat", ["chars", "empty", "cells"])
    assert values["chars"].tolist() == ["ab", "c"]
    assert values["empty"].shape == (0, 1)
    assert values["cells"].tolist() == ["", "ab", "c"]


def test_sparse_and_struct_variables_are_refused(tmp_path, write_mat, sentence):
    from scipy.sparse import csc_matrix

    write_mat(tmp_path / "a.mat", {"att": csc_matrix(np.eye(3)), "s": {"x": 1}})
    with sentence(ValueError, "att is a sparse matrix", "full(att)"):
        read_mat(tmp_path / "a.mat", ["att"])
    with sentence(ValueError, "s is a sparse matrix, a struct", "full(s)"):
        read_mat(tmp_path / "a.mat", ["s"])


def test_v73_groups_are_refused(tmp_path, sentence):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file.create_group("att")["data"] = np.ones(3)
    with sentence(ValueError, "att is a sparse matrix", "full(att)"):
        read_mat(tmp_path / "a.mat", ["att"])


def test_cells_that_hold_no_text(tmp_path, write_mat, sentence):
    cells = np.array([["a"], [np.eye(2)]], dtype=object)
    write_mat(tmp_path / "a.mat", {"names": cells})
    with sentence(ValueError, "names is", "a cell array of other things than strings"):
        read_mat(tmp_path / "a.mat", ["names"])


def test_v73_packed_otherwise_names_the_packing(tmp_path, sentence):
    h5py = pytest.importorskip("h5py")
    for options, name in (({"compression": "lzf"}, "LZF (HDF5's filter 32000)"),
                          ({"scaleoffset": 0}, "scale-offset (HDF5's filter 6)")):  # fmt: skip
        with h5py.File(tmp_path / "a.mat", "w") as file:
            file.create_dataset("att", data=np.arange(600).reshape(20, 30), **options)
        with sentence(ValueError, f"a.mat: /att is packed by {name}; save it with ",
                      "compression='gzip'", "save -v7"):  # fmt: skip
            read_mat(tmp_path / "a.mat", ["att"])
