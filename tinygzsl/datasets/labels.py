"""Labels from files, as int64 or as NumPy strings."""

import numpy as np
from numpy.typing import ArrayLike

from ..text import quoted


def as_labels(values: ArrayLike, name: str) -> np.ndarray:
    """Return values (n,) as an int64 or a string array.

    Floats without a fraction count as integers, since many tools save labels in this way. Raises
    ValueError, with the array's name, for anything else.
    """
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; expected one label per row, (n,)")
    kind = values.dtype.kind
    if kind == "U":
        return values
    if kind == "S":
        return np.char.decode(values, "utf-8")
    if kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values))
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(
                f"{name} holds {quoted(values[row].item())} at row {row}; "
                "labels must be integers or strings"
            )
        return values.astype(np.int64)
    if kind in "iu":
        return values.astype(np.int64)
    raise ValueError(f"{name} has dtype {values.dtype}; labels must be integers or strings")


def check_same_kind(**arrays: np.ndarray) -> None:
    """Raise ValueError if some of the named label arrays hold integers and others text."""
    words = {name: "text" if a.dtype.kind == "U" else "integers" for name, a in arrays.items()}
    (first, word), *others = words.items()
    for name, other in others:
        if other != word:
            raise ValueError(
                f"{first} holds {word} but {name} holds {other}; "
                "use the same kind of label everywhere"
            )


def labels_from_text(*columns: list[str]) -> list[np.ndarray]:
    """Turn lists of str into label arrays: int64 if every label is a plain integer, else text.

    A plain integer is text that str(int(text)) gives again: "7" is one, "007" and "+7" are not,
    as turning them into numbers could merge two different labels.
    """
    try:
        numbers = [np.array([_plain_integer(text) for text in c], np.int64) for c in columns]
    except (ValueError, OverflowError):
        return [np.array(c, dtype=np.str_) for c in columns]
    return numbers


def _plain_integer(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise ValueError(text)
    return number
