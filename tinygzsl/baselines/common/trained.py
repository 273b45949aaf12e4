"""The trained parts of a baseline, as arrays and plain numbers for its file, and back.

A class declares which of its attributes predict needs, what each of them is, and how large:

    trained = {"_w": Values("d", "k"), "_net": Network("k", "d"), "_threshold": Number()}

Nothing else gets into the file, and what is read from one is checked against the declaration. Sizes
are named: S seen classes, d features and k attributes are those of the model. Any other size is
what it is where it first occurs, and must be the same wherever its name occurs again; "S + U" is
the sum of two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from ...errors import InputError
from ...nn.mlp import MLP
from ...runtime.array import Array
from ...runtime.checks import check_array, check_number, check_positive
from ...storage.arrays_file import State

MODELS, ANY = "the model's", "any"  # dtypes that have no name


class Sizes:
    """The sizes in a model by name, and the dtype of its arrays."""

    def __init__(self, dtype: np.dtype[Any], **known: int):
        self.dtype, self._known = dtype, known

    def __call__(self, size: str, found: int) -> int:
        """Return what a size must be; one that is not known yet is what was found."""
        if "+" in size:
            return sum(self._known[part.strip()] for part in size.split("+"))
        return self._known.setdefault(size, found)


class Part(Protocol):
    """One kind of attribute."""

    def state(self, name: str, value: Any) -> State:
        """Return the value as a header and arrays, all of whose names begin with `name`."""

    def restore(self, name: str, state: State, sizes: Sizes) -> Any:
        """Return the value of that name, checked; a DAMAGED error where it is missing or wrong."""


class Values:
    """An array of this shape, of the model's dtype unless another one is named."""

    def __init__(self, *shape: str, dtype: str = MODELS):
        self.shape, self.dtype = shape, dtype

    def state(self, name: str, value: Array) -> State:
        """Return the array, not a copy."""
        return State({}, {name: value})

    def restore(self, name: str, state: State, sizes: Sizes) -> Array:
        """Return the array; its numbers are finite."""
        array = state.arrays[name]
        if array.ndim != len(self.shape):
            raise InputError(f"{name} has shape {array.shape}, not ({', '.join(self.shape)})")
        shape = tuple(sizes(s, n) for s, n in zip(self.shape, array.shape, strict=True))
        if self.dtype == ANY and array.dtype.kind not in "fiub":
            raise InputError(f"{name} is {array.dtype}, not numbers")
        dtypes = {MODELS: sizes.dtype, ANY: array.dtype}
        check_array(name, array, shape, dtype=dtypes.get(self.dtype) or np.dtype(self.dtype))
        return array


class Number:
    """A finite float."""

    def __init__(self, *, positive: bool = False):
        self.positive = positive

    def state(self, name: str, value: float) -> State:
        """Return the number in the header."""
        return State({name: float(value)}, {})

    def restore(self, name: str, state: State, sizes: Sizes) -> float:
        """Return the number, in its range."""
        value = state.header[name]
        check_number(name, value)
        if self.positive:
            check_positive(name, value, dtype=sizes.dtype)
        return float(value)


class Network:
    """An MLP from n_in to n_out numbers, with any hidden layers."""

    def __init__(self, n_in: str, n_out: str):
        self.n_in, self.n_out = n_in, n_out

    def state(self, name: str, value: MLP) -> State:
        """Return activations and parameters, as MLP.state does."""
        header, arrays = value.state(name)
        return State({name: header}, arrays)

    def restore(self, name: str, state: State, sizes: Sizes) -> MLP:
        """Return the network; its layers fit together."""
        net = MLP.from_state(name, header=state.header[name], arrays=state.arrays)
        n_in, n_out = sizes(self.n_in, net.sizes[0]), sizes(self.n_out, net.sizes[-1])
        net.check(name, n_in=n_in, n_out=n_out, dtype=sizes.dtype)
        return net


class Group:
    """A NamedTuple or dict, made by kind(**parts). Entries that are not declared are left out."""

    def __init__(self, kind: Callable[..., Any], **parts: Part):
        self.kind, self.parts = kind, parts

    def state(self, name: str, value: Any) -> State:
        """Return the parts, each as name.part."""
        entries = value if isinstance(value, dict) else value._asdict()
        return joined(p.state(f"{name}.{key}", entries[key]) for key, p in self.parts.items())

    def restore(self, name: str, state: State, sizes: Sizes) -> Any:
        """Return the group of its parts."""
        parts = self.parts.items()
        return self.kind(**{key: p.restore(f"{name}.{key}", state, sizes) for key, p in parts})


def joined(states: Iterable[State]) -> State:
    """Return one state with the headers and the arrays of several, whose names differ."""
    whole = State({}, {})
    for header, arrays in states:
        whole.header.update(header)
        whole.arrays.update(arrays)
    return whole
