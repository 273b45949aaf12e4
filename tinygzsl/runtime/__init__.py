"""What code runs on: the array module, devices, threads, BLAS, compilation."""
