"""Launches kernels/cuda/activation.cu: bias and activation of a layer, forward and backward."""

from ...runtime.backend import array_module
from .launch import PACK, launch, strips, tiles
from .reduce import column_sums


def bias_activation(s, b, slope):
    """s (n, units) in place, b (units,): a thread loads the biases of its columns once and loops
    over the rows.
    """
    n, units = s.shape
    launch("activation", "bias_activation", *tiles(n, units, PACK), s, b, slope, n, units)
    return s


def activation_gradient(dy, y, slope):
    """dy, y (n, units) -> ds (n, units), db (units,): a block sums STRIP rows of 32 columns;
    column_sums adds the blocks' sums.
    """
    xp, ds = array_module(dy), array_module(dy).empty_like(dy)
    grid, block = strips(*dy.shape)
    db = xp.empty((grid[0], dy.shape[1]), dy.dtype)
    launch("activation", "activation_gradient", grid, block, dy, y, slope, ds, db, *dy.shape)
    return ds, column_sums(db)
