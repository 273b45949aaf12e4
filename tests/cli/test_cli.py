"""The command line as a whole, its small commands, and what it costs to start."""

import json
import subprocess
import sys

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


@pytest.mark.parametrize("terminal", [True, False])
def test_a_note_says_beforehand_what_it_takes(capsys, terminal):
    from tinygzsl.cli.progress import Progress

    with Progress(Terminal(terminal)) as callback:
        logs = {"phase": "tune", "total": 9, "expected_seconds": 250.0, "expected_bytes": 314e6}
        callback(0, logs)
        callback(1, {"phase": "tune", "total": 9})
        logs = {"phase": "stack", "total": 9, "expected_bytes": 5e6, "expected_seconds": None}
        callback(0, {**logs, "seconds_left": None})
        for step in (1, 2):
            callback(step, {**logs, "expected_seconds": 50.0, "seconds_left": 40.0 - step})
    assert capsys.readouterr().err.splitlines() == [
        "note: validation and training will take about 4 min and 310 MB",
        "note: training the experts will take about 5 MB; how long it takes is known after the "
        "first fold",
        "note: training the experts will take about 50 s and 5 MB",
    ]


def test_the_end_is_what_the_training_itself_expects(monkeypatch):
    from tinygzsl.cli import progress

    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    stream = Terminal(True)
    with progress.Progress(stream) as callback:
        for step in (0, 1):
            callback(step, {"phase": "stack", "total": 50, "seconds_left": 130.0})
            clock[0] += 1
    assert "training the experts [" in stream.text
    assert "1/50, 1.0 steps/s, about 2:10 min left" in stream.text


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_the_line_fits_the_terminal(monkeypatch, columns):
    from tinygzsl.cli import progress

    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal(True)
    with progress.Progress(stream) as callback:
        for step in range(4):
            callback(step, {"phase": "gate", "total": 5, "cs": 2.5, "relative": 0.5})
            clock[0] += 25
    *_, last = stream.text.strip().split("\r\x1b[K")
    assert len(last) < columns
    assert ("25 s/step" in last) == ("CS 2.50" in last or columns == 80) == (columns >= 80)
    assert last.startswith("training folds for"[: columns - 2])


def test_estimates_are_rough():
    from tinygzsl.cli.progress import memory, roughly

    found = [memory(size) for size in (0, 999, 10**6, 37.7e6, 314159265, 10**9, 1.26e9)]
    assert found == ["1 MB", "1 MB", "1 MB", "38 MB", "310 MB", "1.0 GB", "1.3 GB"]
    assert [roughly(s) for s in (0.1, 89, 90, 5399, 5400)] == [
        *("1 s", "89 s", "2 min", "90 min", "1.5 h")
    ]


def test_clock():
    from tinygzsl.cli.progress import clock

    assert [clock(s) for s in (7.4, 125, 4800)] == ["7 s", "2:05 min", "1:20 h"]
