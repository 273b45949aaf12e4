"""Whether there is memory for what can't fail politely.

OpenBLAS and LLVM end the process, or never return, where memory is refused to them (`ulimit -v`).
So whoever is about to use them looks for room first.
"""

import mmap

STARTING = 512  # megabytes of addresses that Python, NumPy, SciPy and Numba take, measured: 480
THREAD = 110  # of one more thread: its stack, its heap and OpenBLAS's buffer, measured: 75 to 105
LOADING = 256  # of SciPy and its own OpenBLAS, measured: 90 to 190

FIX = (  # where arrays are too large
    "lower gan.batch, vsmm.batch, the hidden sizes or --threads, use float32, pass fewer samples "
    "at once, or raise the limit"
)


def require_room(megabytes: int, purpose: str) -> None:
    """MemoryError, with the limit and what to do, unless the system gives that much now.

    Only addresses are asked for, and given back: it costs microseconds and no memory.
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
