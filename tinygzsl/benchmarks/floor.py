"""The floor of a piece of work: the least time it can take at the machine's measured limits.

A step is a list of phases, each with its operations (a multiply-add is two) and the bytes that must
move if every matrix is read and written once. Its floor is the sum over the phases of
max(operations / peak, bytes / bandwidth), both measured in the same run (machine.py). The loops
between the products are left out, as at best their data are in the cache.

The operations are those of the algebra of the fused step, not of the plain formulas:

- a critic step has 2n rows forward (real and fake; x^ needs no product), n rows for the input
  gradient, n for its backward pass, and one product of 3n rows for dW, all d x h;
- prototypes take few distinct values, so W_a a is a table of at most `classes` columns;
- the fakes of all critic steps come from one product, and the generator step needs no dW of the
  critic;
- Adam moves 28 bytes per float32 parameter: p, g, m and v are read, p, m and v written.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from .machine import Machine

FLOAT = 4  # bytes; the floor is for float32
ADAM = 28  # bytes per parameter


class Phase(NamedTuple):
    """The operations and bytes of one phase."""

    name: str
    operations: int
    bytes: int


def floor_seconds(phases: list[Phase], machine: Machine) -> float:
    """Return the sum over the phases of the slower of the two limits, in seconds."""
    return sum(
        max(phase.operations / machine.peak, phase.bytes / machine.bandwidth) for phase in phases
    )


def product(name: str, *, rows: int, inner: int, columns: int) -> Phase:
    """Return the phase of the product of a (rows, inner) and an (inner, columns) matrix."""
    moved = rows * inner + inner * columns + rows * columns
    return Phase(name, 2 * rows * inner * columns, FLOAT * moved)


def adam(name: str, parameters: int) -> Phase:
    """Return the phase of one update of that many parameters."""
    return Phase(name, 0, ADAM * parameters)


def critic_step(*, d: int, k: int, h: int, batch: int, classes: int) -> list[Phase]:
    """Return the phases of one step of a critic [x, a] (d + k) -> h -> 1 with given fakes."""
    table = min(classes, batch)
    return [
        product("real and fake forward", rows=2 * batch, inner=d, columns=h),
        product("prototype table", rows=table, inner=k, columns=h),
        product("input gradient", rows=batch, inner=h, columns=d),
        product("its backward pass", rows=batch, inner=d, columns=h),
        product("weight gradient", rows=h, inner=3 * batch, columns=d),
        product("its prototype part", rows=h, inner=table, columns=k),
        adam("Adam, critic", (d + k + 1) * h + h + 1),
    ]


def outer_step(
    *, d: int, k: int, h: int, batch: int, classes: int, hidden: tuple[int, ...], critic_steps: int
) -> list[Phase]:
    """Return the phases of critic_steps critic steps and a generator step (2k) -> hidden -> d."""
    widths = [*hidden, d]
    fakes = critic_steps * batch
    phases = _generator_forward("fakes", rows=fakes, k=k, widths=widths, classes=classes)
    phases += critic_steps * critic_step(d=d, k=k, h=h, batch=batch, classes=classes)
    phases += _generator_forward(
        "generator forward", rows=batch, k=k, widths=widths, classes=classes
    )
    phases += [
        product("critic forward", rows=batch, inner=d, columns=h),
        product("critic input gradient", rows=batch, inner=h, columns=d),
        product("generator dW, noise", rows=widths[0], inner=batch, columns=k),
        product("generator dW, prototypes", rows=widths[0], inner=min(classes, batch), columns=k),
    ]
    for n_in, n_out in pairwise(widths):
        phases.append(product("generator dW", rows=n_out, inner=batch, columns=n_in))
        phases.append(product("generator dh", rows=batch, inner=n_out, columns=n_in))
    parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise([2 * k, *widths]))
    return [*phases, adam("Adam, generator", parameters)]


def _generator_forward(
    name: str, *, rows: int, k: int, widths: list[int], classes: int
) -> list[Phase]:
    first = [
        product(f"{name}, noise", rows=rows, inner=k, columns=widths[0]),
        product(f"{name}, prototype table", rows=min(classes, rows), inner=k, columns=widths[0]),
    ]
    return first + [
        product(name, rows=rows, inner=n_in, columns=n_out) for n_in, n_out in pairwise(widths)
    ]


def vsmm_step(*, d: int, k: int, m: int, classes: int, batch: int, proxies: int) -> list[Phase]:
    """Return the phases of one step of the linear VSMM on `batch` samples and `proxies` proxies."""
    rows, table = batch + proxies, min(classes, batch)
    parameters = (d + 1) * m + (m + 1) * d + (k + 1) * m + (m + 1) * classes
    return [
        product("f_v", rows=rows, inner=d, columns=m),
        product("C", rows=rows, inner=m, columns=classes),
        product("g", rows=batch, inner=m, columns=d),
        product("f_s", rows=table, inner=k, columns=m),
        product("C dW", rows=classes, inner=rows, columns=m),
        product("C dx", rows=rows, inner=classes, columns=m),
        product("g dW", rows=d, inner=batch, columns=m),
        product("g dx", rows=batch, inner=d, columns=m),
        product("f_s dW", rows=m, inner=table, columns=k),
        product("f_v dW", rows=m, inner=rows, columns=d),
        adam("Adam", parameters),
    ]


def softmax(rows: int, classes: int) -> list[Phase]:
    """Return the phase of both losses and their gradient, each array read or written once."""
    return [Phase("softmax", 0, FLOAT * (2 * rows * classes + 4 * rows) + 8 * rows)]


def route(*, rows: int, d: int, m: int, seen: int, unseen: int) -> list[Phase]:
    """Return the phases of routing: embedding (which can include scaling), logits, distances."""
    return [
        product("f_v", rows=rows, inner=d, columns=m),
        product("C", rows=rows, inner=m, columns=seen),
        product("F", rows=rows, inner=m, columns=seen + unseen),
    ]
