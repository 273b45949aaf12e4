"""Small random arrays in float64, for checks and examples."""

from __future__ import annotations

import numpy as np

from ..nn import random
from ..nn.mlp import MLP
from ..nn.random import Purpose

N, D, K, CLASSES = 7, 6, 3, 4  # samples, features, attributes, classes


class Draw:
    """Random float64 arrays, a new one at each call."""

    def __init__(self, seed: int):
        self.seed, self.step = seed, 1000

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal numbers."""
        self.step += 1
        return random.normal(np, self.seed, self.step, Purpose.CHECK, shape)

    def labels(self, count: int) -> np.ndarray:
        """Indices of CLASSES classes."""
        self.step += 1
        return random.integers(np, self.seed, self.step, Purpose.CHECK, CLASSES, count)

    def mlp(self, sizes: list[int], hidden: str, output: str = "linear") -> MLP:
        """A network whose biases are not zero."""
        self.step += 1
        drawn = {"seed": self.seed, "purpose": Purpose.CHECK, "step": self.step, "std": None}
        net = MLP.create(np, sizes, hidden=hidden, output=output, dtype="float64", **drawn)
        for bias in net.params[1::2]:
            bias += 0.3 * self.normal(*bias.shape)
        return net
