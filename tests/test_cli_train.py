"""`tinygzsl train` and `evaluate`: run folders, configurations, resuming, bad input."""

import errno
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import persist, runs
from tinygzsl.presets import settings_for


@pytest.fixture
def data(write_xlsa17, tmp_path):
    """A folder in the xlsa17 layout."""
    write_xlsa17(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def trained(run_cli, fast_options, data, tmp_path):
    """The run folder of a finished training."""
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


def one_error_line(result, *parts, code=2):
    """The command failed with that exit code and one last line on stderr that has the parts."""
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    assert "Traceback" not in result.output
    for part in parts:
        assert str(part) in lines[-1], lines[-1]


@pytest.mark.wheel
def test_a_run_folder_holds_everything(trained, data):
    files = {str(p.relative_to(trained)) for p in trained.rglob("*") if p.is_file()}
    expected = {"model.npz", "config.toml", "curves.csv", "manifest.json", "checkpoints/gan.npz"}
    assert {Path(f).as_posix() for f in files} == expected
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["outputs"]["model.npz"] == runs.file_sha256(trained / "model.npz")
    assert manifest["inputs"].keys() == {str(data / "res101.mat"), str(data / "att_splits.mat")}
    assert manifest["versions"]["numpy"] == np.__version__
    assert (manifest["seed"], manifest["device"]) == (0, "cpu")
    assert manifest["config"]["gan"]["lr"] == 3e-3


def test_the_curves_have_a_row_per_look_and_per_epoch(trained):
    lines = (trained / "curves.csv").read_text().splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    model = tz.load_model(trained / "model.npz")
    looks = [row for row in rows if row["phase"] == "gan"]
    assert [float(row["cs"]) for row in looks] == [k.cs for k in model.proxy_source_.looks]
    epochs = [row for row in rows if row["phase"] == "vsmm"]
    assert [float(row["loss"]) for row in epochs] == [h["loss"] for h in model.history_]
    assert looks[0]["loss"] == epochs[0]["cs"] == ""


@pytest.mark.wheel
def test_evaluate_writes_the_metrics_it_prints(trained, run_cli):
    result = run_cli("evaluate", trained, "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed == json.loads((trained / "metrics.json").read_text())
    text = run_cli("evaluate", trained).stdout
    assert f"{printed['H']:.3f}" in text
    assert f"AUROC {printed['auroc']:.3f}" in text


def test_train_json_is_one_object(run_cli, fast_options, data, tmp_path):
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run", "--json")
    facts = json.loads(result.stdout)
    assert facts["run"] == str(tmp_path / "run")
    assert facts["model_sha256"] == runs.file_sha256(tmp_path / "run" / "model.npz")
    assert facts["snapshots"][0]["relative"] > 0.05


def test_the_written_config_trains_the_same_model(trained, run_cli, tmp_path):
    again = tmp_path / "again"
    result = run_cli("train", "--config", trained / "config.toml", "--out", again)
    assert result.exit_code == 0, result.output
    assert (again / "model.npz").stat().st_size > 0
    models = [tz.load_model(folder / "model.npz") for folder in (trained, again)]
    for one, other in zip(*(m.vsmm_.params for m in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (again / "config.toml").read_text() == (trained / "config.toml").read_text()


def test_set_goes_before_config_and_reaches_every_setting(trained, run_cli, tmp_path):
    sets = {"vsmm.epochs": "2", "router.metric": "cosine", "router_delta_low": "0.25"}
    options = [part for k, v in sets.items() for part in ("--set", f"{k}={v}")]
    config = trained / "config.toml"
    result = run_cli("train", "--config", config, *options, "--out", tmp_path / "new", "--seed", 5)
    assert result.exit_code == 0, result.output
    nested = tomllib.loads((tmp_path / "new" / "config.toml").read_text())
    assert nested["vsmm"]["epochs"] == 2
    assert nested["router"]["metric"] == "cosine"
    assert nested["router"]["delta_low"] == 0.25
    assert nested["seed"] == 5
    assert nested["gan"]["lr"] == 3e-3
    flat = {f"{s}_{k}" for s, v in nested.items() if isinstance(v, dict) for k in v}
    assert flat - {k for k in flat if k.startswith("data_")} == {
        f"{s}_{k}" for s, v in settings_for("paper").sections().items() for k in v
    }


@pytest.mark.parametrize(
    ("dataset", "preset"),
    [
        ("AWA1", "paper-awa1"),
        ("xlsa17/data/CUB", "paper-cub"),
        ("data/hmdb_i3d", "paper-hmdb51"),
        ("letters", "paper"),
        ("my.npz", "paper"),
    ],
)
def test_the_papers_preset_of_a_known_dataset_is_taken(dataset, preset):
    from tinygzsl.cli.config import resolve

    params, source = resolve(None, (), {"preset": "paper"}, {"name_or_path": dataset, "root": "x"})
    assert params == {"preset": preset}
    assert source == {"name_or_path": dataset, "root": "x"}


def test_the_letters_have_a_preset_of_their_own():
    from tinygzsl.cli.config import resolve

    presets = [
        resolve(None, (), top, {"name_or_path": name})[0]["preset"]
        for name, top in (("letters", {}), ("Letters", {"preset": "small"}), ("my.npz", {}))
    ]
    assert presets == ["letters", "small", "paper"]


def test_a_dataset_on_the_command_line_replaces_that_of_the_file(tmp_path):
    from tinygzsl.cli.config import resolve

    (tmp_path / "config.toml").write_text("[data]\nname_or_path = 'hmdb51'\nsplit = 3\n")
    _, source = resolve(str(tmp_path / "config.toml"), (), {}, {"name_or_path": "letters"})
    assert source == {"name_or_path": "letters"}
    _, source = resolve(str(tmp_path / "config.toml"), (), {}, {"split": 4})
    assert source == {"name_or_path": "hmdb51", "split": 4}


def test_the_recorded_source_works_from_any_folder(
    run_cli, fast_options, write_xlsa17, tmp_path, monkeypatch
):
    write_xlsa17(tmp_path / "here" / "AWA1")
    (tmp_path / "here" / "letters").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for dataset in ("awa1", "AWA1/../AWA1"):
        out = tmp_path / f"run-{len(dataset)}"
        result = run_cli("train", dataset, *fast_options, "--out", out)
        assert result.exit_code == 0, result.output
        monkeypatch.chdir(tmp_path)
        assert run_cli("evaluate", out).exit_code == 0
        monkeypatch.chdir(tmp_path / "here")
    from tinygzsl.cli.train import _absolute

    assert _absolute({"name_or_path": "letters", "root": None})["name_or_path"] == "letters"


def test_ctrl_c_leaves_whole_files_and_resume_ends_with_the_same_model(
    run_cli, fast_options, data, tmp_path, monkeypatch, trained
):
    from tinygzsl.cwgan import CWGAN

    monkeypatch.setattr(persist, "CHECKPOINT_SECONDS", 0.0)
    step = CWGAN.train_step

    def interrupted(self, *args):
        if self.step == 15:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(CWGAN, "train_step", interrupted)
    out = tmp_path / "stopped"
    result = run_cli("train", data, *fast_options, "--out", out)
    one_error_line(result, "interrupted", code=130)
    assert f"tinygzsl train --resume {out}" in result.stderr
    files = sorted(p.name for p in out.rglob("*") if p.is_file())
    assert files == ["config.toml", "gan.npz"]

    monkeypatch.setattr(CWGAN, "train_step", step)
    result = run_cli("train", "--resume", out)
    assert result.exit_code == 0, result.output
    for name in ("curves.csv", "config.toml"):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name
    (_, one), (_, other) = (persist.read_npz(run / "model.npz", "model") for run in (out, trained))
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize("seed", [0, 3])
def test_resume_takes_no_other_options(run_cli, trained, data, seed):
    result = run_cli("train", data, "--resume", trained, "--seed", seed)
    one_error_line(result, "--resume", "leave out DATASET, seed")


def test_resume_refuses_settings_of_the_cwgan(run_cli, trained):
    before = (trained / "config.toml").read_text()
    result = run_cli("train", "--resume", trained, "--set", "gan.lr=1e-2")
    one_error_line(result, "gan.npz", "other training data or settings")
    assert (trained / "config.toml").read_text() == before


def test_after_too_few_epochs_resume_goes_on_with_more(
    run_cli, fast_options, data, tmp_path, trained
):
    out = tmp_path / "short"
    options = (*fast_options, "--set", "gan.max_epochs=1", "--out", out)
    result = run_cli("train", data, *options)
    one_error_line(result, "no snapshot", "gan_max_epochs")
    assert f"tinygzsl train --resume {out} --set gan.max_epochs=N" in result.stderr
    result = run_cli("train", "--resume", out, "--set", "gan.max_epochs=60")
    assert result.exit_code == 0, result.output
    models = [tz.load_model(folder / "model.npz") for folder in (trained, out)]
    looks = [[k.step for k in m.proxy_source_.looks if k.step % 10 == 0] for m in models]
    assert looks[0] == looks[1]
    assert "max_epochs = 60" in (out / "config.toml").read_text()


def test_preset_and_a_config_with_settings_contradict(run_cli, trained, tmp_path):
    config = trained / "config.toml"
    result = run_cli("train", "--config", config, "--preset", "paper", "--out", tmp_path / "new")
    one_error_line(result, "settings of its own", "--preset paper", "leave one of the two out")


def test_a_run_folder_that_exists(run_cli, fast_options, data, trained):
    before = (trained / "model.npz").read_bytes()
    result = run_cli("train", data, *fast_options, "--out", trained)
    one_error_line(result, trained, "exists", "--out", "--resume")
    assert (trained / "model.npz").read_bytes() == before


def test_a_folder_that_cannot_be_made(run_cli, fast_options, data, tmp_path):
    (tmp_path / "file").write_text("no folder")
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "file" / "run")
    one_error_line(result, tmp_path / "file", "a part of this path is a file")


def test_a_folder_without_permission(run_cli, fast_options, data, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    one_error_line(result, tmp_path / "run", "Permission denied; choose a place you may write to")


def test_a_full_disk(run_cli, fast_options, data, tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    one_error_line(result, tmp_path / "run", "gan.npz: No space left on device; free some space")
    assert not (tmp_path / "run").exists()


def test_a_window_that_is_never_reached_says_the_range(run_cli, fast_options, data, tmp_path):
    options = ("--set", "cs.low=0.98", "--set", "cs.high=0.99", "--set", "gan.max_epochs=3")
    result = run_cli("train", data, *fast_options, *options, "--out", tmp_path / "run")
    one_error_line(result, "no snapshot has 0.98 <", "it went from", "gan_max_epochs")


def test_diverged_training_exits_with_1_and_leaves_no_model(run_cli, fast_options, data, tmp_path):
    options = ("--set", "gan.lr=1e30")
    with np.errstate(all="ignore"):
        result = run_cli("train", data, *fast_options, *options, "--out", tmp_path / "run")
    one_error_line(result, "diverged", "lower gan_lr", code=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--preset", "huge"), ("'huge'", "paper-awa1")),
        (("--set", "gan.rate=1"), ("'gan_rate'", "gan_lr")),
        (("--set", "gan.lr"), ("'gan.lr'", "section.key=value")),
        (("--set", "gan.lr=fast"), ("gan_lr", "'fast'")),
        (("--set", "gan.lr=-1"), ("gan_lr is -1", "more than 0")),
        (("--set", "router.delta_low=2"), ("router_delta_low is 2", "1.5")),
        (("--seed", "-1"), ("seed is -1",)),
        (("--dtype", "float16"), ("'float16'", "float64")),
        (("--device", "tpu"), ("'tpu'", "cuda")),
        (("--split", "3"), ("split is 3",)),
        (("--prototypes", "word2vec"), ("word2vec",)),
        (("--set", "seed=3"), ("seed is no setting", "--seed 3")),
        (("--set", "cs.high=.3"), ("cs_low is 0.4 and cs_high 0.3",)),
        (("--device", "cuda"), ("device 'cuda' can't be used", "device='cpu'")),
        (("--config", "none.toml"), ("none.toml", "does not exist")),
    ],
)
def test_bad_options(run_cli, data, tmp_path, options, parts):
    result = run_cli("train", data, *options, "--out", tmp_path / "run")
    one_error_line(result, *parts)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("gan = [", ("not valid TOML",)),
        ("sede = 3", ("top-level key 'sede'", "seed")),
        ("data = 3", ("data = 3", "[data]")),
        ("preset = [1]", ("preset is [1]",)),
        ("[data]\nfolder = 'x'", ("key of [data] 'folder'", "root")),
        ("[gan]\nrate = 3", ("'gan_rate'",)),
        ("[gan]\nlr = 'x'", ("gan_lr is 'x'",)),
    ],
)
def test_bad_config_files(run_cli, data, tmp_path, text, parts):
    (tmp_path / "config.toml").write_text(text)
    result = run_cli("train", data, "--config", tmp_path / "config.toml", "--out", tmp_path / "run")
    one_error_line(result, *parts)


def test_no_dataset(run_cli):
    one_error_line(run_cli("train"), "no dataset is named", "tinygzsl train letters")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"labels": np.ones((140, 1), np.uint8)}, ("class",)),
        ({"labels": np.full((140, 1), 99)}, ("99", "8")),
        ({"att": None}, ("att",)),
        ({"att": np.ones((6, 5))}, ("att",)),
        ({"features": np.ones((10, 139))}, ("139", "140")),
        ({"features": np.full((10, 140), np.nan)}, ("700 values that are NaN or inf", "row 0")),
        ({"att": np.full((6, 8), np.inf)}, ("prototypes", "30 values")),
        ({"trainval_loc": np.array([[141]])}, ("141", "140")),
    ],
)
def test_bad_datasets(run_cli, fast_options, write_xlsa17, tmp_path, changes, parts):
    write_xlsa17(tmp_path / "bad", **changes)
    result = run_cli("train", tmp_path / "bad", *fast_options, "--out", tmp_path / "run")
    one_error_line(result, *parts)
    assert not (tmp_path / "run").exists()


