"""Files of data that claim too much, lead elsewhere, or hold pickles."""

import io
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.datasets import load_dataset, save_npz
from tinygzsl.datasets.mat import read_mat
from tinygzsl.storage import arrays_file
from tinygzsl.storage.npy import map_npy, read_zipped

HUGE = 25_000_000_000  # float32 numbers: 100 GB


@contextmanager
def little_memory(megabytes=20):
    """At most so much is taken within, by NumPy too."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


def npy_claiming(shape, values=b"\x00" * 400):
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values


@pytest.fixture
def small_npz(tmp_path, tiny_dataset):
    """change(**members) -> an .npz dataset whose members, as bytes, are replaced."""
    save_npz(tiny_dataset(), tmp_path / "d.npz")
    whole = read_zipped(tmp_path / "d.npz")

    def change(**members):
        with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as file:
            for name, array in whole.items():
                content = io.BytesIO()
                np.save(content, array)
                file.writestr(f"{name}.npy", members.get(name, content.getvalue()))
        return tmp_path / "d.npz"

    return change


@pytest.mark.parametrize("shape", [(HUGE,), (HUGE, 1), (2**62, 2**62)])
def test_an_array_that_claims_100_gb_is_refused_unread(small_npz, sentence, shape):
    path = small_npz(X_train=npy_claiming(shape))
    with little_memory(), sentence(ValueError, path, "X_train", "claims float32 of shape", "400"):
        load_dataset(path)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_that_claims_more_than_the_file_can_hold(tmp_path, sentence, packed):
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w", packed) as file:
        file.writestr("X_train.npy", npy_claiming((HUGE,)))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 2**32 - 2)  # the size after unpacking
    path.write_bytes(content)
    with little_memory(), sentence(ValueError, path, "X_train", f"claims {2**32 - 2} bytes"):
        read_zipped(path)


def test_an_npy_file_of_features_that_claims_100_gb(tmp_path, sentence):
    (tmp_path / "x.npy").write_bytes(npy_claiming((HUGE,)))
    with little_memory(), sentence(ValueError, "x.npy", "claims float32 of shape", "400"):
        map_npy(tmp_path / "x.npy")


def test_two_arrays_of_one_name_are_refused(tmp_path, sentence):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as file:
        file.writestr("y.npy", npy_claiming((100,)))
        file.writestr("y", npy_claiming((100,)))
    with sentence(ValueError, "d.npz", "two arrays named y"):
        read_zipped(tmp_path / "d.npz")


def test_members_that_share_their_bytes_are_refused(tmp_path, sentence):
    """Else a file of 100 KB could unpack to terabytes."""
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as file:
        for name in "abcdef":
            file.writestr(f"{name}.npy", npy_claiming((100,)))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    start = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x03\x04", 4)
    kept = content[:second] + content[start:]
    end = kept.index(b"PK\x05\x06")
    struct.pack_into("<I", kept, end + 16, second)
    (tmp_path / "d.npz").write_bytes(kept)
    with sentence(ValueError, "d.npz", "its arrays overlap"):
        read_zipped(tmp_path / "d.npz")


@pytest.mark.parametrize("array", [np.array([1, None]), np.zeros(2, [("a", "f4"), ("b", "f4")])])
def test_pickles_and_tables_of_fields_are_refused_everywhere(tmp_path, sentence, array):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", header=array)
    for read in (
        lambda: map_npy(tmp_path / "x.npy"),
        lambda: read_zipped(tmp_path / "x.npz"),
        lambda: arrays_file.read_npz(tmp_path / "x.npz", "model"),
        lambda: tz.load_model(tmp_path / "x.npz"),
    ):
        with sentence(ValueError, tmp_path, "save"):
            read()


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_their_order_and_bytes(tmp_path, order):
    array = np.asarray(np.arange(12.0).reshape(3, 4), order=order)
    for write, suffix in ((np.savez, "npz"), (np.savez_compressed, "npz"), (np.save, "npy")):
        path = tmp_path / f"x.{suffix}"
        write(path, array) if suffix == "npy" else write(path, a=array)
        read = map_npy(path) if suffix == "npy" else read_zipped(path)["a"]
        np.testing.assert_array_equal(read, array)
        assert read.flags.f_contiguous == (order == "F")


def mat5(kind, content, dims=(4, 1), name=b"features", mat_class=6, packed=False):
    """A MATLAB v5 file of one variable whose only element has this tag."""
    head = struct.pack("<4I", 6, 8, mat_class, 0)
    head += struct.pack("<2I", 5, 4 * len(dims)) + struct.pack(f"<{len(dims)}i", *dims)
    head += struct.pack("<2I", 1, len(name)) + name
    matrix = head + struct.pack("<2I", kind, len(content)) + content
    element = struct.pack("<2I", 14, len(matrix)) + matrix
    if packed:
        squeezed = zlib.compress(element)
        element = struct.pack("<2I", 15, len(squeezed)) + squeezed
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + element


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mat_class", [1, 4, 6])  # cells, text, numbers
def test_a_matlab_file_that_claims_100_gb(tmp_path, sentence, packed, mat_class):
    path = tmp_path / "a.mat"
    path.write_bytes(mat5(9, b"\x00" * 32, (2**31 - 1, 12), mat_class=mat_class, packed=packed))
    with little_memory(), sentence(ValueError, path, "claims the shape (2147483647, 12)"):
        read_mat(path, ["features"])
    content = mat5(9, b"\x00" * 32, packed=packed, mat_class=mat_class)
    path.write_bytes(content.replace(struct.pack("<2I", 9, 32), struct.pack("<2I", 9, 2**31)))
    if not packed:
        with little_memory(), sentence(ValueError, path, "can't be read"):
            read_mat(path, ["features"])


def test_a_compressed_matlab_variable_that_claims_4_gb(tmp_path, sentence):
    squeezed = zlib.compress(struct.pack("<2I", 14, 2**32 - 8) + bytes(100))
    element = struct.pack("<2I", 15, len(squeezed)) + squeezed
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + element)
    with little_memory(), sentence(ValueError, path, f"claims {2**32 - 8}"):
        read_mat(path, ["features"])


@pytest.fixture
def v73(tmp_path):
    """v73(function) -> a v7.3 file that function(h5py file) has filled."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed; no MATLAB v7.3 file read")

    def make(fill):
        with h5py.File(tmp_path / "a.mat", "w") as file:
            fill(file, h5py)
        return tmp_path / "a.mat"

    return make


@pytest.mark.parametrize("how", [{}, {"chunks": (1, 1000)}, {"compression": "gzip"}])
def test_a_v73_dataset_without_bytes_that_claims_100_gb(v73, sentence, how):
    path = v73(lambda file, _: file.create_dataset("att", (1, HUGE), "f4", **how))
    with little_memory(), sentence(ValueError, path, "/att claims the shape", "in 0 bytes"):
        read_mat(path, ["att"])


def test_v73_files_are_not_left(v73, tmp_path, sentence):
    """Neither by links nor by storage elsewhere."""
    (tmp_path / "secret").write_bytes(bytes(80))

    def fill(file, h5py):
        file["soft"] = h5py.SoftLink("/att")
        file["out"] = h5py.ExternalLink("b.mat", "/att")
        file.create_dataset("far", (10,), "f8", external=[(str(tmp_path / "secret"), 0, 80)])
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "b.mat"), "att", (4,))
        file.create_virtual_dataset("virtual", layout)

    path = v73(fill)
    for key, words in (
        ("soft", "is a link to another place"),
        ("out", "is a link to another place"),
        ("far", "is stored in another file"),
        ("virtual", "is stored in another file"),
    ):
        with sentence(ValueError, path, key, words):
            read_mat(path, [key])
