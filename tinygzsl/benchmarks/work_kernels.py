"""Single kernels that other libraries also have: softmax with both losses, and Adam."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..nn.adam import Adam
from ..runtime.array import ArrayModule
from ..runtime.backend import to_host
from . import floor
from .versions import update_difference
from .work_cwgan import TOLERANCE, Precision


class Softmax:
    """Cross-entropy and entropy (n,) of softmax(logits (n, c)), with their gradient.

    The gradient is that of <dce, cross-entropy> + <dentropy, entropy> with respect to the logits.
    """

    kind = "softmax"

    def __init__(self, *, rows: int, classes: int, dtype: Precision = "float32"):
        rng = np.random.default_rng(0)
        self.logits = (3 * rng.standard_normal((rows, classes), dtype=dtype)).astype(dtype)
        self.y = rng.integers(classes, size=rows)
        self.dce, self.dentropy = rng.random((2, rows), dtype=dtype)
        self.tolerance = 1e-5 if dtype == "float32" else 1e-12

    def ours(self, xp: ArrayModule = np) -> _Softmax:
        """Return kernels.softmax_loss; on the GPU with xp=cupy."""
        return _Softmax(self, xp)

    def phases(self) -> list[floor.Phase]:
        """Return floor.softmax's phases."""
        rows, classes = self.logits.shape
        return floor.softmax(rows, classes)

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return the largest error of an output relative to its largest value."""
        pairs = zip(result, reference, strict=True)
        return max(float(abs(a - b).max() / abs(b).max()) for a, b in pairs)


class _Softmax:
    def __init__(self, work: Softmax, xp: ArrayModule):
        self.inputs = [xp.asarray(a) for a in (work.logits, work.y, work.dce, work.dentropy)]

    def run(self) -> None:
        logits, y, dce, dentropy = self.inputs
        self.outputs = kernels.softmax_loss(logits, y, dce, dentropy)

    def result(self) -> list[np.ndarray]:
        return [to_host(a) for a in self.outputs]


class AdamUpdate:
    """Adam on one array of `parameters` values with a fixed gradient."""

    kind = "adam"

    def __init__(self, *, parameters: int, dtype: Precision = "float32"):
        rng = np.random.default_rng(0)
        self.p, self.g = rng.standard_normal((2, parameters), dtype=dtype)
        self.lr, self.betas, self.tolerance = 1e-4, (0.5, 0.999), TOLERANCE[dtype]

    def ours(self, xp: ArrayModule = np) -> _Adam:
        """Return nn.adam.Adam; on the GPU with xp=cupy."""
        return _Adam(self, xp)

    def phases(self) -> list[floor.Phase]:
        """Return floor.adam's phases."""
        return [floor.adam("Adam", self.p.size)]

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return compare.update_difference."""
        return update_difference([self.p], result, reference)


class _Adam:
    def __init__(self, work: AdamUpdate, xp: ArrayModule):
        self.p, self.g = xp.array(work.p), xp.asarray(work.g)
        self.adam = Adam([self.p], lr=work.lr, betas=work.betas)

    def run(self) -> None:
        self.adam.step([self.g])

    def result(self) -> list[np.ndarray]:
        return [to_host(self.p.copy())]
