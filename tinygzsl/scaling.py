"""Scalers for features and prototypes, fitted on training data of the seen classes only."""

from __future__ import annotations

from typing import NamedTuple

from .backend import Array, array_module


class Scaler(NamedTuple):
    """x -> (x - shift) * scale per column, then each row to length 1 if unit_rows."""

    shift: Array
    scale: Array
    unit_rows: bool = False

    def apply(self, x: Array) -> Array:
        """Scaled x (n, d); values outside the fitted range are not clipped."""
        xp = array_module(x, self.shift)
        x = (x - self.shift) * self.scale
        if not self.unit_rows:
            return x
        norm = xp.sqrt((x * x).sum(axis=1, keepdims=True))
        return x / xp.where(norm > 0, norm, xp.asarray(1, x.dtype))

    def invert(self, x: Array) -> Array:
        """The features that `apply` maps to x; a scaler of rows can't be inverted."""
        if self.unit_rows:
            raise ValueError("rows scaled to length 1 can't be scaled back; use another scaler")
        return x / self.scale + self.shift


def fit_scaler(x: Array, kind: str) -> Scaler:
    """Scaler of kind minmax, standard, l2 or none for x (n, d); constant columns become 0."""
    xp = array_module(x)
    tiny = float(xp.finfo(x.dtype).tiny)  # a smaller spread has no finite inverse
    shift, scale = xp.zeros_like(x[0]), xp.ones_like(x[0])
    if kind == "minmax":
        shift = x.min(axis=0)
        spread = x.max(axis=0) - shift
        scale = 1 / xp.where(spread > tiny, spread, xp.asarray(1, x.dtype))
    elif kind == "standard":
        shift = x.mean(axis=0, dtype="float64")
        spread = xp.where(x.max(axis=0) > x.min(axis=0), x.std(axis=0, dtype="float64"), 0)
        scale = 1 / xp.where(spread > tiny, spread, xp.asarray(1.0))
    return Scaler(shift.astype(x.dtype), scale.astype(x.dtype), kind == "l2")
