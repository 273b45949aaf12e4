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
    """Raise MemoryError, with the limit and the fix, unless that much memory is available now.

    Address space is reserved and released again; this takes microseconds and uses no memory.
    """
    try:
        mmap.mmap(-1, megabytes << 20).close()
    except (OSError, MemoryError):
        raise MemoryError(
            f"{purpose} needs {megabytes} MB more memory than the system gives{_limit()}; "
            "raise the limit, or set OPENBLAS_NUM_THREADS=1 and use fewer --threads"
        ) from None


def _limit() -> str:
    try:
        import resource
    except ImportError:  # Windows
        return ""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return "" if limit == resource.RLIM_INFINITY else f" (ulimit -v is {limit >> 10} KB)"
