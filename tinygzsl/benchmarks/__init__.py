"""Speed compared with other frameworks and with the machine's limits, for `tinygzsl bench`.

PyTorch and JAX are imported only by the modules named after them, and only on request.
"""
