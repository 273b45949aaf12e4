"""`tinygzsl evaluate`: which dataset, and what it refuses."""

import json

import pytest
from fast_methods import FAST

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, GGM, PrototypeRidge
from tinygzsl.report.verdict import verdict
from tinygzsl.stacking import StackedGZSL
from tinygzsl.storage.checksums import file_sha256


def test_evaluate_without_a_run(run_cli, tmp_path, one_error_line):
    one_error_line(run_cli("evaluate", tmp_path), "model.npz", "does not exist")


def test_evaluate_a_model_file_needs_data(run_cli, trained, data, one_error_line):
    result = run_cli("evaluate", trained / "model.npz")
    one_error_line(result, "pass --data")
    result = run_cli("evaluate", trained / "model.npz", "--data", data, "--json")
    assert json.loads(result.stdout)["n_test"] == {"seen": 30, "unseen": 40}
    assert not (trained / "metrics.json").exists()


@pytest.mark.parametrize("option", [("--split", 7), ("--root", "x"), ("--prototypes", "sent")])
def test_evaluate_refuses_what_it_would_ignore(run_cli, trained, option, one_error_line):
    one_error_line(run_cli("evaluate", trained, *option), option[0][2:], "--data")


def test_metrics_are_of_the_runs_own_dataset(run_cli, trained, data):
    result = run_cli("evaluate", trained, "--data", data)
    assert result.exit_code == 0
    assert not (trained / "metrics.json").exists()
    assert run_cli("evaluate", trained).exit_code == 0
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["model_sha256"] == file_sha256(trained / "model.npz")
    assert metrics["inputs"][str(data / "res101.mat")] == file_sha256(data / "res101.mat")


@pytest.mark.parametrize(
    ("gate", "name"), [("hard", "eq. 10"), ("soft", "soft gate"), ("learned", "learned gate")]
)
def test_the_gate_of_the_run_is_named(run_cli, fast_options, data, tmp_path, gate, name):
    options = [*fast_options, "--set", f"router.gate={gate}", "--out", tmp_path / "run"]
    assert run_cli("train", data, *options).exit_code == 0
    assert f'gate = "{gate}"' in (tmp_path / "run" / "config.toml").read_text()
    said = run_cli("evaluate", tmp_path / "run").stdout
    assert f"router ({name})" in said
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())["calibration"]
    lines = [line for line in said.splitlines() if ": Brier " in line]
    assert [line.partition(":")[0] for line in lines] == [key for key in found if found[key]]
    assert (found["gate"] is None) == (gate == "hard")
    score = found["score"]
    assert lines[0].startswith(f"score: Brier {score['brier']:.3f}, ECE {score['ece']:.3f} (if")
    assert lines[0].endswith(verdict("score", score))


def test_a_learned_gate_is_compared_with_the_entropy(run_cli, fast_options, data, tmp_path):
    options = [*fast_options, "--set", "router.gate=learned", "--out", tmp_path / "run"]
    assert run_cli("train", data, *options).exit_code == 0
    said = run_cli("evaluate", tmp_path / "run").stdout.splitlines()
    m = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for name, found in (("entropy", m), ("gate", m["gate"])):
        assert (
            f"{name} as detector of unseen: AUROC {found['auroc']:.3f}, "
            f"FPR at 95% TPR {found['fpr95']:.3f}"
        ) in said
    best = m["oracle_offset"]
    assert said[-1] == (
        "for analysis only, chosen on the test set: best offset of the gate "
        f"{best['offset']:.2f} gives H {best['H']:.3f} (S {best['S']:.3f}, U {best['U']:.3f})"
    )


@pytest.mark.parametrize("allowed", [(), ("GGM",)])
def test_a_stack_has_no_line_of_eq_2(run_cli, data, tmp_path, allowed):
    experts = [ESZSL(), PrototypeRidge(), *([GGM(**FAST["GGM"])] if allowed else [])]
    found = tz.load_dataset(data)
    more = {"unseen_prototypes": found.unseen_prototypes} if allowed else {}
    stack = StackedGZSL(experts=experts, features=("gap",), allow_non_strict=allowed)
    stack.fit(found.X_train, found.y_train, found.seen_prototypes, **more)
    stack.save(tmp_path / "stack.npz")
    result = run_cli("evaluate", tmp_path / "stack.npz", "--data", data)
    assert result.exit_code == 0, result.output
    assert "router (learned gate)" in result.stdout
    assert "for every sample" not in result.stdout
    assert (result.stdout.splitlines()[-1].startswith("not strict: ")) == bool(allowed)


def test_evaluate_on_another_dataset_is_refused(run_cli, trained, one_error_line):
    result = run_cli("evaluate", trained, "--data", "letters")
    one_error_line(result, "classes_ holds integers but seen_classes holds text")


def test_evaluate_when_the_data_has_gone(run_cli, trained, data, one_error_line):
    for path in data.iterdir():
        path.unlink()
    data.rmdir()
    one_error_line(run_cli("evaluate", trained), data, "does not exist")


@pytest.mark.parametrize("command", ["evaluate", "report"])
@pytest.mark.parametrize("option", ["--device", "--data"])
def test_an_empty_value_is_not_a_missing_one(run_cli, trained, command, option):
    before = sorted(trained.iterdir())
    result = run_cli(command, trained, option, "")
    assert result.exit_code == 2 and result.stderr.splitlines()[-1].startswith("Error: ")
    assert sorted(trained.iterdir()) == before


def test_an_empty_config_is_not_a_missing_one(run_cli, data, tmp_path):
    result = run_cli("train", data, "--config", "", "--out", tmp_path / "new")
    assert result.exit_code == 2 and not (tmp_path / "new").exists()
