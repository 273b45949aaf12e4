"""The command line as a whole, its small commands, and what it costs to start."""

import io
import json
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.wheel
def test_help_lists_every_command(run_cli):
    result = run_cli("--help")
    assert result.exit_code == 0
    for name in ("demo", "train", "evaluate", "predict", "data", "gradcheck", "info"):
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("command", ["demo", "train", "evaluate", "predict", "gradcheck", "info"])
def test_every_option_has_a_help_text(run_cli, command):
    from tinygzsl.cli.main import main

    assert run_cli(command, "--help").exit_code == 0
    for option in main.commands[command].params:
        assert option.name in ("dataset", "run", "features", "names") or option.help


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from tinygzsl.cli.main import main;"
        "CliRunner().invoke(main, ['--help']);"
        "print([m for m in ('numpy', 'scipy', 'numba', 'cupy', 'matplotlib') if m in sys.modules])"
    )
    assert run_python(code) == "[]\n"


@pytest.mark.wheel
def test_version(run_cli):
    import tinygzsl

    assert run_cli("--version").stdout.strip().endswith(tinygzsl.__version__)


def test_python_dash_m():
    result = subprocess.run(
        [sys.executable, "-m", "tinygzsl", "info", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(result.stdout)
    assert facts["versions"]["numpy"] == np.__version__
    assert set(facts["cuda"]) & {"device", "reason"}


@pytest.mark.wheel
def test_info_says_why_cuda_cannot_be_used(run_cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # as if it were not installed
    text = run_cli("info").stdout
    assert "not usable: cupy is not installed (pip install 'tinygzsl[cuda12x]')" in text
    facts = json.loads(run_cli("info", "--json").stdout)
    assert facts["cuda"]["usable"] is False
    assert facts["cores"] >= 1


@pytest.mark.wheel
def test_demo_measures_what_it_prints(run_cli):
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_cli("demo", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["seconds"] <= time.monotonic() - started + 0.1
    for row in (facts["baseline"], facts["router"], facts["full"]):
        assert 0 < row["U"] < row["S"] < 1
        assert row["H"] == pytest.approx(2 * row["S"] * row["U"] / (row["S"] + row["U"]))
    assert facts["router"]["supervised"] > 0.9
    assert facts["router"]["auroc"] > 0.7
    before, after = facts["router"]["entropy"], facts["full"]["entropy"]
    gap = [e["proxy"] - e["seen"] for e in (before, after)]
    assert gap[1] > gap[0]
    assert 0.4 < facts["snapshots"][0]["relative"] < 0.7
    for histogram in facts["histograms"].values():
        for shares in histogram.values():
            assert sum(shares) == pytest.approx(1)


def test_the_demos_table_shows_its_figures():
    from tinygzsl.cli.demo import text

    row = {"S": 0.5, "U": 0.25, "H": 1 / 3, "auroc": 0.875}
    row["entropy"] = {"seen": 0.125, "unseen": 1.25, "proxy": 2.5, "max": 3.0}
    row["routes"] = {k: {"SL": 0.5, "GZSL": 0.25, "ZSL": 0.25} for k in ("seen", "unseen")}
    shares = {"seen": [1.0, 0.0], "unseen": [0.25, 0.75], "proxy": [0.0, 1.0]}
    lines = text(
        {
            "baseline": row,
            "router": row,
            "full": row,
            "thresholds": [0.05, 0.1],
            "cs_reference": 11.0,
            "snapshots": [{"step": 490, "cs": 2.7}],
            "histograms": {"before": shares, "after": shares},
            "seconds": 12.0,
        }
    ).splitlines()
    assert lines[1] == "(a) baseline: no separation, eq. 2   0.500  0.250  0.333"
    assert any("0.875" in line and "2.50" in line for line in lines)
    assert any("50% /  25% /  25%" in line for line in lines)
    assert "  unseen |▃▃██| highest bin 75%" in lines
    assert (
        lines[-1] == "proxies of step 490 (CS 2.70); CS of held-out real samples 11.00; 12 s in all"
    )


def test_the_histogram_has_letters_that_stdout_can_show(monkeypatch):
    from tinygzsl.cli import demo

    for encoding, row in (("utf-8", "▃▃██"), ("cp1252", "--@@")):
        monkeypatch.setattr(demo.sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        (line,) = demo._histogram({"unseen": [0.25, 0.75]})
        assert line == f"  unseen |{row}| highest bin 75%"
        line.encode(encoding)


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self, terminal):
        self.terminal, self.text = terminal, ""

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_shows_a_rate_and_an_end_on_a_terminal_only(monkeypatch):
    from tinygzsl.cli import progress

    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    for terminal in (True, False):
        stream = Terminal(terminal)
        with progress.Progress(stream) as callback:
            for step in range(1, 5):
                callback(step, {"phase": "gan", "total": 100, "cs": 2.5, "relative": 0.5})
                clock[0] += 0.5
        if not terminal:
            assert stream.text == ""
            continue
        assert "4/100, 2.0 steps/s, at most 48 s left, CS 2.50 (r 0.50)" in stream.text
        assert stream.text.endswith("\n")


def test_clock():
    from tinygzsl.cli.progress import clock

    assert [clock(s) for s in (7.4, 125, 4800)] == ["7 s", "2:05 min", "1:20 h"]
