"""Helpers that check the CUDA kernels and the CUDA path where there is no GPU."""
