"""The kernels for a GPU: .cu files, and beside each the Python functions that launch its kernels.

A function allocates the results on the device, single numbers as arrays of shape (), and doesn't
wait for the kernel to end. launch.py compiles a .cu file on first use; common.cu is compiled into
each of them.
"""
