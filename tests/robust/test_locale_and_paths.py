"""Other locales, paths with spaces and letters beyond ASCII, and line ends as on Windows."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import tinygzsl
from tinygzsl.datasets import load_dataset

HOME = Path(tinygzsl.__file__).parent


def test_every_command_takes_such_paths(write_xlsa17, fast_options, run_cli, tmp_path):
    folder = tmp_path / "mes données α"
    data, run = folder / "jeu de test", folder / "un essai"
    write_xlsa17(data)
    np.save(folder / "x é.npy", np.zeros((20, 10), np.float32))
    for args in (
        ("data", "inspect", data),
        ("data", "convert", data, folder / "é.npz"),
        ("data", "convert", data, folder / "csv é"),
        ("train", data, *fast_options, "--out", run),
        ("evaluate", run),
        ("report", run),
        ("predict", run, folder / "x é.npy", "--out", folder / "p é.csv"),
        ("compare", folder / "é.npz", "--methods", "eszsl", "--seeds", 1, "--out", folder / "c é"),
    ):
        result = run_cli(*args)
        assert result.exit_code == 0, (args, result.stderr)
    assert "jeu de test" in (run / "config.toml").read_text(encoding="utf-8")


def test_an_ascii_locale(tmp_path):
    path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-m", "tinygzsl", "data", "inspect", "nöt α"],
        env={**os.environ, "PYTHONPATH": path, **ascii_only},
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 2
    assert b"n\\" in result.stderr and b"does not exist" in result.stderr
    assert result.stderr.isascii()


def test_line_ends_as_on_windows_and_a_byte_order_mark(
    write_xlsa17, fast_options, run_cli, tmp_path
):
    write_xlsa17(tmp_path / "data")
    assert run_cli("data", "convert", tmp_path / "data", tmp_path / "csv").exit_code == 0
    plain = load_dataset(tmp_path / "csv")
    for path in (tmp_path / "csv").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    windows = load_dataset(tmp_path / "csv")
    np.testing.assert_array_equal(windows.X_train, plain.X_train)
    np.testing.assert_array_equal(windows.y_test, plain.y_test)
    run = tmp_path / "run"
    assert run_cli("train", tmp_path / "csv", *fast_options, "--out", run).exit_code == 0
    config = tmp_path / "windows.toml"
    text = (run / "config.toml").read_bytes().replace(b"\n", b"\r\n")
    config.write_bytes(text)
    result = run_cli("train", "--config", config, "--out", tmp_path / "again")
    assert result.exit_code == 0, result.stderr
    rows = run_cli(
        "predict",
        run,
        tmp_path / "csv" / "test.csv",
        "--unseen",
        tmp_path / "csv" / "prototypes.csv",
    )
    assert rows.exit_code == 0, rows.stderr
    assert len(rows.stdout.splitlines()) == 1 + len(plain.y_test)
