"""Start and stop other programs, each in its own process group, so that its children end too."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


def start(command: list[str], **streams: IO | int | bool) -> subprocess.Popen:
    """Start a program in the checkout, with the checkout's modules."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "TQDM_DISABLE": "1"}
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": ROOT, "env": environment}
    return subprocess.Popen(command, start_new_session=True, **{**options, **streams})


def stop(process: subprocess.Popen) -> None:
    """End the program and all processes that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def without_paths(text: str) -> str:
    """Return the text without the path of this checkout."""
    return text.replace(f"{ROOT}/", "").replace(str(ROOT), ".")
