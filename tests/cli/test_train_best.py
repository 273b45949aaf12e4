"""`tinygzsl train --preset best`: a run folder of a stack, and the commands that take it."""

import json
import tomllib

import numpy as np
import pytest
from fast_methods import fast_params, make  # noqa: F401

import tinygzsl as tz
from tinygzsl.datasets.views import as_views
from tinygzsl.stacking import StackedGZSL, experts
from tinygzsl.stacking import training as stack_training
from tinygzsl.storage.checksums import file_sha256

VIEWS = ("att", "original_att")


@pytest.fixture(autouse=True)
def fast_experts(monkeypatch, make, small_model):  # noqa: F811
    """In place of the default experts, two that train in a blink."""

    def fast():
        vsmm = small_model(vsmm_weight_es=0.0, router_gate="soft", vsmm_epochs=3)
        return {"VSMM": vsmm, "PrototypeRidge": make("PrototypeRidge", features="standard")}

    monkeypatch.setattr(experts, "default_experts", fast)


@pytest.fixture
def best(run_cli, data, tmp_path):
    """The run folder of a finished training of preset best."""
    result = run_cli("train", data, "--preset", "best", "--out", tmp_path / "best")
    assert result.exit_code == 0, result.output
    return tmp_path / "best"


def stop_after(monkeypatch, pieces):
    """Have the training end as by Ctrl-C when that many pieces are done."""
    do, done = stack_training.Pieces.do, []

    def stopping(self, piece, *work):
        if len(done) == pieces:
            raise KeyboardInterrupt
        done.append(piece)
        return do(self, piece, *work)

    monkeypatch.setattr(stack_training.Pieces, "do", stopping)


def test_the_folder_holds_the_model_and_all_that_was_fitted(best, data):
    files = {path.name for path in best.iterdir()}
    assert files == {"model.npz", "config.toml", "manifest.json", "checkpoints"}
    model = tz.load_model(best / "model.npz")
    assert isinstance(model, StackedGZSL) and list(model.experts_) == ["VSMM", "PrototypeRidge"]
    nested = tomllib.loads((best / "config.toml").read_text())
    assert nested["preset"] == "best" and nested["data"]["name_or_path"] == str(data)
    assert tuple(nested["decision"]["experts"]) == tuple(model.experts_)
    assert tuple(nested["decision"]["seen_weights"]) == model.decision_.seen_weights
    assert tuple(nested["decision"]["unseen_weights"]) == model.decision_.unseen_weights
    assert tuple(nested["gate"]["features"]) == model.decision_.gate.features
    assert nested["gate"]["offset"] == model.decision_.gate.offset
    manifest = json.loads((best / "manifest.json").read_text())
    assert manifest["preset"] == "best" and manifest["seconds"] > 0
    assert manifest["outputs"]["model.npz"] == file_sha256(best / "model.npz")
    assert manifest["config"]["gate"]["kappa"] == model.decision_.gate.kappa


def test_it_is_the_model_that_python_fits(best, data):
    training = tz.load_dataset(data).training()
    model = StackedGZSL().fit(training.X, training.y, training.prototypes)
    model.save(best / "other.npz")
    assert file_sha256(best / "other.npz") == file_sha256(best / "model.npz")


def test_a_run_repeats_from_its_config_without_folds(best, run_cli, tmp_path, monkeypatch):
    monkeypatch.setattr(stack_training, "disjoint_folds", None)
    again = tmp_path / "again"
    result = run_cli("train", "--config", best / "config.toml", "--out", again)
    assert result.exit_code == 0, result.output
    for name in ("model.npz", "config.toml"):
        assert (again / name).read_bytes() == (best / name).read_bytes()


@pytest.mark.parametrize("pieces", [0, 1, 5, 7])
def test_a_stopped_run_resumes_to_the_same_bits(
    best, run_cli, data, tmp_path, monkeypatch, one_error_line, pieces
):
    out = tmp_path / "stopped"
    with monkeypatch.context() as patched:
        stop_after(patched, pieces)
        result = run_cli("train", data, "--preset", "best", "--out", out)
    one_error_line(result, "interrupted", code=130)
    said = "stopped; continue with" if pieces else "stopped before the first checkpoint"
    assert said in result.stderr and f"tinygzsl train --resume {out}" in result.stderr
    assert len(list((out / "checkpoints").iterdir())) == pieces
    result = run_cli("train", "--resume", out)
    assert result.exit_code == 0, result.output
    for name in ("model.npz", "config.toml"):
        assert (out / name).read_bytes() == (best / name).read_bytes()


def test_a_finished_run_says_so(best, run_cli, monkeypatch):
    monkeypatch.setattr(StackedGZSL, "fit", None)
    result = run_cli("train", "--resume", best, "--json")
    assert result.exit_code == 0, result.output
    assert "is finished; nothing is left to train" in result.stderr
    facts = json.loads(result.stdout)
    assert facts["model_sha256"] == file_sha256(best / "model.npz")
    assert [expert["name"] for expert in facts["experts"]] == ["VSMM", "PrototypeRidge"]


def test_other_data_is_refused(best, run_cli, write_xlsa17, data, one_error_line):
    write_xlsa17(data, seed=1)
    result = run_cli("train", "--resume", best)
    one_error_line(result, "expert0.npz", "other training data or another expert")


def test_another_device_is_refused(best, run_cli, one_error_line):
    one_error_line(run_cli("train", "--resume", best, "--device", "cuda"), "began on cpu")


