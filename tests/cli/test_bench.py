"""`tinygzsl bench` on a tiny selection."""

import json

import pytest

from tinygzsl.benchmarks import report, selection
from tinygzsl.benchmarks.machine import Machine

SHORT = (
    selection.Item("softmax, tiny", "softmax", {"rows": 50, "classes": 7}),
    selection.Item("Adam, tiny", "adam", {"parameters": 3000}),
)
FULL = (selection.Item("softmax, large", "softmax", {"rows": 60, "classes": 7}),)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(selection, "SHORT", SHORT)
    monkeypatch.setattr(selection, "FULL", FULL)
    monkeypatch.setattr(report, "measure_machine", lambda threads: Machine(1e9, 1e9, threads))


def test_json_is_one_object_with_the_ratios(run_cli):
    result = run_cli("bench", "--json", "--repeat", 1, "--threads", 1)
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["threads"] == 1
    assert facts["peak_gflops"] == 1
    assert [row["name"] for row in facts["rows"]] == ["softmax, tiny", "Adam, tiny"]
    for row in facts["rows"]:
        assert set(row["seconds"]) == {"tinygzsl", "reference"}
        assert set(row["ratios"]) == {"reference", "floor"}
        assert row["ratios"]["floor"] == pytest.approx(row["floor"] / row["seconds"]["tinygzsl"])
    assert facts["rows"][1]["floor"] == pytest.approx(28 * 3000 / 1e9)


def test_the_table_names_the_chosen_work(run_cli):
    result = run_cli("bench", "--repeat", 1, "--threads", 1, "--only", "adam")
    assert result.exit_code == 0, result.stderr
    assert "| Adam, tiny |" in result.stdout
    assert "softmax" not in result.stdout
    assert "Adam, tiny" in result.stderr  # what is being measured


def test_full_is_another_selection(run_cli):
    result = run_cli("bench", "--full", "--json", "--repeat", 1, "--threads", 1)
    assert [row["name"] for row in json.loads(result.stdout)["rows"]] == ["softmax, large"]


def test_peers_that_are_missing_are_left_out_with_a_word(run_cli, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    result = run_cli("bench", "--peers", "--repeat", 1, "--threads", 1, "--only", "adam")
    assert result.exit_code == 0, result.stderr
    for package in ("torch", "jax"):
        assert f"{package} is not installed, so it is left out; pip install {package}" in (
            result.stderr
        )
    assert "PyTorch" not in result.stdout


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--threads", "0"], ("0", "from 1 to 1024")),
        (["--repeat", "0"], ("0", "from 1 to 1000")),
        (["--only", "nothing"], ("'nothing'", "Adam, tiny")),
        (["--threads", "many"], ("--threads", "many")),
        (["--faster"], ("--faster",)),
    ],
)
def test_bad_options_end_in_a_sentence(run_cli, options, parts):
    result = run_cli("bench", *options)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr


def test_every_option_has_a_help_text(run_cli):
    from tinygzsl.cli.main import main

    assert run_cli("bench", "--help").exit_code == 0
    assert all(option.help for option in main.commands["bench"].params)
