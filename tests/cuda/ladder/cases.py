"""Arguments for every kernel: odd sizes, every branch, the edges of what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Generator = np.random.Generator
# Rows and columns. 31 and 33 are a warp but one; 1025 needs many rounds; 40 and 128 allow loads of
# 16 bytes; more than 256 rows are summed in two stages.
SHAPES = [(0, 33), (1, 1), (1, 31), (5, 33), (9, 128), (2, 1025), (300, 40), (4, 64), (3, 32)]


def matrix(rng: Generator, rows: int, columns: int) -> np.ndarray:
    """Numbers of both signs, with some zeros: a zero is a kink of the activations."""
    x = rng.normal(size=(rows, columns))
    x.reshape(-1)[::7] = 0
    return x


def adam_update(rng: Generator) -> Iterator[tuple]:
    for shape in [(0,), (1,), (37,), (7, 11), (128, 40)]:
        for spoilt, before in [(None, 0), (np.nan, 0), (np.inf, 0), (-np.inf, 2)]:
            p, g, m = (rng.normal(size=shape) for _ in range(3))
            if spoilt is not None and p.size:
                p.reshape(-1)[[0, -1]] = spoilt
            flag = np.array([before], np.int32)
            yield p, g, m, m**2, 0.01, 0.5, 0.999, 1e-8, flag, 3


def bias_activation(rng: Generator) -> Iterator[tuple]:
    for rows, columns in SHAPES:
        b = rng.normal(size=columns)
        s = matrix(rng, rows, columns)
        s[::3] = -b  # the sum is exactly 0
        yield s, b, 0.2


def activation_gradient(rng: Generator) -> Iterator[tuple]:
    for shape in SHAPES:
        yield rng.normal(size=shape), matrix(rng, *shape), 0.2
    yield rng.normal(size=(600, 3)), matrix(rng, 600, 3), 0.0
    yield np.ones((2, 3)), np.array([[np.nan, 0.0, 1.0], [1.0, np.nan, -1.0]]), 0.2


def critic_epilogue(rng: Generator) -> Iterator[tuple]:
    for h, n, prototypes in [(1, 1, 1), (3, 31, 5), (40, 33, 40), (33, 64, 2), (5, 130, 7)]:
        s, table = matrix(rng, h, 2 * n), matrix(rng, h, prototypes)
        index, alpha = rng.integers(0, prototypes, n), rng.random(n)
        alpha[::5] = 1.0
        yield s, table, index, alpha, rng.normal(size=h), 0.2, np.full((h, 3 * n), np.nan)
    yield (
        matrix(rng, 0, 6),
        matrix(rng, 0, 2),
        np.array([0, 1, 1]),
        rng.random(3),
        np.zeros(0),
        0.2,
        np.zeros((0, 9)),
    )


def penalty_epilogue(rng: Generator) -> Iterator[tuple]:
    for h, n in SHAPES:
        yield rng.normal(size=(h, n)), matrix(rng, h, 2 * n), 0.2


def gradient_penalty(rng: Generator) -> Iterator[tuple]:
    for shape in SHAPES:
        g = rng.normal(size=shape)
        g[1::3] = 0  # no direction: u is 0
        yield g, 10.0


def _labelled(rng: Generator) -> Iterator[tuple]:
    """Logits and the labels of their first rows."""
    for rows, columns in SHAPES:
        for labelled in {rows, rows // 2}:
            yield 3 * rng.normal(size=(rows, columns)), rng.integers(0, columns, labelled)
    yield np.array([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0], [-1e5, -1e5, -1e5]]), np.array([1, 2])
    spoilt = rng.normal(size=(3, 40))
    spoilt[0, 20], spoilt[1, 7] = np.nan, np.inf
    yield spoilt, np.array([0, 7])


def log_softmax_entropy(rng: Generator) -> Iterator[tuple]:
    for logits, _ in _labelled(rng):
        yield (logits,)


def softmax_loss_forward(rng: Generator) -> Iterator[tuple]:
    yield from _labelled(rng)


def softmax_loss_backward(rng: Generator) -> Iterator[tuple]:
    from tinygzsl.kernels import reference

    for logits, y in _labelled(rng):
        with np.errstate(invalid="ignore"):
            _, *sums = reference.softmax_loss_forward(logits, y)
        yield logits, y, *sums, rng.normal(size=len(y)), rng.normal(size=len(logits))


def softmax_loss(rng: Generator) -> Iterator[tuple]:
    for logits, y in _labelled(rng):
        yield logits, y, rng.normal(size=len(y)), rng.normal(size=len(logits))


def entropy_hinge(rng: Generator) -> Iterator[tuple]:
    for n_seen, n in [(1, 2), (31, 64), (300, 333), (1000, 2000)]:
        for margin in (5.0, -5.0):  # with an active hinge and without
            yield rng.random(n), n_seen, margin, 0.7
    yield np.array([1.0, np.nan]), 1, 0.5, 1.0
    yield np.full(4, 0.5), 2, 0.0, 1.0  # a margin of exactly 0 has no gradient


def squared_error(rng: Generator) -> Iterator[tuple]:
    for shape in [*SHAPES, (700, 1025)]:
        yield rng.normal(size=shape), rng.normal(size=shape), 0.5, 2.0


def confidence_score(rng: Generator) -> Iterator[tuple]:
    for rows, columns in [(1, 1), (1, 31), (5, 33), (300, 40), (600, 3)]:
        weights = rng.random(rows)
        yield 3 * rng.normal(size=(rows, columns)), weights / weights.sum()
    yield np.array([[0.0, -1e4], [0.0, -1e4]]), np.array([0.5, 0.5])  # a class without probability
    for columns in (3, 5, 6, 7, 11, 13):  # the score is 1, of which rounding may make less
        yield np.zeros((3, columns)), np.array([0.25, 0.5, 0.25])
    yield np.array([[np.nan, 0.0], [0.0, 1.0]]), np.array([0.5, 0.5])


def route_rows(rng: Generator) -> Iterator[tuple]:
    for n, seen, unseen in [(0, 3, 2), (1, 1, 1), (9, 31, 33), (40, 5, 3), (3, 1025, 7)]:
        logits = rng.normal(size=(n, seen)) * rng.choice([0.1, 1.0, 9.0], (n, 1))
        f = rng.integers(-4, 4, (n, seen + unseen)).astype(float)  # many ties
        yield logits, f, 0.5, 1.2, 0.3
    one_class = np.zeros((2, 1))  # whose entropy is exactly 0, as both thresholds
    yield one_class, np.array([[1.0, 2.0], [2.0, 1.0]]), 0.0, 0.0, 1.0
    same = np.zeros((2, 4))
    yield same, np.zeros((2, 6)), np.log(4.0) + 1, 9.0, 1.0  # supervised, all tied
    yield np.array([[np.nan, 1.0, 2.0]]), np.array([[1.0, 2.0, 2.0, 0.0]]), 0.1, 0.5, 1.0
    yield np.array([[-1e-20, 0.0]]), np.zeros((1, 4)), 0.7, 0.8, 1.0  # log p of both is the same


def soft_route_rows(rng: Generator) -> Iterator[tuple]:
    for n, seen, unseen in [(0, 3, 2), (1, 1, 1), (9, 31, 33), (40, 5, 3), (3, 1025, 7)]:
        logits = rng.normal(size=(n, seen)) * rng.choice([0.1, 1.0, 9.0], (n, 1))
        f = rng.integers(-4, 4, (n, seen + unseen)).astype(float)  # many ties
        for bias, width in [(0.5, 0.3), (0.2, 0.02)]:
            yield logits, f, bias, width, 0.3
    logits, f = rng.normal(size=(20, 6)), rng.normal(size=(20, 9))
    for bias in (0.0, 50.0):  # everything unseen, everything seen
        yield logits, f, bias, 1e-3, 0.5
    yield np.zeros((2, 2)), np.zeros((2, 4)), 1.0, 0.4, 1.0  # seen and unseen tie
    yield np.array([[1e4, -1e4], [0.0, 0.0]]), np.array([[1e4, -1e4, 1e4]] * 2), 0.1, 1e-40, 1e-40
    yield np.array([[np.nan, 1.0, 2.0]]), np.array([[1.0, 2.0, 2.0, 0.0]]), 0.1, 0.5, 1.0


def learned_route_rows(rng: Generator) -> Iterator[tuple]:
    for n, seen, unseen in [(0, 3, 2), (1, 1, 1), (9, 31, 33), (40, 5, 3), (3, 1025, 7)]:
        logits = rng.normal(size=(n, seen)) * rng.choice([0.1, 1.0, 9.0], (n, 1))
        ties = rng.integers(-4, 4, (n, seen + unseen)).astype(float)
        for f in (ties, rng.normal(size=ties.shape)):
            yield logits, f, rng.normal(size=n), -3.0, 0.9, 1.3, 0.3
    logits, f = rng.normal(size=(20, 6)), rng.normal(size=(20, 9))
    for rest in (np.full(20, -1e4), np.full(20, 1e4)):  # everything unseen, everything seen
        yield logits, f, rest, -3.0, 0.9, 0.2, 0.5
    for seen in (2, 40):  # seen and unseen tie
        yield np.zeros((2, seen)), np.zeros((2, 2 * seen)), np.zeros(2), 0.0, 1.0, 0.0, 1.0
    spread = np.array([[1e4, -1e4], [0.0, 0.0]]), np.array([[1e4, -1e4, 1e4, -1e4]] * 2)
    yield *spread, np.zeros(2), -1.0, 1e-4, 0.1, 1e-40
    ordered = np.array([[1.0, 2.0, 2.0, 0.0]])
    yield np.array([[np.nan, 1.0, 2.0]]), ordered, np.zeros(1), -1.0, 0.5, 1.0, 1.0
    spoilt = np.array([[1.0, np.nan, 2.0, 0.0]])  # beyond the first number of the row
    yield ordered[:, 1:], spoilt, np.zeros(1), -1.0, 0.5, 1.0, 1.0


def _random(dtype: str) -> Iterator[tuple]:
    for n in (0, 1, 2, 3, 4, 1025, 5000):
        for seed, step in [(0, 0), (2**64 - 1, 2**40 + 7)]:
            yield np.zeros(n, dtype), seed, step, 6


def philox_words(rng: Generator) -> Iterator[tuple]:
    return _random("uint32")


def philox_integers(rng: Generator) -> Iterator[tuple]:
    for out, *rest in _random("int64"):
        for high in (1, 7, 2**32):
            yield out, high, *rest


def philox_uniform(rng: Generator) -> Iterator[tuple]:
    return _random("float64")


def philox_normal(rng: Generator) -> Iterator[tuple]:
    return _random("float64")


def gather_rows(rng: Generator) -> Iterator[tuple]:
    for n, columns in SHAPES:
        yield rng.normal(size=(8, columns)), rng.integers(0, 8, n), np.full((n, columns), np.nan)


def segment_sum(rng: Generator) -> Iterator[tuple]:
    for h, columns in SHAPES:
        for segments in (1, 40):  # the last one stays empty
            index = rng.integers(0, max(segments - 1, 1), columns - columns // 3)
            yield rng.normal(size=(h, columns)), index, segments


def scale_rows(rng: Generator) -> Iterator[tuple]:
    for rows, columns in SHAPES:
        for unit_rows in (False, True):
            for spoilt in (None, np.nan, -np.inf):
                x, shift = matrix(rng, rows, columns), rng.normal(size=columns)
                x[1::3] = shift  # rows of zeros stay
                if spoilt is not None and rows:
                    x[-1, [0, -1]] = spoilt
                yield x, shift, rng.random(columns), unit_rows, np.full(x.shape, 7.0)
    x = matrix(rng, 9, 40)
    yield x, np.zeros(40), np.ones(40), True, x  # in place


def centered_rows(rng: Generator) -> Iterator[tuple]:
    for rows, columns in SHAPES:
        yield rng.normal(size=(rows, columns)), rng.normal(size=columns)


def negative_distances(rng: Generator) -> Iterator[tuple]:
    for n, c in [*SHAPES, (20000, 3)]:
        products = rng.normal(size=(n, c))  # some squares come out below 0
        yield products, rng.random(n), rng.random(c)


CASES: dict[str, Callable[[Generator], Iterator[tuple]]] = {
    name: make
    for name, make in list(vars().items())
    if callable(make)
    and not name.startswith("_")
    and name not in ("Generator", "matrix")
    and getattr(make, "__module__", "") == __name__
}
