"""The kernels compiled by Numba: serial loops over contiguous rows, shared among threads.

A function allocates what the kernel returns and splits the rows over the current workers
(tinygzsl/runtime/threads.py); the loop beneath it is compiled (tinygzsl/runtime/compiled.py). No
two threads write to one place: what has to be summed over rows is summed thread by thread first.
"""
