"""The kernels for a GPU: a .cu file and the functions that launch it."""
