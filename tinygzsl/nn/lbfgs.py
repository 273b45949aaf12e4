"""L-BFGS: minimises a smooth function of many variables, with or without bounds.

The method is that of Nocedal and Wright, Numerical Optimization (2006), sections 3.5 and 7.2, with
bounds as in Bertsekas, Projected Newton Methods (1982). If a step changes the loss by less than its
rounding error, the line search uses slopes instead of losses, as in Hager and Zhang (2005).
Bounds are for convex problems whose weights may not be negative; PTC and SYNC use none yet.

Vectors stay on the device of `start`. Every sum has a fixed order, so the minimum has the same bits
with any number of threads if the objective has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import array_module, to_host
from ..runtime.threads import workers
from .inverse_hessian import InverseHessian, products

Objective = Callable[[Array], tuple[Array | float, Array]]

SUFFICIENT = 1e-4  # Wolfe's sufficient decrease: share of the decrease predicted by the slope
SUFFICIENT_BY_SLOPES = 0.1  # the same if the decrease is estimated from both slopes
CURVATURE = 0.9  # Wolfe's curvature condition: maximum share of the slope that remains
NOISE = 4  # rounding error of a loss, in units of its last place
TRIALS = 20  # maximum trials of a line search
LEVEL = 10  # steps without a lower loss after which slopes are no longer used
GROWTH = 10  # maximum growth of a step that is too short

GRADIENT = "no entry of the projected gradient exceeds gradient_tolerance"
DECREASE = "a step lowered the loss by no more than decrease"
ITERATIONS = "max_iterations were done"
PRECISION = "no step lowers the loss in this precision"


class NotFiniteError(FloatingPointError):
    """A loss or gradient is NaN or inf.

    what is "loss" or "gradient", evaluation the number of the evaluation, from 1.
    """

    def __init__(self, what: str, evaluation: int):
        super().__init__(f"the {what} is NaN or inf at evaluation {evaluation}; scale the problem")
        self.what, self.evaluation = what, evaluation


@dataclass(frozen=True, kw_only=True, eq=False)
class Minimum:
    """The result of a minimisation.

    x, gradient  (n,), on the device of `start`
    loss         the loss at x
    iterations   the number of steps
    evaluations  the number of evaluations of the objective
    reason       why it ended
    """

    x: Array
    loss: float
    gradient: Array
    iterations: int
    evaluations: int
    reason: str


def minimize(
    objective: Objective,
    start: Array,
    *,
    lower: Array | float | None = None,
    upper: Array | float | None = None,
    memory: int = 10,
    max_iterations: int,
    gradient_tolerance: float,
    decrease: float,
    callback: Callable[[int, Array], None] | None = None,
) -> Minimum:
    """Return a local minimum of the objective; if this is convex, it is the global one.

    Parameters
    ----------
    objective : function
        From x (n,) to the loss and its gradient (n,). It must not change x. The dtypes state the
        precision: the coarser of the two gives the loss's rounding error. A loss that is a Python
        float counts as float64, so its gradient should be in the dtype it was computed in.
    start : array (n,)
        The initial x; values out of bounds are moved to the bounds. x has its dtype.
    lower, upper : array (n,) or float, optional
        Bounds of x, which may be infinite or equal. The objective is only evaluated within them.
    memory : int
        Number of last steps from which the curvature is estimated, at least 1.
    max_iterations : int
        Maximum number of steps.
    gradient_tolerance : float
        The search ends if no entry of the projected gradient, P(x - gradient) - x with P the
        projection on the bounds, exceeds this.
    decrease : float
        The search ends after a step that lowers the loss by at most this, or by at most this share
        of the loss if the loss exceeds 1.
    callback : function, optional
        Called after each step with its number, from 1, and x.

    Raises
    ------
    NotFiniteError
        If a loss or gradient is NaN or inf.
    TypeError
        If `start` is not an array.
    ValueError
        If `start` is empty or not one-dimensional, memory is less than 1, a lower bound exceeds its
        upper one, or a bound is NaN.
    """
    _check(start, memory)
    xp = array_module(start)
    x = xp.array(start, dtype=np.result_type(start.dtype, np.float32))
    low, high = _bounds(x, lower, upper)
    problem = _Problem(objective, low, high)
    with workers():  # BLAS with threads of its own sums in another order
        point, h = problem.at(problem.clip(x)), InverseHessian(x, memory)
        iterations, level, best, reason = 0, 0, point.loss, None
        while reason is None:
            if point.steepest <= gradient_tolerance:
                reason = GRADIENT
            elif iterations == max_iterations:
                reason = ITERATIONS
            elif (step := _line_search(problem, point, h, decrease=decrease)) is not None:
                before, point, iterations = point, step.point, iterations + 1
                h.keep(point.with_change, point.with_gradient)
                if callback:
                    callback(iterations, point.x)
                least = decrease * max(abs(before.loss), abs(point.loss), 1)
                by_slopes = -(step.start + step.end) / 2  # losses may be equal up to rounding
                level = 0 if point.loss < best else level + 1
                best = min(best, point.loss)
                if before.loss - point.loss <= least and (by_slopes <= least or level >= LEVEL):
                    reason = DECREASE
            elif h.order:
                h.forget()
            else:
                reason = PRECISION
    return Minimum(
        x=point.x,
        loss=point.loss,
        gradient=point.gradient,
        iterations=iterations,
        evaluations=problem.evaluations,
        reason=reason,
    )


def _check(start: Array, memory: int) -> None:
    """Raise TypeError or ValueError if these can't be used."""
    if not hasattr(start, "dtype"):
        raise TypeError(f"start is of type {type(start).__name__}; pass an array (n,)")
    if start.ndim != 1 or not start.size:
        raise InputError(f"start has the shape {start.shape}; pass an array (n,) with n >= 1")
    if memory < 1:
        raise InputError(f"memory is {memory}; pass the number of steps to remember, at least 1")


