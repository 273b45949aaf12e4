"""Facts about a measurement: the card, its driver, versions, the commit of the checkout."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from shutil import which
from typing import Any

PACKAGES = (
    *("numpy", "scipy", "numba", "cupy-cuda13x", "cupy-cuda12x"),
    *("torch", "jax", "pytest", "hypothesis"),
)
CARD = ("name", "driver_version", "memory.total", "clocks.max.sm", "clocks.max.mem", "power.limit")
COMMIT_LENGTH = 7


def of_machine(checkout: Path, commit: str | None) -> dict[str, Any]:
    """Return the facts that don't need the device, without the machine's name and paths."""
    return {
        "commit": commit or commit_of(checkout),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "card": card(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := version_of(name))},
        "tools": {name: which(name) is not None for name in ("compute-sanitizer", "ncu")},
    }


def commit_of(checkout: Path) -> str:
    """Return the commit that is checked out, with a + if tracked files differ; or "unknown"."""
    git = which("git")
    if not git or not (checkout / ".git").exists():
        return "unknown"

    def ask(*words: str) -> str:
        command = [git, "-C", str(checkout), *words]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        return asked.stdout.strip() if asked.returncode == 0 else ""

    commit = ask("rev-parse", f"--short={COMMIT_LENGTH}", "HEAD")
    changed = ask("status", "--porcelain", "--untracked-files=no")
    return commit + "+" * bool(changed) if commit else "unknown"


def card() -> dict[str, str]:
    """Return what nvidia-smi reports of the first card, or {} without a card."""
    if not which("nvidia-smi"):
        return {}
    command = ["nvidia-smi", f"--query-gpu={','.join(CARD)}", "--format=csv,noheader"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    first = asked.stdout.splitlines()[:1] if asked.returncode == 0 else []
    return dict(zip(CARD, first[0].split(", "), strict=False)) if first else {}


def cpu_model() -> str:
    """The processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def version_of(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def of_device(bench: Any) -> None:
    """Record the library's facts of the device, and whether Numba can be used."""
    from tinygzsl.kernels.dispatch import numba_version
    from tinygzsl.runtime.backend import cuda_facts
    from tinygzsl.version import __version__

    usable, found = cuda_facts()
    bench.book.fact("usable", usable)
    bench.book.fact("device", {k: v for k, v in found.items() if k != "memory_free"})
    bench.book.fact("numba", numba_version())
    bench.book.fact("tinygzsl", __version__)
