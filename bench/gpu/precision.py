"""Context managers that set float32 or TF32 for the matrix products of each library.

TF32 rounds the operands of a product to 10 bits of mantissa and uses the tensor cores.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

FLOAT32, TF32 = "float32", "TF32"


@contextmanager
def of_cupy(name: str) -> Iterator[None]:
    """Set CuPy's internal switch: the public one, CUPY_TF32, is read only once."""
    try:
        from cupy._core import _routines_linalg as linalg
    except ImportError:  # the tests' stand-in, which has no tensor cores
        if name == TF32:
            raise
        yield
        return
    types = {FLOAT32: linalg.COMPUTE_TYPE_DEFAULT, TF32: linalg.COMPUTE_TYPE_TF32}
    before = linalg.get_compute_type(np.dtype("float32"))
    linalg.set_compute_type(np.dtype("float32"), types[name])
    try:
        yield
    finally:
        linalg.set_compute_type(np.dtype("float32"), before)


@contextmanager
def of_torch(name: str) -> Iterator[None]:
    """PyTorch's default is float32."""
    from torch.backends import cuda

    before = cuda.matmul.allow_tf32
    cuda.matmul.allow_tf32 = name == TF32
    try:
        yield
    finally:
        cuda.matmul.allow_tf32 = before


@contextmanager
def of_jax(name: str) -> Iterator[None]:
    """JAX's default is TF32 on a GPU. A function is compiled for each of the two."""
    import jax

    with jax.default_matmul_precision({FLOAT32: "highest", TF32: "default"}[name]):
        yield
