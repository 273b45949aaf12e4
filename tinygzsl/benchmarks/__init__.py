"""Speed against other frameworks and against what the machine allows: behind `tinygzsl bench`.

PyTorch and JAX are imported here alone, by the modules named after them, and only when asked for.
"""
