"""The kernels: reference.py defines each one in plain array code."""
