"""Every kernel once under Nsight Compute: time, and shares of the memory's and the SMs' peak."""

import csv
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Any

import processes

HERE = Path(__file__).resolve().parent
PART = "ncu"
METRICS = {
    "gpu__time_duration.sum": "us",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed": "memory, % of peak",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": "multiprocessors, % of peak",
    "launch__registers_per_thread": "registers",
}
FILE = "ncu.csv"
TO_MICROSECONDS = {"n": 1e-3, "u": 1.0, "m": 1e3, "s": 1e6}  # by a unit's first letter
MOST = 60  # kernels


def run(out: Path, seconds: float, results: Any) -> str:
    """Run the profiler, add the rows to the results, and return how it ended."""
    tool = which("ncu")
    if not tool:
        return "not run: ncu is not there"
    names = "|".join(ours())
    command = [tool, "--clock-control", "none", "--csv", "--metrics", ",".join(METRICS)]
    command += ["-k", f"regex:^({names})$", "-c", str(MOST), sys.executable]
    with open(out / FILE, "w", encoding="utf-8") as file:
        process = processes.start(
            [*command, str(HERE / "bandwidth.py")], stdout=file, stderr=subprocess.STDOUT
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            processes.stop(process)
            status = process.returncode
    text = (out / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in text if line.startswith('"')]
    (out / FILE).write_text("\n".join(without_process(kept)) + "\n", encoding="utf-8")
    for name, row in rows(kept).items():
        results.put(PART, name, row)
    if status:
        return f"failed: ncu ended with status {status}; {' '.join(text[-2:])[:200]}"
    return "done"


def ours() -> list[str]:
    """Return the names of the library's kernels, except the random ones, which make the data."""
    from tinygzsl.kernels.cuda import launch

    files = sorted(Path(launch.__file__).parent.glob("*.cu"))
    names = [name for file in files for name in launch.signatures(file.stem, "float32")]
    return [name for name in names if not name.startswith("philox")]


def rows(lines: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return a row for every kernel's first run, from ncu's lines per kernel and metric."""
    found: dict[str, dict[str, float]] = {}
    first: dict[str, str] = {}
    for line in csv.DictReader(lines):
        name = line["Kernel Name"].partition("(")[0]
        if first.setdefault(name, line["ID"]) != line["ID"]:
            continue
        metric, value = line["Metric Name"], float(line["Metric Value"].replace(",", ""))
        if metric == "gpu__time_duration.sum":
            value *= TO_MICROSECONDS[line["Metric Unit"][0]]
        found.setdefault(name, {})[METRICS[metric]] = value
    return found


def without_process(lines: list[str]) -> list[str]:
    """Return the lines without the columns that name the process and its machine."""
    table = list(csv.reader(lines))
    if not table:
        return []
    kept = [i for i, name in enumerate(table[0]) if name not in ("Process Name", "Host Name")]
    return [",".join(f'"{row[i]}"' for i in kept if i < len(row)) for row in table]
