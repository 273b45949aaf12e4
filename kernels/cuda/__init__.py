"""The kernels for a GPU: a .cu file, and beside it the functions that launch what it holds.

Each allocates what the kernel returns on the device, numbers as arrays (), and waits for nothing.
launch.py compiles a .cu file when it is first needed; what the files share is in common.cu.
"""
