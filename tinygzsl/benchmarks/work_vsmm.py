"""A step of the VSMM with proxies, which gathers its rows as training does."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..nn.adam import Adam
from ..runtime.array import ArrayModule
from ..runtime.backend import to_host
from ..settings import settings_for
from ..vsmm import VSMM, vsmm_loss
from . import floor
from .versions import update_difference
from .work_cwgan import TOLERANCE, Precision


class VsmmStep:
    """Linear maps d -> m -> d, k -> m and m -> classes, means over dimensions in eqs. 3 and 4.

    A batch has `batch` rows of x (samples, d) and as many of the proxies (samples, d).
    """

    kind = "vsmm"

    def __init__(
        self,
        *,
        d: int,
        k: int,
        m: int,
        batch: int,
        classes: int = 40,
        samples: int = 10000,
        dtype: Precision = "float32",
    ):
        self.sizes = {"d": d, "k": k, "m": m, "classes": classes, "batch": batch}
        overrides = {"vsmm_latent": m, "vsmm_batch": batch, "vsmm_reduction": "mean"}
        self.settings = settings_for("paper", overrides)
        self.dtype, self.tolerance = dtype, TOLERANCE[dtype]
        rng = np.random.default_rng(0)
        self.x = rng.random((samples, d), dtype=dtype)
        self.proxies = rng.random((samples, d), dtype=dtype)
        self.y = rng.integers(classes, size=samples)
        prototypes = rng.random((classes, k), dtype=dtype)
        self.prototypes = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
        self.rows = rng.integers(samples, size=batch)
        self.proxy_rows = rng.integers(samples, size=batch)
        self.start = self._vsmm().params

    def _vsmm(self, xp: ArrayModule = np) -> VSMM:
        d, k, classes = (self.sizes[name] for name in ("d", "k", "classes"))
        return VSMM.create(
            xp, d=d, k=k, n_classes=classes, settings=self.settings, seed=1, dtype=self.dtype
        )

    def ours(self, xp: ArrayModule = np) -> _Vsmm:
        """Return vsmm_loss and Adam with the common initial parameters; on the GPU with xp=cupy."""
        return _Vsmm(self, xp)

    def phases(self) -> list[floor.Phase]:
        """Return floor.vsmm_step's phases."""
        return floor.vsmm_step(**self.sizes, proxies=self.sizes["batch"])

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return compare.update_difference."""
        return update_difference(self.start, result, reference)


class _Vsmm:
    def __init__(self, work: VsmmStep, xp: ArrayModule):
        self.vsmm, self.settings = work._vsmm(xp), work.settings
        settings = work.settings
        for own, start in zip(self.vsmm.params, work.start, strict=True):
            own[...] = xp.asarray(start)
        names = ("x", "y", "prototypes", "rows", "proxies", "proxy_rows")
        arrays = (xp.asarray(getattr(work, name)) for name in names)
        self.x, self.y, self.prototypes, self.rows, self.proxies, self.proxy_rows = arrays
        betas = (settings.vsmm_beta1, settings.vsmm_beta2)
        self.adam = Adam(self.vsmm.params, lr=settings.vsmm_lr, betas=betas)
        nets = self.vsmm.networks.items()
        self.out = {name: [xp.empty_like(p) for p in net.params] for name, net in nets}
        self.batch = xp.empty((2 * len(work.rows), work.x.shape[1]), work.x.dtype)

    def run(self) -> None:
        n, y, batch = len(self.rows), self.y[self.rows], self.batch
        kernels.gather_rows(self.x, self.rows, batch[:n])
        kernels.gather_rows(self.proxies, self.proxy_rows, batch[n:])
        _, grads = vsmm_loss(self.vsmm, batch, y, self.prototypes, self.settings, out=self.out)
        self.adam.step(grads)

    def result(self) -> list[np.ndarray]:
        return [to_host(p.copy()) for p in self.vsmm.params]
