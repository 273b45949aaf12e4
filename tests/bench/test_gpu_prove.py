"""bench/gpu/prove.py: a dry run on the tests' stand-in for CuPy, where no figure means anything."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinygzsl.kernels.cuda import launch

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "bench" / "gpu"
LADDER = ROOT / "tests" / "cuda"
pytestmark = pytest.mark.skipif(
    not HERE.is_dir(), reason="bench/ is not here, so its script was not run; use a checkout"
)
MODULES = [path.stem for path in HERE.glob("*.py")]
ON_THE_STANDIN = """
import sys
sys.path[:0] = {folders}
from ladder import standin
import worker

with standin.installed() as cupy:
    cupy.cuda.get_elapsed_time = lambda start, end: 1.0
    {before}
    status = worker.main(sys.argv[1], "--tiny" in sys.argv)
sys.exit(status)
"""
NCU = """
"ID","Process Name","Host Name","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0","python","127.0.0.1","adam_update","gpu__time_duration.sum","us","58.98"
"0","python","127.0.0.1","adam_update","launch__registers_per_thread","register/thread","46"
"1","python","127.0.0.1","adam_update","gpu__time_duration.sum","us","59.98"
"2","python","127.0.0.1","total","gpu__time_duration.sum","ms","1,000.5"
"""


@pytest.fixture
def script(monkeypatch):
    """script(name) -> that file of bench/gpu as a module."""
    monkeypatch.syspath_prepend(str(LADDER))
    monkeypatch.syspath_prepend(str(HERE))
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def prove(script, monkeypatch, tmp_path):
    """prove(*options, before=...) -> the results of a run with that line in its worker."""
    module = script("prove")

    def run(*options, before="pass"):
        start = tmp_path / "start.py"
        folders = [str(ROOT), str(LADDER), str(HERE)]
        start.write_text(ON_THE_STANDIN.format(folders=folders, before=before))
        monkeypatch.setattr(module, "WORKER", [sys.executable, str(start)])
        out = tmp_path / "out"
        shown = CliRunner().invoke(module.main, ["--out", str(out), "--tiny", *options])
        assert shown.exit_code == 0, shown.output
        assert (out / "results.md").read_text() in shown.output
        return json.loads((out / "results.json").read_text())

    return run


def parts(*names):
    return [word for name in names for word in ("--part", name)]


def test_every_part_runs_on_the_standin(script, prove):
    emulator = importlib.import_module("ladder.emulator")
    if emulator.why_not():
        pytest.skip(emulator.why_not())
    results = prove("--commit", "1234567")
    assert results["facts"]["commit"] == "1234567"
    assert results["facts"]["device"]["device"] == "Stand-in"
    ended = {name: part["state"] for name, part in results["parts"].items()}
    assert list(ended) == [part.name for part in script("prove").PARTS]
    measured = results["measured"]
    for part in ("CWGAN step, batch 64", "CWGAN step, batch 1024", "VSMM step", "softmax", "Adam"):
        assert ended[part].startswith("done"), part
        assert 0 <= measured[part]["ours"]["difference"] < 5e-2
        assert {"low", "median", "high", "unit"} < set(measured[part]["ours"])
        assert "ours, host time of a step" in measured[part]
    assert measured["route"]["ours"]["difference"] <= 1e-3
    assert measured["fit of letters"]["labels as on the CPU"]["median"] > 0.98
    assert measured["fit of CUB's shape"]["ours, as many steps of CWGAN and VSMM"]["median"] > 0
    kernels = {name.partition(" ")[0] for name in measured["kernels"]}
    cases = importlib.import_module("ladder.cases").CASES
    assert kernels == set(cases) - {"entropy_hinge"}  # which is one block, whatever its size
    assert all(row.get("median") for row in measured["kernels"].values())
    assert results["checks"]["letters on the CPU"]["state"] == "passed"
    assert results["checks"]["gpu tests"]["state"] == "not run: every test was skipped"
    assert results["checks"]["gpu tests"]["skipped"] > 20


def test_a_process_that_dies_takes_no_other_part_with_it(prove):
    dies = "worker.PARTS['Adam'] = ('sys', 'exit', {})"
    results = prove(*parts("facts", "Adam", "softmax"), before=dies)
    states = {name: part["state"] for name, part in results["parts"].items()}
    assert states["Adam"] == "failed: the process ended with status 1"
    assert states["softmax"].startswith("done")


def test_a_part_that_hangs_is_stopped(script, prove, monkeypatch):
    module = script("prove")
    monkeypatch.setattr(module, "PARTS", (module.Part("Adam", 2, 0), module.Part("facts", 30, 0)))
    hangs = "worker.PARTS['Adam'] = ('time', 'sleep', {}); import time; "
    hangs += "time.sleep = lambda bench, wait=time.sleep: wait(600)"
    results = prove(before=hangs)
    assert results["parts"]["Adam"]["state"] == "stopped after 2 s"
    assert results["parts"]["facts"]["state"].startswith("done")


def test_a_device_that_is_lost_is_left(prove):
    loses = "cupy.cuda.Device.synchronize = lambda self: 1 / 0"
    results = prove(*parts("copy and products", "Adam"), before=loses)
    ended = [part["state"] for part in results["parts"].values()]
    assert ended == ["failed, and the device is lost: ZeroDivisionError: division by zero"] * 2


def test_what_there_is_no_time_for_is_skipped(prove):
    results = prove("--minutes", "0")
    assert all(part["state"].startswith("skipped") for part in results["parts"].values())


def test_without_a_gpu_everything_is_said_to_be_missing(tmp_path):
    command = [sys.executable, str(HERE / "prove.py"), "--out", str(tmp_path), "--tiny"]
    command += parts("facts", "CWGAN step, batch 64", "ncu")
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    results = json.loads((tmp_path / "results.json").read_text())
    if "device" in results["facts"]:
        pytest.skip("there is a GPU")
    assert "missing" in results["measured"]["CWGAN step, batch 64"]["the part"]
    assert not any(str(ROOT) in path.read_text() for path in tmp_path.iterdir())


def test_the_kernels_cases_run(script, capsys):
    emulator = importlib.import_module("ladder.emulator")
    if emulator.why_not():
        pytest.skip(emulator.why_not())
    standin, cases = importlib.import_module("ladder.standin"), script("cases")
    with standin.installed() as cupy:
        cupy.cuda.set_allocator = lambda allocator: None
        cases.main("gather_rows", "squared_error")
    launch._compiled.cache_clear()
    launch._module.cache_clear()
    assert capsys.readouterr().out.splitlines()[-1] == "2 kernels ran"


def test_rows_of_ncu(script):
    profiled = script("profiled")
    lines = NCU.strip().splitlines()
    assert profiled.rows(lines) == {
        "adam_update": {"us": 58.98, "registers": 46.0},
        "total": {"us": 1000500.0},
    }
    kept = profiled.without_process(lines)
    assert not [line for line in kept if "127.0.0.1" in line]
    assert "adam_update" in profiled.ours()


def test_a_sanitizers_last_word(script):
    text = "gather_rows\n24 kernels ran\n========= ERROR SUMMARY: 0 errors\n"
    assert script("checks").summary(text) == {"summary": "ERROR SUMMARY: 0 errors", "kernels": 24}
    text = "=== 2 failed, 32 passed, 3 warnings in 13.27s ===\n"
    assert script("checks").summary(text) == {"failed": 2, "passed": 32}


def test_the_stored_results_are_read_as_those_of_a_run(script):
    report = script("report")
    stored = sorted((HERE / "results").glob("*.json"))
    assert stored
    for path in stored:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["format"] == report.FORMAT
        assert path.with_suffix(".md").read_text(encoding="utf-8") == report.markdown(data)
