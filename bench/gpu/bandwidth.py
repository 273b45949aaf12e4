"""The device's bandwidth and peak in copies and products, and the bandwidth of every kernel.

python bench/gpu/bandwidth.py       every kernel once, for a profiler to watch
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from math import isqrt
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import precision
from precision import FLOAT32, TF32
from timing import DeviceClock, rates

from tinygzsl import kernels as K

PROFILED = 1 << 26  # values of an array under a profiler


def copy_and_products(bench: Any) -> None:
    """Bandwidth of a copy; products of square matrices, and of the critic's first layer."""
    cupy, sizes, book = bench.cupy, bench.sizes, bench.book
    clock = DeviceClock(cupy, sizes.product, sizes.rounds)
    n = values(bench)
    found = rates(8 * n, _copy_seconds(cupy, clock, n))
    book.row("copy", [r / 1e12 for r in found], "TB/s", bytes=8 * n)
    a, b = (random(cupy, sizes.product, sizes.product) for _ in range(2))
    out = cupy.empty_like(a)
    for how in (FLOAT32, TF32):
        book.attempt(f"products, {how}", partial(_products, bench, clock, (a, b, out), how))


def _products(bench: Any, clock: DeviceClock, square: tuple, how: str) -> None:
    cupy, sizes, book = bench.cupy, bench.sizes, bench.book
    a, b, out = square
    with precision.of_cupy(how):
        samples = clock.seconds(lambda: cupy.matmul(a, b, out=out), 5)
        flops = rates(2 * sizes.product**3, samples)
        book.row(f"product, {how}", [f / 1e12 for f in flops], "TFLOP/s")
        for columns in sizes.leading:
            w, x = (random(cupy, rows, columns) for rows in (sizes.product_rows, 128))
            s = cupy.empty((sizes.product_rows, 128), "float32")
            samples = clock.seconds(lambda w=w, x=x, s=s: cupy.matmul(w, x.T, out=s))
            name = f"first layer, leading dimension {columns}, {how}"
            book.row(name, [1e6 * t for t in samples], "us")


def of_kernels(bench: Any) -> None:
    """Measure every kernel's bytes per second on large arrays, and a copy's next to it."""
    cupy, sizes, book = bench.cupy, bench.sizes, bench.book
    clock = DeviceClock(cupy, sizes.product, sizes.rounds)
    n = values(bench)
    peak = 8 * n / median(_copy_seconds(cupy, clock, n)) / 1e12
    for case in cases(cupy, n):

        def measure(case: Case = case) -> None:
            found = [r / 1e12 for r in rates(case.bytes, clock.seconds(case.run, 10))]
            share = median(found) / peak
            book.row(case.name, found, "TB/s", bytes=case.bytes, share_of_copy=share)

        if book.left() < 2:
            book.missing(case.name, "no time left")
        else:
            book.attempt(case.name, measure)
    cupy.get_default_memory_pool().free_all_blocks()


def _copy_seconds(cupy: ModuleType, clock: DeviceClock, n: int) -> list[float]:
    x, y = cupy.ones(n, "float32"), cupy.empty(n, "float32")

    def copy() -> None:
        y[...] = x

    return clock.seconds(copy)


def values(bench: Any) -> int:
    """Return the elements of an array: those of the sizes, or fewer if ten arrays don't fit."""
    free = bench.cupy.cuda.Device().mem_info[0]
    most = bench.sizes.values
    while most > 1024 and 10 * 4 * most > free:
        most //= 2
    return most


def random(cupy: ModuleType, *shape: int) -> Any:
    """Return an array of normal numbers."""
    out = cupy.empty(shape, "float32")
    K.philox_normal(out.reshape(-1), 1, 2, 3)
    return out


class Case(NamedTuple):
    """A call of a kernel, and the bytes that it has to read and write."""

    name: str
    run: Callable[[], object]
    bytes: int


def cases(cupy: ModuleType, n: int) -> Iterator[Case]:
    """Yield every kernel except the one of a single block, on arrays of about n elements.

    Use them one at a time, as they hold gigabytes.
    """
    yield from _adam(cupy, n)
    yield from _elements(cupy, n)
    yield from _critic(cupy, n)
    yield from _softmax(cupy, n)
    yield from _router(cupy, n)
    yield from _rows(cupy, n)
    yield from _random(cupy, n)


def _adam(cupy: ModuleType, n: int) -> Iterator[Case]:
    p, g, m = (random(cupy, n) for _ in range(3))
    v, flag = m * m, cupy.zeros(1, "int32")

    def update() -> None:
        K.adam_update(p, g, m, v, 1e-4, 0.5, 0.999, 1e-8, flag, 1)

    yield Case("adam_update", update, 28 * n)


