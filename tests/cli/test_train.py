"""`tinygzsl train`: run folders, configurations and resuming."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.runtime import blas
from tinygzsl.settings import settings_for
from tinygzsl.storage import arrays_file
from tinygzsl.storage.checksums import file_sha256, read_json, write_json


@pytest.mark.wheel
def test_a_run_folder_holds_everything(trained, data):
    files = {str(p.relative_to(trained)) for p in trained.rglob("*") if p.is_file()}
    expected = {"model.npz", "config.toml", "curves.csv", "manifest.json"}
    expected |= {"checkpoints/gan.npz", "checkpoints/vsmm.npz"}
    assert {Path(f).as_posix() for f in files} == expected
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["outputs"]["model.npz"] == file_sha256(trained / "model.npz")
    assert manifest["inputs"].keys() == {str(data / "res101.mat"), str(data / "att_splits.mat")}
    assert manifest["versions"]["numpy"] == np.__version__
    assert (manifest["seed"], manifest["device"]) == (0, "cpu")
    assert manifest["config"]["gan"]["lr"] == 3e-3


def test_threads_are_set_by_the_option_and_recorded(run_cli, fast_options, data, tmp_path):
    for threads in (1, 2):
        out = tmp_path / f"run{threads}"
        result = run_cli("train", data, *fast_options, "--threads", threads, "--out", out)
        assert result.exit_code == 0, result.output
        recorded = json.loads((out / "manifest.json").read_text())["threads"]
        assert recorded in (1, threads)  # 1 where BLAS can't be held to one
        assert recorded == threads or not blas.libraries()


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "demo"])
def test_no_threads_are_refused(run_cli, command, one_error_line):
    arguments = {"train": ["letters"], "evaluate": ["run"], "predict": ["run", "X.npy"]}
    result = run_cli(command, *arguments.get(command, []), "--threads", 0)
    one_error_line(result, "threads is 0", "1 to 1024")


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
    assert printed == read_json(trained / "metrics.json", "again")
    text = run_cli("evaluate", trained).stdout
    assert f"{printed['H']:.3f}" in text
    assert f"AUROC {printed['auroc']:.3f}" in text


def test_train_json_is_one_object(run_cli, fast_options, data, tmp_path):
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run", "--json")
    facts = json.loads(result.stdout)
    assert facts["run"] == str(tmp_path / "run")
    assert facts["model_sha256"] == file_sha256(tmp_path / "run" / "model.npz")
    assert facts["snapshots"][0]["relative"] > 0.05


def test_what_a_learned_gate_looks_at_is_told(run_cli, fast_options, data, tmp_path):
    options = [*fast_options, "--set", "router.gate=learned", "--out", tmp_path / "run"]
    said = run_cli("train", data, *options).stdout
    gate = tz.load_model(tmp_path / "run" / "model.npz").decision_.gate
    weights = dict(zip(gate.features, gate.weights, strict=True))
    assert (
        f"the gate looks at: entropy {weights['entropy']:+.2f}, gap {weights['gap']:+.2f} "
        "(weights of standardised features)"
    ) in said.splitlines()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["thresholds"] is None
    assert manifest["config"]["router"]["weights"] == list(gate.weights)
    facts = json.loads(run_cli("train", "--resume", tmp_path / "run", "--json").stdout)
    assert facts["gate"]["weights"] == list(gate.weights)
    assert facts["gate"]["offset"] == gate.offset


def test_a_finished_run_without_comments_is_not_trained_again(trained, run_cli, monkeypatch):
    """As version 0.1.0 wrote config.toml."""
    config, path = trained / "config.toml", trained / "manifest.json"
    lines = config.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("#")]
    assert len(kept) < len(lines)
    config.write_text("".join(kept))
    manifest = read_json(path, "again")
    manifest["outputs"]["config.toml"] = file_sha256(config)
    write_json(path, manifest)
    monkeypatch.setattr(tz.EntropySeparationGZSL, "fit", None)
    result = run_cli("train", "--resume", trained)
    assert result.exit_code == 0, result.stderr
    assert "is finished; nothing is left to train" in result.stderr


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

    params, source = resolve(
        None, (), top={"preset": "paper"}, source={"name_or_path": dataset, "root": "x"}
    )
    assert params == {"preset": preset}
    assert source == {"name_or_path": dataset, "root": "x"}


def test_the_letters_have_a_preset_of_their_own():
    from tinygzsl.cli.config import resolve

    presets = [
        resolve(None, (), top=top, source={"name_or_path": name})[0]["preset"]
        for name, top in (("letters", {}), ("Letters", {"preset": "small"}), ("my.npz", {}))
    ]
    assert presets == ["letters", "small", "paper"]


def test_a_dataset_on_the_command_line_replaces_that_of_the_file(tmp_path):
    from tinygzsl.cli.config import resolve

    (tmp_path / "config.toml").write_text("[data]\nname_or_path = 'hmdb51'\nsplit = 3\n")
    _, source = resolve(
        str(tmp_path / "config.toml"), (), top={}, source={"name_or_path": "letters"}
    )
    assert source == {"name_or_path": "letters"}
    _, source = resolve(str(tmp_path / "config.toml"), (), top={}, source={"split": 4})
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
    from tinygzsl.cli.config import absolute_source

    assert absolute_source({"name_or_path": "letters", "root": None})["name_or_path"] == "letters"


def test_ctrl_c_leaves_whole_files_and_resume_ends_with_the_same_model(
    run_cli, fast_options, data, tmp_path, monkeypatch, trained, one_error_line
):
    from tinygzsl.cwgan import CWGAN

    step = CWGAN.train_step

    def interrupted(self, *args):
        if self.step == 15:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(CWGAN, "train_step", interrupted)
    out = tmp_path / "stopped"
    options = (*fast_options, "--checkpoint-seconds", 0)
    result = run_cli("train", data, *options, "--out", out)
    one_error_line(result, "interrupted", code=130)
    assert f"tinygzsl train --resume {out}" in result.stderr
    files = sorted(p.name for p in out.rglob("*") if p.is_file())
    assert files == ["config.toml", "gan.npz"]

    monkeypatch.setattr(CWGAN, "train_step", step)
    result = run_cli("train", "--resume", out)
    assert result.exit_code == 0, result.output
    for name in ("curves.csv", "config.toml"):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name
    (_, one), (_, other) = (
        arrays_file.read_npz(run / "model.npz", "model") for run in (out, trained)
    )
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize("seed", [0, 3])
def test_resume_takes_no_other_options(run_cli, trained, data, seed, one_error_line):
    result = run_cli("train", data, "--resume", trained, "--seed", seed)
    one_error_line(result, "--resume", "leave out DATASET, seed")


def test_resume_refuses_settings_of_the_cwgan(run_cli, trained, one_error_line):
    before = (trained / "config.toml").read_text()
    result = run_cli("train", "--resume", trained, "--set", "gan.lr=1e-2")
    one_error_line(result, "gan.npz", "other training data or settings")
    assert (trained / "config.toml").read_text() == before


def test_after_too_few_epochs_resume_goes_on_with_more(
    run_cli, fast_options, data, tmp_path, trained, one_error_line
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


def test_preset_and_a_config_with_settings_contradict(run_cli, trained, tmp_path, one_error_line):
    config = trained / "config.toml"
    result = run_cli("train", "--config", config, "--preset", "paper", "--out", tmp_path / "new")
    one_error_line(result, "settings of its own", "--preset paper", "leave one of the two out")