def _bounds(
    x: Array, lower: Array | float | None, upper: Array | float | None
) -> tuple[Array | None, Array | None]:
    """Return both bounds as arrays (n,), or None and None without bounds."""
    if lower is None and upper is None:
        return None, None
    xp = array_module(x)
    everywhere = xp.zeros(x.shape, x.dtype)
    lower = everywhere + xp.asarray(-math.inf if lower is None else lower, x.dtype)
    upper = everywhere + xp.asarray(math.inf if upper is None else upper, x.dtype)
    wrong = np.flatnonzero(~to_host(lower <= upper))
    if wrong.size:
        low, high = (float(bound[wrong[0]]) for bound in (lower, upper))
        raise InputError(
            f"the bounds of variable {wrong[0]} are {low:g} and {high:g}; pass numbers with "
            "lower <= upper"
        )
    return lower, upper


@dataclass(frozen=True, kw_only=True, eq=False)
class _Point:
    """The objective at x.

    greatest and steepest are the largest entries of the gradient and of the projected gradient,
    noise is the rounding error of the loss. with_change and with_gradient are the products of all
    pairs with the trial's change of the gradient and with its gradient.
    """

    x: Array
    loss: float
    gradient: Array
    greatest: float
    steepest: float
    noise: float
    with_change: np.ndarray
    with_gradient: np.ndarray


class _Problem:
    """The objective with its bounds, and the number of its evaluations."""

    def __init__(self, objective: Objective, lower: Array | None, upper: Array | None):
        self.objective, self.lower, self.upper = objective, lower, upper
        self.evaluations, self.precision = 0, 0.0

    @property
    def bounded(self) -> bool:
        """Whether there are bounds."""
        return self.lower is not None

    def clip(self, x: Array) -> Array:
        """Return the projection of x on the bounds."""
        if self.lower is None or self.upper is None:
            return x
        xp = array_module(x)
        return xp.minimum(xp.maximum(x, self.lower), self.upper)

    def at(
        self, x: Array, *, before: _Point | None = None, h: InverseHessian | None = None
    ) -> _Point:
        """Evaluate at x, with one copy to the host; h gets the change since `before`."""
        xp = array_module(x)
        self.evaluations += 1
        loss, gradient = self.objective(x)
        if self.evaluations == 1:
            self.precision = _precision(getattr(loss, "dtype", np.float64), gradient.dtype)
        gradient = gradient.astype(x.dtype)  # a copy, as the objective may reuse its array
        projected = self.clip(x - gradient) - x if self.bounded else gradient
        scalars = loss, xp.abs(gradient).max(), xp.abs(projected).max()
        parts = [xp.asarray(scalar, np.float64).reshape(1) for scalar in scalars]
        if h is not None and before is not None:
            h.change[...] = gradient - before.gradient
            parts += [products(h.rows, h.change), products(h.rows, gradient)]
        numbers = to_host(xp.concatenate(parts))
        loss, greatest, steepest = numbers[:3].tolist()
        if not math.isfinite(loss + greatest):
            raise NotFiniteError("gradient" if math.isfinite(loss) else "loss", self.evaluations)
        sums = numbers[3:].reshape(2, -1)
        return _Point(
            x=x,
            loss=loss,
            gradient=gradient,
            greatest=greatest,
            steepest=steepest,
            noise=NOISE * self.precision * abs(loss),
            with_change=sums[0],
            with_gradient=sums[1],
        )


