"""Adam, in place on a list of parameters."""

from __future__ import annotations

from .. import kernels
from ..runtime.array import Array
from ..runtime.backend import array_module, to_host


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1 in the order of operations of its section 2).

    m and v are the moments, one array per parameter; t counts the steps. Together with the
    parameters they are the whole state.
    """

    def __init__(
        self,
        params: list[Array],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        xp = array_module(*params)
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.m = [xp.zeros_like(p) for p in params]
        self.v = [xp.zeros_like(p) for p in params]
        self.t = 0
        self._bad = xp.zeros(len(params), "int32")  # per parameter: step of the first NaN or inf
        self._flags = [self._bad[i : i + 1] for i in range(len(params))]

    def step(self, grads: list[Array]) -> None:
        """Update every parameter once; grads are in the order of params.

        The bias corrections are included in the rate and eps, which is exact.
        """
        self.t += 1
        beta1, beta2 = self.betas
        root = (1 - beta2**self.t) ** 0.5
        rate = self.lr * root / (1 - beta1**self.t)
        eps = self.eps * root
        for p, g, m, v, bad in zip(self.params, grads, self.m, self.v, self._flags, strict=True):
            kernels.adam_update(p, g, m, v, rate, beta1, beta2, eps, bad, self.t)

    @property
    def diverged_at(self) -> int | None:
        """The step in which a parameter first became NaN or inf, or None."""
        found = self.first_bad()
        return found and found[0]

    def first_bad(self) -> tuple[int, int] | None:
        """Return that step and the index of the parameter (the first if there are several), or
        None.

        If a gradient is NaN or inf, its parameter becomes so in the same step.
        """
        steps = to_host(self._bad).tolist()
        return min(((step, i) for i, step in enumerate(steps) if step), default=None)
