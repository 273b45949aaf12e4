"""Other programs, each the head of a group of its own, so that what it starts ends with it."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


def start(command: list[str], **streams: IO | int | bool) -> subprocess.Popen:
    """The program at work, in the checkout and with its modules."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "TQDM_DISABLE": "1"}
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": ROOT, "env": environment}
    return subprocess.Popen(command, start_new_session=True, **{**options, **streams})


def stop(process: subprocess.Popen) -> None:
    """End the program and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def without_paths(text: str) -> str:
    """The text without the folder of this checkout."""
    return text.replace(f"{ROOT}/", "").replace(str(ROOT), ".")
