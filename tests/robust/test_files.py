"""Files that claim too much, are cut, flipped, swapped, of an older format, or hold pickles."""

import io
import json
import shutil
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import archive, checkpoint
from tinygzsl.datasets import load_dataset, save_npz
from tinygzsl.datasets.mat import read_mat
from tinygzsl.npy import map_npy, read_zipped
from tinygzsl.runs import read_config
from tinygzsl.sealed import read_json, write_json

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
    with sentence(ValueError, "d.npz", "lie over each other"):
        read_zipped(tmp_path / "d.npz")


@pytest.mark.parametrize("array", [np.array([1, None]), np.zeros(2, [("a", "f4"), ("b", "f4")])])
def test_pickles_and_tables_of_fields_are_refused_everywhere(tmp_path, sentence, array):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", header=array)
    for read in (
        lambda: map_npy(tmp_path / "x.npy"),
        lambda: read_zipped(tmp_path / "x.npz"),
        lambda: archive.read_npz(tmp_path / "x.npz", "model"),
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
        ("far", "lies in another file"),
        ("virtual", "lies in another file"),
    ):
        with sentence(ValueError, path, key, words):
            read_mat(path, [key])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder for files that are trained once."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def saved(shared, tiny_dataset, small_model, tmp_path):
    """Paths of a model and of a checkpoint."""
    if not (shared / "model.npz").exists():
        t = tiny_dataset().training()
        kept = checkpoint.GanCheckpoint(shared / "gan.npz", "f")
        model = small_model().fit(t.X, t.y, t.prototypes, checkpoint=kept)
        model.save(shared / "model.npz")
    return [Path(shutil.copy(shared / name, tmp_path)) for name in ("model.npz", "gan.npz")]


def test_cut_flipped_swapped_and_older_models_and_checkpoints(saved, sentence):
    for path, kind, other in (
        (saved[0], "model", "checkpoint"),
        (saved[1], "checkpoint", "model"),
    ):
        whole = path.read_bytes()
        header, arrays = archive.read_npz(path, kind)
        with sentence(ValueError, path, f"is a {kind} file", f"a {other} of format 2 is needed"):
            archive.read_npz(path, other)
        for end in (0, 100, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:end])
            with sentence(ValueError, path, "damaged"):
                archive.read_npz(path, kind)
        place = whole.index(next(iter(arrays.values())).tobytes()[:16])
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with sentence(ValueError, path, "damaged"):
            archive.read_npz(path, kind)
        text = json.dumps({**header, "format": 1})  # as of before there was a checksum
        np.savez(path, header=np.array(text), **arrays)
        with sentence(ValueError, path, f"is a {kind} file of format 1", "of format 2 is needed"):
            archive.read_npz(path, kind)


def test_an_array_swapped_for_another_of_its_shape_is_noticed(saved, sentence):
    """A ZIP file of sound members: only the checksum tells."""
    with np.load(saved[0]) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["f_v.1"] = arrays["f_v.1"][::-1]
    np.savez(saved[0], **arrays)
    with sentence(ValueError, saved[0], "is damaged", "checksum"):
        tz.load_model(saved[0])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda h, a: a.update({"c.1": a["c.1"][:-1]}), "c is float32 of shape (4,)"),
        (lambda h, a: a.update({"f_v.0": a["f_v.0"] * np.nan}), "f_v holds NaN or inf"),
        (lambda h, a: a.update({"classes": a["classes"][::-1]}), "classes are not sorted"),
        (lambda h, a: a.update({"feature_scale": 0 * a["feature_scale"]}), "not positive"),
        (lambda h, a: a.pop("seen_prototypes"), "no 'seen_prototypes'"),
        (lambda h, a: h.pop("networks"), "no 'networks'"),
        (lambda h, a: h["networks"]["c"].update(output="x"), "the activation 'x'"),
        (lambda h, a: h["settings"].update(router_tau=-1.0), "router_tau is -1.0"),
        (lambda h, a: h["source"].update(snapshots=[]), "0 snapshots"),
    ],
)
def test_parts_that_do_not_fit_are_noticed_under_a_right_checksum(saved, sentence, change, part):
    header, arrays = archive.read_npz(saved[0], "model")
    change(header, arrays)
    archive.write_npz(saved[0], header, arrays)
    with sentence(ValueError, saved[0], "damaged model file", part):
        tz.load_model(saved[0])


def test_equal_models_have_equal_files(saved, tmp_path, monkeypatch):
    """Whatever the clock says: the checksum of the file is one of the content."""
    monkeypatch.setattr("time.time", lambda: 2e9)
    tz.load_model(saved[0]).save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == saved[0].read_bytes()


def test_a_model_of_another_run_is_noticed(run_cli, fast_options, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    options = (*fast_options, "--set", "vsmm.weight_es=0")
    for seed in ("0", "1"):
        out = ("--seed", seed, "--out", tmp_path / f"run{seed}")
        assert run_cli("train", tmp_path / "data", *options, *out).exit_code == 0
    shutil.copy(tmp_path / "run1" / "model.npz", tmp_path / "run0" / "model.npz")
    np.save(tmp_path / "x.npy", np.ones((2, 10)))
    for command in (("evaluate",), ("report",), ("predict", tmp_path / "x.npy")):
        result = run_cli(command[0], tmp_path / "run0", *command[1:])
        assert result.exit_code == 2
        assert "model.npz is not the model that manifest.json lists" in result.stderr
    write_xlsa17(tmp_path / "data", seed=3)
    result = run_cli("evaluate", tmp_path / "run1")
    assert "the dataset's files are not those that the run was trained on" in result.stderr


def test_results_carry_a_format_and_a_checksum(tmp_path, sentence):
    path = tmp_path / "metrics.json"
    write_json(path, {"H": 0.25, "per_class": {"é": [1, 2.5, None]}})
    assert read_json(path) == {"H": 0.25, "per_class": {"é": [1, 2.5, None]}}
    assert json.loads(path.read_text())["format"] == 1
    whole = path.read_text()
    for damaged, part in (
        (whole.replace("0.25", "0.26"), "doesn't have the checksum"),
        (whole.replace('"format": 1', '"format": 2'), "is of format 2, but 1 is needed"),
        (whole[: len(whole) // 2], "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("3", "holds no JSON object"),
        ('{"H": 0.25}', "is of format None, but 1 is needed"),
    ):
        path.write_text(damaged)
        with sentence(ValueError, path, part, "evaluate again"):
            read_json(path, "evaluate again")


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + 5000 * "1", "\x00", 'x = "\ud800"'])
def test_a_configuration_that_no_parser_likes(tmp_path, sentence, text):
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with sentence(ValueError, path, "is not valid TOML"):
        read_config(path)


def test_a_configuration_with_a_byte_order_mark_and_windows_line_ends(tmp_path):
    text = "\ufeffseed = 3\r\n\r\n[data]\r\nname_or_path = 'letters'\r\n"
    (tmp_path / "config.toml").write_bytes(text.encode())
    top, data, _ = read_config(tmp_path / "config.toml")
    assert (top, data) == ({"seed": 3}, {"name_or_path": "letters"})


def test_a_csv_of_features_that_is_not_utf8(run_cli, saved, tmp_path):
    (tmp_path / "x.csv").write_bytes("é,b\n1,2\n".encode("latin-1"))
    result = run_cli("predict", saved[0], tmp_path / "x.csv")
    assert result.exit_code == 2
    assert "x.csv is not UTF-8 text (byte 0 is 0xe9)" in result.stderr
