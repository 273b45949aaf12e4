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


def test_clock():
    from tinygzsl.cli.progress import clock

    assert [clock(s) for s in (7.4, 125, 4800)] == ["7 s", "2:05 min", "1:20 h"]
