"""Run every kernel on its cases, in float32, under compute-sanitizer.

    python bench/gpu/cases.py [KERNEL ...]

Each array has its own allocation, so that memcheck detects an access beyond it; CuPy's pool would
put arrays next to each other.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(*kernels: str) -> None:
    """Run the cases of these kernels, or of all."""
    import cupy
    from ladder import checks
    from ladder.cases import CASES

    cupy.cuda.set_allocator(None)
    for kernel in kernels or CASES:
        checks.run_all(cupy, [kernel], dtypes=("float32",))
        print(kernel, flush=True)
    cupy.cuda.Device().synchronize()
    print(len(kernels or CASES), "kernels ran")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "cuda")]
    main(*sys.argv[1:])
