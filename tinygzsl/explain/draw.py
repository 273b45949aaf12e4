"""Random arrays for checks and examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kernels import reference_only
from ..nn import random
from ..nn.mlp import MLP
from ..nn.random import Purpose
from ..runtime.array import Array, ArrayModule
from ..runtime.backend import to_host


@dataclass(frozen=True)
class Sizes:
    """The sizes of a check's arrays.

    These are the numbers of samples n, features d, attributes k, classes, hidden units and latent
    units. critic_units is the number of hidden units of a fused critic, and `pairs` the number of
    samples, or classes, of a loss that compares all pairs.
    """

    n: int
    d: int
    k: int
    classes: int
    units: int
    critic_units: int
    latent: int
    pairs: int


# Arrays of LARGE go to compiled kernels as in training: even n single numbers are more than
# dispatch.SMALL. Rows fill some SIMD vectors and leave a remainder. critic_units are enough for
# two shares, which still go to compiled kernels with `pairs` samples.
SMALL = Sizes(n=7, d=6, k=3, classes=4, units=5, critic_units=5, latent=4, pairs=7)
LARGE = Sizes(n=2051, d=18, k=7, classes=18, units=9, critic_units=31, latent=7, pairs=230)


class Draw:
    """Random arrays of one dtype, different at each call.

    All numbers are exact in float32, so Draws of float32 and of float64 give equal numbers.
    """

    def __init__(
        self, seed: int, sizes: Sizes = SMALL, *, xp: ArrayModule = np, dtype: str = "float64"
    ):
        self.seed, self.sizes, self.xp, self.dtype = seed, sizes, xp, dtype
        self.step = 1000

    def normal(self, *shape: int) -> Array:
        """Standard normal numbers."""
        return self._array(self._normal(shape))

    def uniform(self, *shape: int) -> Array:
        """Uniform numbers in [0, 1)."""
        self.step += 1
        with reference_only():
            drawn = random.uniform(np, shape, seed=self.seed, step=self.step, purpose=Purpose.CHECK)
        return self._array(to_host(drawn))

    def labels(self, count: int, classes: int | None = None) -> Array:
        """Indices of `classes` classes, by default sizes.classes."""
        self.step += 1
        high = classes or self.sizes.classes
        with reference_only():
            drawn = random.integers(
                np, count, seed=self.seed, step=self.step, purpose=Purpose.CHECK, high=high
            )
        return self.xp.asarray(drawn)

    def mlp(self, sizes: list[int], hidden: str, *, output: str = "linear") -> MLP:
        """A network whose biases are not zero."""
        self.step += 1
        with reference_only():
            net = MLP.create(
                np,
                sizes,
                seed=self.seed,
                purpose=Purpose.CHECK,
                step=self.step,
                std=None,
                hidden=hidden,
                output=output,
                dtype="float64",
            )
        for bias in net.params[1::2]:
            bias += 0.3 * self._normal(bias.shape)
        net.params = [self._array(to_host(p)) for p in net.params]
        return net

    def _normal(self, shape: tuple[int, ...]) -> np.ndarray:
        self.step += 1
        with reference_only():  # numbers of compiled kernels differ in the last bits
            return to_host(
                random.normal(np, shape, seed=self.seed, step=self.step, purpose=Purpose.CHECK)
            )

    def _array(self, numbers: np.ndarray) -> Array:
        return self.xp.asarray(numbers.astype("float32").astype(self.dtype))
