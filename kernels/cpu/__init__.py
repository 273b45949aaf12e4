"""The kernels compiled by Numba: serial loops over contiguous rows, shared among threads."""
