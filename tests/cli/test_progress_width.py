"""The progress line on a terminal of its own, while stdout and COLUMNS say something else."""

import io
import os
import re
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

import tinygzsl

fcntl = pytest.importorskip("fcntl", reason="terminals of Unix")
import pty  # noqa: E402 - both are of Unix alone
import termios  # noqa: E402

HOME = Path(tinygzsl.__file__).parent
DRAWN = re.compile(r"\r\x1b\[K([^\r\n]*)")


@pytest.fixture
def terminal():
    """terminal(columns) -> (the file to write to, a function that returns all of its output)."""
    opened = []

    def make(columns):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        file, seen = os.fdopen(theirs, "w"), io.BytesIO()
        opened.append(file)

        def read():
            try:
                while piece := os.read(ours, 4096):
                    seen.write(piece)
            except OSError:  # Linux's way to say that nobody writes any more
                pass
            os.close(ours)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def output():
            file.close()
            reader.join(timeout=20)
            return seen.getvalue().decode()

        return file, output

    yield make
    for file in opened:
        file.close()


def drawn_lines(text, columns):
    """All lines that were drawn; none of them is as wide as the terminal, which would wrap it."""
    lines = DRAWN.findall(text)
    assert lines
    assert max(map(len, lines)) < columns
    return lines


@pytest.mark.parametrize("columns, shown", [(40, "1/3"), (80, "[####"), (200, "CS 2.50 (r 0.50)")])
def test_the_line_is_as_wide_as_its_own_terminal(terminal, monkeypatch, columns, shown):
    from tinygzsl.cli.progress import Progress

    monkeypatch.setenv("COLUMNS", "500")  # of another window
    file, output = terminal(columns)
    with Progress(file) as progress:
        for step in range(1, 4):
            progress.drawn = 0.0  # however fast the steps are
            progress(step, {"phase": "gate", "total": 3, "cs": 2.5, "relative": 0.5})
    text = output()
    assert any(shown in line for line in drawn_lines(text, columns))
    assert text.endswith("\r\r\n")  # whatever comes next replaces the line, or stands below it


def test_a_warning_stands_on_a_line_of_its_own(terminal, capsys):
    from tinygzsl.cli.progress import Progress

    file, output = terminal(80)
    before = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *_, **__: file.write(f"warning: {message}\n")
        with Progress(file) as progress:
            progress(1, {"phase": "gate", "total": 3})
            warnings.warn("odd", stacklevel=1)
            progress(3, {"phase": "gate", "total": 3})
    assert warnings.showwarning is before
    lines = output().splitlines()
    assert "warning: odd" in lines
    assert any("1/3" in line for line in lines) and any("3/3" in line for line in lines)


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_command_whose_stdout_is_elsewhere(
    terminal, write_xlsa17, fast_options, tmp_path, command, columns
):
    write_xlsa17(tmp_path / "data")
    out = {"train": [tmp_path / "run"], "sweep": [tmp_path / "s.csv", "--processes", "1"]}[command]
    path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    file, output = terminal(columns)
    words = [command, tmp_path / "data", *fast_options, "--out", *out]
    result = subprocess.run(
        [sys.executable, "-m", "tinygzsl", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=file,
        env={k: v for k, v in env.items() if k != "COLUMNS"},
        timeout=100,
        check=False,
    )
    text = output()
    assert result.returncode == 0, text
    title = {"train": "training the", "sweep": "1/1 runs"}[command]
    assert any(line.startswith(title) for line in drawn_lines(text, columns))
