"""Adam, in place on a list of parameters."""

from __future__ import annotations

from . import kernels
from .backend import Array, array_module


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1 in the order of operations of its section 2).

    m and v are the moments, one array per parameter; t counts the steps. Nothing else is needed to
    go on.
    """

    def __init__(
        self,
        params: list[Array],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        xp = array_module(*params)
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.m = [xp.zeros_like(p) for p in params]
        self.v = [xp.zeros_like(p) for p in params]
        self.t = 0
        self._first_bad = xp.zeros(1, "int32")

    def step(self, grads: list[Array]) -> None:
        """One update of every parameter from grads, in the order of params.

        The bias corrections are folded into the rate and eps, which is exact.
        """
        self.t += 1
        beta1, beta2 = self.betas
        root = (1 - beta2**self.t) ** 0.5
        rate = self.lr * root / (1 - beta1**self.t)
        constants = rate, beta1, beta2, self.eps * root, self._first_bad, self.t
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            kernels.adam_update(p, g, m, v, *constants)

    @property
    def diverged_at(self) -> int | None:
        """The step that first made a parameter NaN or inf, or None."""
        return int(self._first_bad[0]) or None
