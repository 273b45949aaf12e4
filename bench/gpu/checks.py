"""The tests marked gpu and the sanitizers, run in parallel; no times are measured."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import processes
from processes import ROOT

HERE = Path(__file__).resolve().parent
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
TESTS, SANITIZED = "gpu-tests.txt", "sanitizers.txt"
WORKERS = 4  # processes of the tests
MARK = "mark.gpu"
PYTEST = (
    *("-v", "--tb=short", "--durations=8", "-W", "ignore:numba"),
    *("-p", "no:benchmark", "-p", "no:cacheprovider"),
)
FOUND = 9  # exit status of a sanitizer with findings
SUMMARY = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)")


@dataclass(frozen=True, kw_only=True)
class Check:
    """A named command."""

    name: str
    command: list[str]


def commands(out: Path, tiny: bool) -> tuple[list[Check], dict[str, str]]:
    """Return the checks that can run here, and by name why others can't."""
    tests = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    tests = [path for path in tests if MARK in (ROOT / path).read_text(encoding="utf-8")]
    pytest = [sys.executable, "-m", "pytest", "-m", "gpu", *tests, *PYTEST]
    if find_spec("xdist") and not tiny:
        pytest += ["-n", str(WORKERS), "--dist=worksteal"]
    found, missing = [], {}
    if find_spec("pytest"):
        found.append(Check(name="gpu tests", command=pytest))
    else:
        missing["gpu tests"] = "pytest is not installed"
    sanitizer = which("compute-sanitizer")
    for tool in SANITIZERS:
        if sanitizer:
            command = [sanitizer, "--tool", tool, "--print-limit", "20"]
            command += ["--error-exitcode", str(FOUND), sys.executable, str(HERE / "cases.py")]
            found.append(Check(name=tool, command=command))
        else:
            missing[tool] = "compute-sanitizer is not there"
    letters = [sys.executable, str(HERE / "fits.py"), str(out / "letters-cpu.npz")]
    found.append(Check(name="letters on the CPU", command=letters + ["--tiny"] * tiny))
    return found, missing


def run(files: Path, out: Path, seconds: float, tiny: bool) -> dict[str, dict]:
    """Run all checks in parallel for at most `seconds`; return the outcome of each by name.

    Their output goes to two files in `out`; files for later parts go to the folder `files`.
    """
    found, missing = commands(files, tiny)
    results: dict[str, dict] = {name: {"state": f"not run: {why}"} for name, why in missing.items()}
    deadline, running = time.monotonic() + seconds, []
    for check in found:
        log = files / f"{check.name.replace(' ', '-')}.txt"
        with open(log, "w", encoding="utf-8") as file:
            process = processes.start(check.command, stdout=file, stderr=subprocess.STDOUT)
        running.append((check, process, log, time.monotonic()))
    for check, process, log, start in running:
        state = wait(process, deadline)
        text = log.read_text(encoding="utf-8", errors="replace")
        counts = summary(text)
        if state == "passed" and "skipped" in counts and "passed" not in counts:
            state = "not run: every test was skipped"
        seconds_taken = round(time.monotonic() - start)
        results[check.name] = {"state": state, "at_most_seconds": seconds_taken, **counts}
        name = TESTS if check.name == "gpu tests" else SANITIZED
        if check.name != "letters on the CPU" or state != "passed":
            with open(out / name, "a", encoding="utf-8") as file:
                file.write(f"== {check.name}: {state}\n{processes.without_paths(text)}\n")
    return results


def wait(process: subprocess.Popen, deadline: float) -> str:
    """Return how the process ended; it is stopped at the deadline."""
    try:
        status = process.wait(max(deadline - time.monotonic(), 1))
    except subprocess.TimeoutExpired:
        processes.stop(process)
        return "stopped: no time left"
    return "passed" if status == 0 else f"failed with status {status}"


def summary(text: str) -> dict[str, object]:
    """Return the numbers of tests, or the sanitizer's summary."""
    lines = [line for line in text.splitlines() if " in " in line and SUMMARY.search(line)]
    counts = {what: int(n) for n, what in SUMMARY.findall(lines[-1])} if lines else {}
    said = re.findall(r"=+ ((?:RACECHECK |ERROR )SUMMARY: .*)", text)
    ran = re.findall(r"^(\d+) kernels ran$", text, re.MULTILINE)
    found: dict[str, object] = {**counts}
    if said:
        found["summary"] = said[-1]
    if ran:
        found["kernels"] = int(ran[-1])
    return found
