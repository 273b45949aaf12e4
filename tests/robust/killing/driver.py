"""Runs `tinygzsl` with the arguments after the first, and ends itself by SIGKILL where that says.

"WHERE:N" with WHERE one of

    write   in the middle of the N-th file that is written aside
    before  before the N-th rename, "after" after it
    step    before the N-th step of the CWGAN or VSMM

or "slow:S" for S seconds of sleep in every step, "count:PATH" to write into PATH how many renames
and steps there are, and "none:" to do nothing. The tests and bench/kill.py start it.
"""

import os
import signal
import stat
import sys
import time
from pathlib import Path


def main():
    """Count renames and steps, and act."""
    where, value = sys.argv[1].split(":", 1)
    counts = {"rename": 0, "step": 0}
    rename, fsync = os.replace, os.fsync

    def die_if(here, number):
        if where == here and int(value) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def killing_rename(source, target):
        if not Path(source).name.endswith(".tmp") or not Path(source).name.startswith("."):
            return rename(source, target)  # Numba's cache
        counts["rename"] += 1
        die_if("before", counts["rename"])
        rename(source, target)
        die_if("after", counts["rename"])

    def killing_fsync(descriptor):
        found = os.fstat(descriptor)
        due = where == "write" and counts["rename"] + 1 == int(value)
        if due and stat.S_ISREG(found.st_mode):  # and not a folder
            os.ftruncate(descriptor, found.st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    def stepping(function):
        def step(*args, **kwargs):
            counts["step"] += 1
            die_if("step", counts["step"])
            if where == "slow":
                time.sleep(float(value))
            return function(*args, **kwargs)

        return step

    os.replace, os.fsync = killing_rename, killing_fsync
    from tinygzsl import vsmm
    from tinygzsl.cli.main import main as command
    from tinygzsl.cwgan import CWGAN

    CWGAN.train_step, vsmm.vsmm_loss = stepping(CWGAN.train_step), stepping(vsmm.vsmm_loss)
    try:
        command(sys.argv[2:], prog_name="tinygzsl")
    finally:
        if where == "count":
            Path(value).write_text(f"{counts['rename']} {counts['step']}")


if __name__ == "__main__":
    main()
