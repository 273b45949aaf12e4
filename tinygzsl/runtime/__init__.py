"""The runtime: array module, devices, threads, BLAS, compilation."""
