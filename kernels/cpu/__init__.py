"""The kernels compiled by Numba: serial loops over contiguous rows, shared among threads.

A function allocates what the kernel returns and splits the rows over the current workers
(tinygzsl/runtime/threads.py); the loop below it is compiled (tinygzsl/runtime/compiled.py). No two
threads write to the same element: sums over rows are computed per thread and then added.
"""
