"""A sweep of preset best: rows of stacks, and the numbers of a config in place of folds."""

import pickle

import pytest
from fast_methods import fast_params, make  # noqa: F401

from tinygzsl.stacking import experts
from tinygzsl.stacking import training as stack_training
from tinygzsl.sweeps.local import LocalEngine
from tinygzsl.sweeps.results import Results
from tinygzsl.sweeps.run import run_row


@pytest.fixture
def best_runs(data, run_cli):
    """best_runs(config=None) -> the run of such a sweep and its plan."""
    from tinygzsl.cli.sweep_plan import plan_sweep

    def plan(config=None):
        names = None if config else "best"
        others = dict.fromkeys(("seeds", "root", "prototypes"))
        given = (str(data),) if config is None else ()
        runs, plan = plan_sweep(
            given, splits="1", sets=(), preset=names, config=config and str(config), **others
        )
        for run in runs:
            run.params["threads"] = 1
        return runs, {**plan, "threads": 1}

    return plan


@pytest.fixture
def fast_experts(monkeypatch, make):  # noqa: F811
    """In place of the default experts, one that trains in a blink."""
    monkeypatch.setattr(experts, "default_experts", lambda: {"ESZSL": make("ESZSL")})


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_a_stack_has_no_figure_without_its_gate(fast_experts, best_runs, tmp_path, name):
    runs, plan = best_runs()
    assert plan["presets"] == ("best",)
    row = run_row(runs[0])
    assert row["error"] is None and row["gzsl_H"] is None
    assert 0 <= row["H"] <= 1 and 0 <= row["auroc"] <= 1
    Results(tmp_path / name, plan, runs=runs).append(row)
    read = Results(tmp_path / name, plan, runs=runs)
    assert read.missing() == [] and read.rows[0]["gzsl_H"] is None
    assert read.rows[0]["H"] == row["H"]


def test_a_config_with_what_folds_have_found_needs_none(
    fast_experts, best_runs, run_cli, data, tmp_path, monkeypatch, comparable
):
    folder = tmp_path / "run"
    result = run_cli("train", data, "--split", 1, "--preset", "best", "--out", folder)
    assert result.exit_code == 0, result.output
    row = run_row(best_runs()[0][0])
    runs, plan = best_runs(config=folder / "config.toml")
    assert plan["settings"][0]["decision"]["experts"] == ("ESZSL",)
    monkeypatch.setattr(stack_training, "disjoint_folds", None)
    assert comparable([run_row(pickle.loads(pickle.dumps(runs[0])))]) == comparable([row])


def test_a_worker_gives_the_same_row(best_runs, comparable):
    runs, _ = best_runs()
    assert comparable(LocalEngine(1).results(runs)) == comparable([run_row(runs[0])])
