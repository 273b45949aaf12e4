"""The process, started by prove.py, that measures parts until the device is lost.

A line of the input names a part and its seconds; the output is lines of JSON.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes all memory

from notebook import DeviceLostError, Notebook, one_line
from sizes import FULL, TINY

LOST = "failed, and the device is lost"  # for this process, which is then replaced
# Each part's module, which is imported on use, its function and its keyword arguments.
PARTS: dict[str, tuple[str, str, dict]] = {
    "facts": ("facts", "of_device", {}),
    "copy and products": ("bandwidth", "copy_and_products", {}),
    "CWGAN step, batch 64": ("steps", "cwgan", {"batch": 64}),
    "kernels": ("bandwidth", "of_kernels", {}),
    "VSMM step": ("steps", "vsmm", {}),
    "CWGAN step, batch 1024": ("steps", "cwgan", {"batch": 1024}),
    "route": ("routing", "route", {}),
    "fit of letters": ("fits", "letters", {}),
    "fit of CUB's shape": ("fits", "cub", {}),
    "CWGAN step, batch 256": ("steps", "cwgan", {"batch": 256}),
    "softmax": ("steps", "softmax", {}),
    "Adam": ("steps", "adam", {}),
    "launches": ("launches", "of_steps", {}),
    "torch.compile": ("steps", "compiled", {}),
}


def function_of(part: str) -> Callable:
    """Return the function that measures the part."""
    from importlib import import_module

    module, name, arguments = PARTS[part]
    return partial(getattr(import_module(module), name), **arguments)


def main(files: str, tiny: bool) -> int:
    """Measure the parts that the input names, until it ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    warnings.simplefilter("ignore")

    def healthy() -> None:
        import cupy

        cupy.cuda.Device().synchronize()

    book, bench = Notebook(out, healthy), None
    for line in sys.stdin:
        part, seconds = line.rsplit(maxsplit=1)
        start = time.monotonic()
        book.begin(part, float(seconds))
        try:
            if bench is None:
                import cupy
                from steps import Bench

                cupy.cuda.Device().use()
                bench = Bench(cupy, TINY if tiny else FULL, book, files)
            went = book.attempt("the part", lambda part=part, b=bench: function_of(part)(b))
        except DeviceLostError as error:
            book.begin(part, 0.0)
            book.end(f"{LOST}: {error}")
            return 1
        except Exception as error:  # no CuPy, or no device
            book.missing("the part", one_line(error))
            went = False
        book.begin(part, 0.0)
        book.end(f"{'done' if went else 'failed'} in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--tiny" in sys.argv))