def test_a_missing_dataset(run_cli, tmp_path):
    one_error_line(run_cli("train", tmp_path / "none"), tmp_path / "none", "does not exist")
    one_error_line(run_cli("train", "cub", "--root", tmp_path), "cub was not found", tmp_path)


def test_evaluate_without_a_run(run_cli, tmp_path):
    one_error_line(run_cli("evaluate", tmp_path), "model.npz", "does not exist")


def test_evaluate_a_model_file_needs_data(run_cli, trained, data):
    result = run_cli("evaluate", trained / "model.npz")
    one_error_line(result, "pass --data")
    result = run_cli("evaluate", trained / "model.npz", "--data", data, "--json")
    assert json.loads(result.stdout)["n_test"] == {"seen": 30, "unseen": 40}
    assert not (trained / "metrics.json").exists()


@pytest.mark.parametrize("option", [("--split", 7), ("--root", "x"), ("--prototypes", "sent")])
def test_evaluate_refuses_what_it_would_ignore(run_cli, trained, option):
    one_error_line(run_cli("evaluate", trained, *option), option[0][2:], "--data")


def test_metrics_are_of_the_runs_own_dataset(run_cli, trained, data):
    result = run_cli("evaluate", trained, "--data", data)
    assert result.exit_code == 0
    assert not (trained / "metrics.json").exists()
    assert run_cli("evaluate", trained).exit_code == 0
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["model_sha256"] == runs.file_sha256(trained / "model.npz")
    assert metrics["inputs"][str(data / "res101.mat")] == runs.file_sha256(data / "res101.mat")


def test_evaluate_on_another_dataset_is_refused(run_cli, trained):
    one_error_line(run_cli("evaluate", trained, "--data", "letters"), "5 seen classes", "20")


def test_evaluate_when_the_data_has_gone(run_cli, trained, data):
    for path in data.iterdir():
        path.unlink()
    data.rmdir()
    one_error_line(run_cli("evaluate", trained), data, "does not exist")
