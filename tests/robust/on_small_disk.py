"""Run by test_full_disk.py in a process of its own: commands on a disk that gets full.

Reads a list of steps as JSON from stdin: ["fill", bytes left free], ["limit", bytes of a file],
["free"] or ["run", argument, ...]. Prints for every run its exit code, its stderr and the SHA-256
of every file on the disk. The disk is a tmpfs where one can be mounted at FOLDER; else a limit on
the size of files stands in.
"""

import ctypes
import hashlib
import json
import os
import resource
import sys
from pathlib import Path

FOLDER, SIZE = Path(sys.argv[1]), 3 << 20
BALLAST = FOLDER / "ballast"


def mounted():
    libc = ctypes.CDLL(None, use_errno=True)
    target = os.fsencode(FOLDER)
    return libc.mount(b"none", target, b"tmpfs", 0, f"size={SIZE}".encode()) == 0


def free():
    BALLAST.unlink(missing_ok=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def fill(left, is_disk):
    if not is_disk:
        limit(left)
        return
    room = os.statvfs(FOLDER)
    with open(BALLAST, "wb", buffering=0) as file:
        file.write(bytes(max(room.f_bavail * room.f_frsize - left, 0)))


def run(*args):
    from click.testing import CliRunner

    from tinygzsl.cli.main import main

    try:
        runner = CliRunner(mix_stderr=False)
    except TypeError:  # click 8.2 keeps them apart by itself
        runner = CliRunner()
    result = runner.invoke(main, args)
    files = {
        str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path != BALLAST
    }
    return {"exit": result.exit_code, "stderr": result.stderr, "files": files}


if __name__ == "__main__":
    answers, is_disk = [], mounted()
    for step, *args in json.load(sys.stdin):
        if step == "run":
            answers.append(run(*args))
        elif step == "fill":
            fill(*args, is_disk)
        elif step == "limit":
            limit(*args)
        else:
            free()
    print(json.dumps({"disk": is_disk, "runs": answers}))
