"""The inverse Hessian that L-BFGS builds from its last steps, in compact form.

The rows of S and Y are the last steps s and changes of the gradient y. With R the upper triangle of
S Y^T, D its diagonal, G = Y Y^T and gamma = s^T y / y^T y of the newest pair,

    H = gamma I + [S^T  gamma Y^T] [R^-T (D + gamma G) R^-1  -R^-T] [      S]
                                   [          -R^-1            0  ] [gamma Y]

(Byrd, Nocedal and Schnabel 1994, theorem 2.2). H times a vector needs two passes over S and Y, half
as many as the textbook's two loops, and the host only computes with small matrices.
"""

from __future__ import annotations

import numpy as np

from ..runtime.array import Array
from ..runtime.backend import array_module, to_host

CHUNK = 8192  # elements of a vector per partial sum, so that those of all pairs fit into a cache
LEAST = np.finfo(np.float64).eps  # minimum s^T y of a pair, as a share of what it might be


class InverseHessian:
    """H from at most `memory` pairs of vectors (n,); without pairs it is the identity.

    One more place holds the pair of a trial, `step` and `change`, until it is kept or dropped.
    order lists the places of the kept pairs, the oldest first.
    """

    def __init__(self, x: Array, memory: int):
        self.pairs = array_module(x).zeros((memory + 1, 2, x.size), x.dtype)
        self.memory, self.place = memory, 0
        self.order: list[int] = []
        self.sy, self.yy = np.zeros((2, memory + 1, memory + 1))
        self.sg, self.yg = np.zeros((2, memory + 1))

    @property
    def step(self) -> Array:
        """s (n,) of the trial."""
        return self.pairs[self.place, 0]

    @property
    def change(self) -> Array:
        """y (n,) of the trial."""
        return self.pairs[self.place, 1]

    @property
    def rows(self) -> Array:
        """s and y of every place in use, alternately: (2 places, n)."""
        used = max(self.place, *self.order, 0) + 1
        return self.pairs[:used].reshape(2 * used, -1)

    @property
    def scale(self) -> float:
        """gamma."""
        newest = self.order[-1]
        return float(self.sy[newest, newest] / self.yy[newest, newest])

    def keep(self, with_change: np.ndarray, with_gradient: np.ndarray) -> None:
        """Keep the trial's pair; if the memory is full, the oldest pair is dropped.

        The arguments are the products of the rows with its change and with its gradient. A pair
        without curvature is not kept, as H would not be positive definite. Neither is a pair so
        small that y^T y is 0.
        """
        used = with_change.size // 2
        sy, yy = with_change.reshape(used, 2).T
        self.sg[:used], self.yg[:used] = with_gradient.reshape(used, 2).T
        start = self.sg[self.place] - sy[self.place]  # s^T g before the step
        if not (sy[self.place] > LEAST * abs(start) and yy[self.place] > 0):
            return
        self.sy[:used, self.place] = sy
        self.yy[:used, self.place] = self.yy[self.place, :used] = yy
        self.order = [*self.order, self.place][-self.memory :]
        self.place = min(set(range(self.memory + 1)) - set(self.order))

    def forget(self) -> None:
        """Drop all pairs."""
        self.order, self.place = [], 0

    def descent(self, gradient: Array) -> Array:
        """Return -H g (n,) for the gradient g (n,) of the last call of `keep`."""
        weights = _weights(self.order, sy=self.sy, yy=self.yy, sg=self.sg, yg=self.yg)
        return _combine(self.rows, gradient, weights=weights, scale=self.scale)

    def descent_of_free(self, gradient: Array, free: Array) -> Array | None:
        """Return -H g (n,) with all vectors restricted to the mask `free` (n,).

        The result is None if no pair has curvature there.
        """
        rows, g = self.rows * free, gradient * free
        table = to_host(array_module(g).stack([products(rows, v) for v in (*rows, g)]))
        table = table.reshape(len(table), -1, 2)
        sy, yy = table[1:-1:2, :, 0].T, table[1:-1:2, :, 1]
        lengths = np.sqrt(np.diag(table[:-1:2, :, 0])) * np.sqrt(np.diag(yy))
        order = [i for i in self.order if sy[i, i] > LEAST * lengths[i] > 0]
        if not order:
            return None
        weights = _weights(order, sy=sy, yy=yy, sg=table[-1, :, 0], yg=table[-1, :, 1])
        newest = order[-1]
        return _combine(rows, g, weights=weights, scale=sy[newest, newest] / yy[newest, newest])


def products(rows: Array, vector: Array) -> Array:
    """Return rows @ vector for rows (k, n) and vector (n,), in float64, in a fixed order."""
    xp = array_module(vector)
    wide = xp.asarray(vector, np.float64)  # squares in float32 may overflow
    if vector.size <= CHUNK or xp is not np:
        return rows @ wide
    starts = range(0, vector.size, CHUNK)
    return np.stack([rows[:, i : i + CHUNK] @ wide[i : i + CHUNK] for i in starts]).sum(axis=0)


def _weights(
    order: list[int], *, sy: np.ndarray, yy: np.ndarray, sg: np.ndarray, yg: np.ndarray
) -> np.ndarray:
    """Return the coefficients (places, 2) of every s and y in H g, from their products."""
    square, newest = np.ix_(order, order), order[-1]
    scale = sy[newest, newest] / yy[newest, newest]
    r = np.triu(sy[square])
    p = np.linalg.solve(r, sg[order])
    q = np.linalg.solve(r.T, np.diag(r) * p + scale * (yy[square] @ p - yg[order]))
    weights = np.zeros((len(sg), 2))
    weights[order] = np.stack([q, -scale * p], axis=1)
    return weights


def _combine(rows: Array, gradient: Array, *, weights: np.ndarray, scale: float) -> Array:
    """Return -(scale g + rows^T weights) (n,)."""
    xp = array_module(gradient)
    w, out = xp.asarray(weights.ravel()[: rows.shape[0]], gradient.dtype), -scale * gradient
    step = CHUNK if xp is np else out.size
    for i in range(0, out.size, step):
        out[i : i + step] = out[i : i + step] - w @ rows[:, i : i + step]
    return out
