"""Machines that refuse: memory, cores, folders for Numba's cache, and who reads the output."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parent
COMMAND = [sys.executable, "-m", "tinygzsl"]
ONE_KERNEL = (
    "import warnings; warnings.formatwarning = lambda message, *_: f'warning: {message}\\n';"
    "import numpy as np; from tinygzsl import kernels; x = np.ones((64, 64), 'f');"
    "print(float(kernels.squared_error(x, x, 1.0, 1.0)[0]))"
)


def start(*command, home=HOME, limit=None, variables=(), **options):
    """A finished child process; limit is what `ulimit -v` would set, in MB."""

    def restrict():
        import resource

        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20))

    path = os.pathsep.join(filter(None, [str(home.parent), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **dict(variables)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    before = restrict if os.name == "posix" else None
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=home.parent,
        preexec_fn=before,
        text=True,
        timeout=100,
        check=False,
        **pipes,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit -v works on Linux only")
@pytest.mark.parametrize(
    "limit, setting, reason",
    [
        (200, "vsmm.batch=16", "tinygzsl needs 512 MB more memory"),
        (1200, "vsmm.hidden=[30000,30000]", "hidden sizes"),
    ],
)
def test_a_limit_on_memory_says_what_to_lower(
    write_xlsa17, fast_options, tmp_path, limit, setting, reason
):
    write_xlsa17(tmp_path / "data")
    args = ("train", tmp_path / "data", *fast_options, "--set", setting, "--out", tmp_path / "run")
    result = start(*COMMAND, *args, limit=limit)
    assert result.returncode == 1, result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert reason in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("**/*.tmp"))


def test_no_folder_for_numbas_cache(tmp_path):
    shutil.copytree(HOME, tmp_path / "tinygzsl", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("kernels", "cli"):
        if not (HOME / name).is_dir():
            source = HOME.parent / name
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, tmp_path / "tinygzsl" / name, ignore=ignored)
    for folder in ("kernels/cpu", "runtime"):  # where compiled code is kept beside its source
        (tmp_path / "tinygzsl" / folder / "__pycache__").write_text("a file, so no folder")
    nowhere = {"HOME": "/dev/null/x", "XDG_CACHE_HOME": "/dev/null/x", "NUMBA_CACHE_DIR": ""}
    result = start(sys.executable, "-c", ONE_KERNEL, home=tmp_path / "tinygzsl", variables=nowhere)
    assert result.stdout == "0.0\n", result.stderr
    assert result.stderr.count("compiled kernels can't be kept (no folder") == 1
    assert "(in every process)" in result.stderr


def test_a_damaged_cache_is_made_anew(tmp_path):
    there = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first = start(sys.executable, "-c", ONE_KERNEL, variables=there)
    files = [path for path in tmp_path.rglob("*.nb?")]
    assert first.stdout == "0.0\n" and files, first.stderr
    for path in files:
        path.write_bytes(path.read_bytes()[:10])
    second, third = (start(sys.executable, "-c", ONE_KERNEL, variables=there) for _ in range(2))
    assert second.stdout == third.stdout == "0.0\n", second.stderr
    assert second.stderr.count("can't be read") == 1
    assert third.stderr == ""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are set on Linux only")
def test_one_core_and_eight_threads(write_xlsa17, fast_options, run_cli, tmp_path):
    write_xlsa17(tmp_path / "data")
    run, rows = tmp_path / "run", tmp_path / "x.npy"
    np.save(rows, np.linspace(-1, 1, 3000, dtype=np.float32).reshape(300, 10))
    assert run_cli("train", tmp_path / "data", *fast_options, "--out", run).exit_code == 0
    alone = run_cli("predict", run, rows, "--threads", 1).stdout
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        result = run_cli("predict", run, rows, "--threads", 8)
    finally:
        os.sched_setaffinity(0, cores)
    assert result.stdout.splitlines()[0] == alone.splitlines()[0]
    labels = [[line.split(",")[0] for line in text.splitlines()] for text in (alone, result.stdout)]
    assert labels[0] == labels[1]
    assert "note: --threads 8 on 1 core(s) is slower than fewer" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
def test_nobody_reads_the_output():
    script = '{ "$@" explain router; echo "$?" >&2; } | true'
    shell = ("sh", "-c", script, "sh", *COMMAND)
    piped = start(*shell)
    assert piped.stderr in ("141\n", "0\n")  # 0 where all was written before the reader had gone
    closed = start("sh", "-c", '"$@" gradcheck --json >&- 2>&-; echo "$?"', "sh", *COMMAND)
    assert closed.stdout == "0\n"
    broken = start("sh", "-c", '"$@" predict no.npz x.npy 2>&-; echo "$?"', "sh", *COMMAND)
    assert broken.stdout == "2\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", ["--help", "--version", "train --help", "info"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_on_a_full_disk(words, unbuffered):
    """Python would try again at exit to write what is left; that is dropped."""
    script = '"$@" > /dev/full'
    variables = {"PYTHONUNBUFFERED": unbuffered}
    full = start("sh", "-c", script, "sh", *COMMAND, *words.split(), variables=variables)
    assert full.returncode == 2
    assert full.stderr.startswith("Error: ") and full.stderr.count("\n") == 1
    assert "No space left on device; free some space or write elsewhere" in full.stderr
