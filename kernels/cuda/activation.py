"""The CUDA versions of the kernels of a training step: Adam, activations, critic, losses."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import PACK, launch, strips, tiles
from .reduce import column_sums


def bias_activation(s, b, slope):
    """See reference.bias_activation."""
    launch("activation", "bias_activation", *tiles(*s.shape, PACK), s, b, slope, *s.shape)
    return s


def activation_gradient(dy, y, slope):
    """See reference.activation_gradient."""
    xp, ds = array_module(dy), array_module(dy).empty_like(dy)
    grid, block = strips(*dy.shape)
    db = xp.empty((grid[0], dy.shape[1]), dy.dtype)
    launch("activation", "activation_gradient", grid, block, dy, y, slope, ds, db, *dy.shape)
    return ds, column_sums(db)