def _precision(*dtypes: DTypeLike) -> float:
    """Return the rounding error of 1 in the coarsest of the dtypes."""
    return max(float(np.finfo(np.result_type(dtype, np.float16)).eps) for dtype in dtypes)


def _direction(problem: _Problem, point: _Point, h: InverseHessian) -> tuple[Array, float]:
    """Return the direction (n,), and the step size beyond which all variables are at bounds.

    With bounds the direction is -H g of the free variables. A variable that the gradient moves to a
    near bound takes a step of steepest descent instead: H would mix it with the others, and their
    projected step might not be a descent step.
    """
    xp, x, g = array_module(point.x), point.x, point.gradient
    if h.order:
        scale = h.scale
    else:
        unit = g / point.greatest  # the squares of g itself might overflow or be 0
        scale = min(1.0, 1 / point.greatest / math.sqrt(float(products(unit[None], unit)[0])))
    if not problem.bounded:
        return (h.descent(g) if h.order else -scale * g), math.inf
    lower, upper, steepest = problem.lower, problem.upper, problem.clip(x - scale * g) - x
    near = xp.abs(steepest).max()
    pushed = ((x - lower <= near) & (g > 0)) | ((upper - x <= near) & (g < 0))
    step = h.descent_of_free(g, ~pushed) if h.order else None
    step = -scale * g if step is None else xp.where(pushed, steepest, step)
    room = xp.where(step > 0, upper - x, xp.where(step < 0, lower - x, 0))
    return step, float((room / xp.where(step == 0, 1, step)).max())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """A step s: its size in units of the direction, its end point, and s^T g at start and end."""

    size: float
    point: _Point
    start: float
    end: float


def _line_search(
    problem: _Problem, point: _Point, h: InverseHessian, *, decrease: float
) -> _Trial | None:
    """Return a step that satisfies the Wolfe conditions, or at least lowers the loss.

    The result is None if no step lowers the loss by more than its rounding error and `decrease`.
    """
    direction, longest = _direction(problem, point, h)

    def trial(size: float) -> _Trial:
        h.step[...] = size * direction
        if problem.bounded:
            h.step[...] = problem.clip(point.x + h.step) - point.x
        new = problem.at(problem.clip(point.x + h.step), before=point, h=h)
        end, change = new.with_gradient[2 * h.place], new.with_change[2 * h.place]
        return _Trial(size=size, point=new, start=end - change, end=end)

    least = max(point.noise, decrease * max(abs(point.loss), 1))
    above, before, size = None, None, min(1.0, longest)
    for _ in range(TRIALS):
        new = trial(size)
        here = _Edge(size=size, loss=new.point.loss, slope=new.end / size)
        if before is None:
            before = below = _Edge(size=0.0, loss=point.loss, slope=new.start / size)
        if not _falls(point, new):
            if below.size == 0 and abs(new.start) <= least:
                return None
            above = here
        elif new.end < CURVATURE * new.start and size < longest:
            before, below = below, here
        else:
            return new
        size = _between(below, above) if above else min(_beyond(before, below), longest)
    return trial(below.size) if below.size else None


def _falls(point: _Point, new: _Trial) -> bool:
    """Return whether the loss decreases sufficiently, by the slopes if rounding hides this."""
    if new.start >= 0:  # a projected step may not be a descent step
        return False
    rise = new.point.loss - point.loss
    if rise <= SUFFICIENT * new.start:
        return True
    return rise <= point.noise and new.end <= (2 * SUFFICIENT_BY_SLOPES - 1) * new.start


@dataclass(frozen=True, kw_only=True, eq=False)
class _Edge:
    """A step size, its loss, and the derivative of the loss by step size."""

    size: float
    loss: float
    slope: float


def _between(below: _Edge, above: _Edge) -> float:
    """Return the size that minimises a cubic through both edges, kept away from the edges."""
    width = above.size - below.size
    mean = 3 * (above.loss - below.loss) / width
    bend = below.slope + above.slope - mean
    root = bend * bend - below.slope * above.slope
    share = 0.5
    if root >= 0:
        across = above.slope - below.slope + 2 * math.sqrt(root)
        if across > 0:
            share = 1 - (above.slope + math.sqrt(root) - bend) / across
    return below.size + width * min(max(share, 0.1), 0.9)


def _beyond(before: _Edge, below: _Edge) -> float:
    """Return the size at which a line through both slopes is 0, limited by GROWTH."""
    bend = (below.slope - before.slope) / (below.size - before.size)
    size = below.size - below.slope / bend if bend > 0 else math.inf
    return min(max(size, 1.1 * below.size), GROWTH * below.size)