def _elements(cupy: ModuleType, n: int) -> Iterator[Case]:
    columns = min(4096, isqrt(n))
    s, h = (random(cupy, n // columns, columns) for _ in range(2))
    b = cupy.zeros(columns, "float32")
    yield Case("bias_activation", lambda: K.bias_activation(s, b, 0.2), 8 * s.size)
    yield Case("activation_gradient", lambda: K.activation_gradient(s, h, 0.2), 12 * s.size)
    yield Case("squared_error", lambda: K.squared_error(s, h, 1.0, 1.0), 12 * s.size)


def _critic(cupy: ModuleType, n: int) -> Iterator[Case]:
    batch = min(4096, isqrt(n) // 2)
    units = max(n // (3 * batch), 1)
    s, table = random(cupy, units, 2 * batch), random(cupy, units, 40)
    index, alpha = cupy.arange(batch) % 40, cupy.full(batch, 0.5, "float32")
    w, delta = random(cupy, units), cupy.empty((units, 3 * batch), "float32")

    def epilogue() -> None:
        K.critic_epilogue(s, table, index, alpha, w, 0.2, delta)

    yield Case("critic_epilogue", epilogue, 28 * units * batch)
    t = random(cupy, units, batch)
    yield Case("penalty_epilogue", lambda: K.penalty_epilogue(t, s, 0.2), 8 * units * batch)
    columns = min(2048, isqrt(n))
    g = random(cupy, n // columns, columns)
    yield Case("gradient_penalty", lambda: K.gradient_penalty(g, 1e-3), 8 * g.size)


def _softmax(cupy: ModuleType, n: int) -> Iterator[Case]:
    c = min(1000, isqrt(n))
    z = random(cupy, n // c, c)
    rows = len(z)
    y, w = cupy.arange(rows) % c, cupy.full(rows, 1 / rows, "float32")
    size = f" ({c} classes)"
    yield Case("softmax_loss" + size, lambda: K.softmax_loss(z, y, w, w), 8 * z.size)
    yield Case("softmax_loss_forward" + size, lambda: K.softmax_loss_forward(z, y), 4 * z.size)
    _, entropy, top, log_t = K.softmax_loss_forward(z, y)

    def backward() -> None:
        K.softmax_loss_backward(z, y, entropy, top, log_t, w, w)

    yield Case("softmax_loss_backward" + size, backward, 8 * z.size)
    yield Case("log_softmax_entropy" + size, lambda: K.log_softmax_entropy(z), 8 * z.size)
    yield Case("confidence_score" + size, lambda: K.confidence_score(z, w), 8 * z.size)


def _router(cupy: ModuleType, n: int) -> Iterator[Case]:
    few = random(cupy, n // 50, 50)
    yield Case("log_softmax_entropy (50 classes)", lambda: K.log_softmax_entropy(few), 8 * few.size)
    logits = cupy.ascontiguousarray(few[:, :40])
    moved = 4 * (logits.size + few.size)
    name = "route_rows (40 + 10 classes)"
    yield Case(name, lambda: K.route_rows(logits, few, 0.5, 1.5, 1.0), moved)
    yield Case(f"soft_{name}", lambda: K.soft_route_rows(logits, few, 0.1, 0.4, 0.2), moved)
    rest = cupy.zeros(len(few), "float32")

    def learned() -> None:
        K.learned_route_rows(logits, few, rest, of_entropy=-3.0, of_gap=1.0, bias=1.0, tau=0.2)

    yield Case(f"learned_{name}", learned, moved)


def _rows(cupy: ModuleType, n: int) -> Iterator[Case]:
    d = min(2048, isqrt(n))
    x, row = random(cupy, n // d, d), cupy.ones(d, "float32")
    out, picked = cupy.empty_like(x), (cupy.arange(n // d) * 7919) % (n // d)
    moved = 8 * x.size
    yield Case("scale_rows", lambda: K.scale_rows(x, row, row, False, out), moved)
    yield Case("centered_rows", lambda: K.centered_rows(x, row), moved)
    yield Case("gather_rows", lambda: K.gather_rows(x, picked, out), moved)
    index = cupy.arange(d) % 40
    yield Case("segment_sum", lambda: K.segment_sum(x, index, 40), 4 * x.size)
    u, v = cupy.ones(n // d, "float32"), cupy.ones(d, "float32")
    yield Case("negative_distances", lambda: K.negative_distances(x, u, v), moved)


def _random(cupy: ModuleType, n: int) -> Iterator[Case]:
    of_four, of_eight = cupy.empty(n, "float32"), cupy.empty(n // 2, "int64")
    words = cupy.empty(n, "uint32")
    yield Case("philox_words", lambda: K.philox_words(words, 1, 2, 3), 4 * n)
    yield Case("philox_integers", lambda: K.philox_integers(of_eight, 1000, 1, 2, 3), 4 * n)
    yield Case("philox_uniform", lambda: K.philox_uniform(of_four, 1, 2, 3), 4 * n)
    yield Case("philox_normal", lambda: K.philox_normal(of_four, 1, 2, 3), 4 * n)


def main(n: int = PROFILED) -> None:
    """Run every kernel once."""
    import cupy

    for case in cases(cupy, n):
        case.run()
        cupy.cuda.Device().synchronize()


if __name__ == "__main__":
    main()
