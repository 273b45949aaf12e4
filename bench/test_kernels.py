"""The kernels: softmax and Adam in every version, the others by the reference and by Numba."""

from contextlib import ExitStack

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.benchmarks.versions import OURS, PEERS, REFERENCE
from tinygzsl.runtime.threads import workers

SIZES = {
    "softmax": ({"rows": 4096, "classes": 150}, {"rows": 65536, "classes": 1000}),
    "adam": ({"parameters": 1 << 20}, {"parameters": 1 << 23}),
}


@pytest.mark.parametrize("version", [OURS, REFERENCE, *PEERS])
@pytest.mark.parametrize("kind", SIZES)
def test_kernel(kind, version, measure, benchmark):
    benchmark.group = f"kernel: {kind}"
    measure(kind, version, *SIZES[kind])


def inputs(name, full):
    """Return new arguments for the kernel, as most kernels change some in place."""
    h, n, d = (4096, 64, 2048) if full else (1024, 64, 512)
    seen, classes = (1000, 1200) if full else (100, 150)
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    index, alpha = rng.integers(40, size=n), rng.random(n, dtype=np.float32)
    return {
        "bias_activation": lambda: (normal(5 * n, h), normal(h), 0.2),
        "activation_gradient": lambda: (normal(n, h), normal(n, h), 0.2),
        "critic_epilogue": lambda: (
            *(normal(h, 2 * n), normal(h, 40), index, alpha),
            *(normal(h), 0.2, np.empty((h, 3 * n), np.float32)),
        ),
        "penalty_epilogue": lambda: (normal(h, n), normal(h, 2 * n), 0.2),
        "gradient_penalty": lambda: (normal(n, d), 10.0),
        "log_softmax_entropy": lambda: (normal(d, 150),),
        "soft_route_rows": lambda: (normal(d, seen), normal(d, classes), 0.5, 0.2, 0.3),
        "learned_route_rows": lambda: (
            *(normal(d, seen), normal(d, classes), normal(d)),
            *(-3.0, 0.9, 1.3, 0.3),
        ),
    }[name]()


def arrays(arguments, result):
    """Return all arrays that a kernel returned or changed."""
    results = result if isinstance(result, tuple) else (result,)
    return [a for a in (*results, *arguments) if isinstance(a, np.ndarray)]


NAMES = (
    *("bias_activation", "activation_gradient", "critic_epilogue"),
    *("penalty_epilogue", "gradient_penalty", "log_softmax_entropy"),
    *("soft_route_rows", "learned_route_rows"),
)


@pytest.mark.parametrize("version", ["Numba", REFERENCE])
@pytest.mark.parametrize("name", NAMES)
def test_own_kernel(name, version, benchmark, threads, request):
    full = request.config.getoption("--full")
    kernel = getattr(kernels, name)
    benchmark.group = f"kernel: {name}"
    with kernels.reference_only():
        arguments = inputs(name, full)
        right = arrays(arguments, kernel(*arguments))
    with ExitStack() as stack:
        stack.enter_context(kernels.reference_only() if version == REFERENCE else workers(threads))
        arguments = inputs(name, full)
        found = arrays(arguments, kernel(*arguments))
        for mine, theirs in zip(found, right, strict=True):
            assert abs(mine - theirs).max() <= 1e-5 * max(1, abs(theirs).max())
        benchmark.pedantic(
            kernel, setup=lambda: (inputs(name, full), {}), rounds=50, warmup_rounds=1
        )
