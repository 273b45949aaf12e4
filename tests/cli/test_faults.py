"""What the command line says of the user's errors, of the system's, and of its own faults."""

import ast
from pathlib import Path

import numpy as np
import pytest

import tinygzsl
from tinygzsl.cli import info
from tinygzsl.errors import InputError, OutsideError
from tinygzsl.snapshots import NoSnapshotError
from tinygzsl.vsmm import VSMMDivergedError


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("d is 3; pass 4"), 2),
        (NoSnapshotError("d is 3; pass 4"), 2),
        (FileNotFoundError("d is 3; pass 4"), 2),
        (ImportError("d is 3; pass 4"), 2),
        (FloatingPointError("d is 3; pass 4"), 1),
        (VSMMDivergedError("d is 3; pass 4"), 1),
        (OutsideError("d is 3; pass 4"), 1),
        (MemoryError("d is 3; pass 4"), 1),
    ],
)
def test_what_the_user_can_mend_is_its_sentence(run_cli, monkeypatch, error, code):
    monkeypatch.setattr(info, "emit", failing(error))
    result = run_cli("info")
    assert (result.exit_code, result.stderr) == (code, "Error: d is 3; pass 4\n")


@pytest.mark.parametrize(
    "error", [ValueError("operands"), KeyError("f"), RuntimeError("bad"), AttributeError("bad")]
)
def test_any_other_error_is_a_fault_of_ours(run_cli, monkeypatch, error):
    monkeypatch.setattr(info, "emit", failing(error))
    result = run_cli("info")
    assert result.exit_code == 70
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: a fault of tinygzsl ({type(error).__name__}: ")
    assert "tinygzsl --debug" in line


@pytest.mark.parametrize("error", [ValueError("operands"), InputError("d is 3; pass 4")])
def test_debug_shows_where_it_came_from(run_cli, monkeypatch, error):
    monkeypatch.setattr(info, "emit", failing(error))
    result = run_cli("--debug", "info")
    assert "Traceback" in result.stderr and "in fail" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in run_cli("info").stderr


def test_errors_of_the_api_are_the_builtin_ones_too():
    model = tinygzsl.EntropySeparationGZSL(seed=-1)
    with pytest.raises(ValueError, match="seed is -1") as caught:
        model.fit(np.eye(4), np.arange(4), np.eye(4))
    assert type(caught.value) is InputError
    assert issubclass(VSMMDivergedError, FloatingPointError)


def test_the_package_raises_no_bare_value_error():
    package = Path(tinygzsl.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                assert ast.unparse(called) not in ("ValueError", "Exception"), (path, node.lineno)
