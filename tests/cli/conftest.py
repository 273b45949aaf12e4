"""A small dataset on disk, a finished run, and a check of failed commands."""

import pytest


@pytest.fixture
def data(write_xlsa17, tmp_path):
    """A folder in the xlsa17 layout."""
    write_xlsa17(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def trained(run_cli, fast_options, data, tmp_path):
    """The run folder of a finished training."""
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


@pytest.fixture
def one_error_line():
    """one_error_line(result, *parts, code=2): the command failed with that exit code, no traceback
    and one last line on stderr that has the parts.
    """
    return _one_error_line


def _one_error_line(result, *parts, code=2):
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    assert "Traceback" not in result.output
    for part in parts:
        assert str(part) in lines[-1], lines[-1]
