"""Launches kernels/cuda/scale.cu: features scaled by columns and rows."""

from ...runtime.backend import array_module
from .launch import launch, warps


def scale_rows(x, shift, scale, unit_rows, out):
    """x (n, d), shift and scale (d,) -> out (n, d), finite (): a warp per row; a warp that finds
    NaN or inf sets a flag on the device.
    """
    bad = array_module(x).zeros(1, "int32")
    arrays = x, shift, scale, bool(unit_rows), out, bad
    launch("scale", "scale_rows", *warps(x.shape[0]), *arrays, *x.shape)
    return (bad == 0).reshape(())
