"""Runs the cases of all kernels: the script that the sanitizers watch.

python all_cases.py SCHEDULE DTYPE [FILE OLD NEW]   with a text of kernels/cuda/FILE.cu replaced
"""

import sys

from ladder import checks, emulator, standin
from ladder.cases import CASES
from tinygzsl.kernels.cuda import launch


def main(order: str, dtype: str, file: str = "", old: str = "", new: str = "") -> None:
    """Every case of every kernel, or of those in the changed file until one is off."""
    if file:
        whole = launch.source
        launch.source = lambda name, kind: whole(name, kind).replace(old, new, 1)
    with emulator.schedule(order), standin.installed() as cupy:
        for kernel in CASES:
            checks.run_all(cupy, [kernel], dtypes=(dtype,))
    print(f"{len(CASES)} kernels ran")


if __name__ == "__main__":
    main(*sys.argv[1:])
