"""Checks for free memory before calls into libraries that can't report a failed allocation.

If an allocation fails (`ulimit -v`), OpenBLAS and LLVM end the process or never return. So the
memory they need is checked first.
"""

import mmap

# Megabytes of address space
STARTING = 512  # for Python, NumPy, SciPy and Numba; measured: 480
THREAD = 110  # for another thread: its stack, its heap and OpenBLAS's buffer; measured: 75 to 105

FIX = (  # the advice if arrays are too large
    "lower gan.batch, vsmm.batch, the hidden sizes or --threads, use float32, pass fewer samples "
    "at once, or raise the limit"
)


def require_room(megabytes: int, purpose: str) -> None:
    """Raise MemoryError, with the limit and the fix, unless that much memory is available now."""
    if not has_room(megabytes << 20):
        raise MemoryError(
            f"{purpose} needs {megabytes} MB more memory than the system gives{limit()}; "
            "raise the limit, or set OPENBLAS_NUM_THREADS=1 and use fewer --threads"
        )


def has_room(nbytes: int) -> bool:
    """Return whether the system gives that many bytes, more than 0, in one piece now.

    Address space is reserved and released again; this takes microseconds and uses no memory.
    """
    try:
        mmap.mmap(-1, nbytes).close()
    except (OSError, MemoryError, OverflowError):
        return False
    return True


def limit() -> str:
    """Return the limit of `ulimit -v` in brackets, or "" if there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return ""
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    return "" if most == resource.RLIM_INFINITY else f" (ulimit -v is {most >> 10} KB)"