def test_a_failed_expert_leaves_no_folder(run_cli, data, tmp_path, monkeypatch, one_error_line):
    def fit(*_, **__):
        raise FloatingPointError("it diverged")

    monkeypatch.setattr(tz.EntropySeparationGZSL, "fit", fit)
    result = run_cli("train", data, "--preset", "best", "--out", tmp_path / "failed")
    one_error_line(result, "the expert VSMM failed on fold 1 of 2", "it diverged", code=1)
    assert not (tmp_path / "failed").exists()


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("unseen_weights = [", "unseen_weights = [1.0, "), ["not for 2 experts"]),
        (("kappa = ", "kappa = nan # "), ["is nan", "no valid numbers"]),
        (("[gate]", "[vsmm]"), ["has the section [vsmm]", "delete it"]),
        (("intercept", "intercepts"), ["no valid numbers", "delete the sections"]),
        (('"VSMM"', '"Other"'), ["fold_results are of the experts Other", "these are VSMM"]),
        (("gap of VSMM", "gap of Other"), ["looks at 'gap of Other'"]),
        (("deviations = [", "deviations = [0, "), ["no valid numbers"]),
        (('experts = ["VSMM", ', "experts = [1, "), ["a name of an expert is no text"]),
        (("fold_unseen = [", 'fold_unseen = ["3", '), ["is 3, not a finite number"]),
    ],
)
def test_a_config_that_does_not_fit_is_a_sentence(
    best, run_cli, tmp_path, one_error_line, change, parts
):
    path = tmp_path / "changed.toml"
    text = (best / "config.toml").read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    result = run_cli("train", "--config", path, "--out", tmp_path / "new")
    one_error_line(result, *parts)


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_settings_are_refused(run_cli, data, tmp_path, one_error_line, command):
    result = run_cli(
        command, data, "--preset", "best", "--set", "vsmm.lr=1", "--out", tmp_path / "o.csv"
    )
    one_error_line(result, "--set vsmm.lr=1 has no meaning for preset 'best'")


def test_evaluate_report_and_plot_take_the_run(best, run_cli):
    result = run_cli("evaluate", best, "--json")
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert metrics["H"] > 0.5
    assert metrics["oracle_offset"]["H"] >= metrics["H"] - 1e-9
    text = run_cli("evaluate", best).stdout
    assert f"{metrics['H']:.3f}" in text
    report = run_cli("report", best)
    assert report.exit_code == 0, report.output
    assert "PrototypeRidge" in (best / "report.html").read_text()
    pytest.importorskip("matplotlib")
    result = run_cli("plot", best)
    assert result.exit_code == 0, result.output


def test_a_run_with_views_is_predicted_with_both(run_cli, data, tmp_path, one_error_line):
    run = tmp_path / "views"
    result = run_cli(
        "train", data, "--preset", "best", "--prototypes", "att,original_att", "--out", run
    )
    assert result.exit_code == 0, result.output
    model, dataset = tz.load_model(run / "model.npz"), tz.load_dataset(data, prototypes=VIEWS)
    assert list(model.experts_)[1] == "VSMM, original_att"
    files = []
    for name, table in as_views(dataset.unseen_prototypes).items():
        labelled = zip(dataset.unseen_classes, table.tolist(), strict=True)
        rows = [",".join(map(str, (label, *a))) for label, a in labelled]
        header = ",".join(["label", *(f"a{i}" for i in range(table.shape[1]))])
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
        files += ["--unseen", f"{name}={tmp_path / name}.csv"]
    np.save(tmp_path / "X.npy", dataset.X_test)
    result = run_cli("predict", run, tmp_path / "X.npy", *files, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["predictions"]
    expected = model.predict(dataset.X_test, dataset.unseen_prototypes, dataset.unseen_classes)
    assert [row["label"] for row in rows] == expected.tolist()
    result = run_cli("predict", run, tmp_path / "X.npy", *files[:2])
    one_error_line(result, "--unseen has att", "trained on att, original_att")
    result = run_cli("train", "--config", run / "config.toml", "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert file_sha256(tmp_path / "again" / "model.npz") == file_sha256(run / "model.npz")


def test_a_note_says_what_it_takes(run_cli, data, tmp_path):
    result = run_cli("train", data, "--preset", "best", "--out", tmp_path / "run")
    notes = [line for line in result.stderr.splitlines() if "will take about" in line]
    assert notes[0].startswith("note: training the experts will take about 1 MB; how long it takes")
    assert notes[1].endswith(" s and 1 MB") and len(notes) == 2


def test_tune_and_reproduce_refuse_it(run_cli, data, tmp_path, one_error_line):
    result = run_cli("tune", data, "--preset", "best", "--out", tmp_path / "t.toml")
    one_error_line(result, "tinygzsl train", "--preset best", "no settings to search for")
    result = run_cli("reproduce", "table1", data, "--preset", "best", "--out", tmp_path / "o")
    one_error_line(result, "--preset best is no method of the paper")


def test_the_estimator_names_the_stack(sentence, tiny_dataset):
    training = tiny_dataset().training()
    with sentence(ValueError, "preset 'best'", "tinygzsl.stacking.StackedGZSL()"):
        tz.EntropySeparationGZSL(preset="best").fit(training.X, training.y, training.prototypes)


def test_info_lists_it(run_cli):
    assert json.loads(run_cli("info", "--json").stdout)["presets"][-2:] == ["auto", "best"]
