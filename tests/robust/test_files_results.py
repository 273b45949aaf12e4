"""Models, checkpoints and results that are cut, flipped, swapped or of an older format."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import checkpoints
from tinygzsl.runs.config import read_config
from tinygzsl.storage import arrays_file
from tinygzsl.storage.checksums import read_json, write_json


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder for files that are trained once."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def saved(shared, tiny_dataset, small_model, tmp_path):
    """Paths of a model and of a checkpoint."""
    if not (shared / "model.npz").exists():
        t = tiny_dataset().training()
        kept = checkpoints.Checkpoints(checkpoints.GanCheckpoint(shared / "gan.npz", "f"))
        model = small_model().fit(t.X, t.y, t.prototypes, checkpoint=kept)
        model.save(shared / "model.npz")
    return [Path(shutil.copy(shared / name, tmp_path)) for name in ("model.npz", "gan.npz")]


def test_cut_flipped_swapped_and_older_models_and_checkpoints(saved, sentence):
    for path, kind, other in (
        (saved[0], "model", "checkpoint"),
        (saved[1], "checkpoint", "model"),
    ):
        whole = path.read_bytes()
        header, arrays = arrays_file.read_npz(path, kind)
        with sentence(ValueError, path, f"is a {kind} file", f"a {other} of format 2 is needed"):
            arrays_file.read_npz(path, other)
        for end in (0, 100, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:end])
            with sentence(ValueError, path, "damaged"):
                arrays_file.read_npz(path, kind)
        place = whole.index(next(iter(arrays.values())).tobytes()[:16])
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with sentence(ValueError, path, "damaged"):
            arrays_file.read_npz(path, kind)
        text = json.dumps({**header, "format": 1})  # as of before there was a checksum
        np.savez(path, header=np.array(text), **arrays)
        with sentence(ValueError, path, f"is a {kind} file of format 1", "of format 2 is needed"):
            arrays_file.read_npz(path, kind)


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
    header, arrays = arrays_file.read_npz(saved[0], "model")
    change(header, arrays)
    arrays_file.write_npz(saved[0], arrays_file.State(header, arrays))
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
    assert read_json(path, "again") == {"H": 0.25, "per_class": {"é": [1, 2.5, None]}}
    assert json.loads(path.read_text())["format"] == 1
    whole = path.read_text()
    for damaged, part in (
        (whole.replace("0.25", "0.26"), "doesn't match its checksum"),
        (whole.replace('"format": 1', '"format": 2'), "has the format 2, but 1 is needed"),
        (whole[: len(whole) // 2], "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("3", "does not hold a JSON object"),
        ('{"H": 0.25}', "has the format None, but 1 is needed"),
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
