"""Labels as int64 or NumPy strings, from any array that holds integers or text.

Everything that takes labels takes them through `check_labels`, so that a form of labels means the
same everywhere, and what could merge two classes or change one is refused everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..text import quoted
from .backend import refuse_masked, refuse_sparse, to_host

MOST_BITS = (
    53  # of a float whose integers are taken: a longdouble has more, but Python's floats not
)
INT64 = np.iinfo(np.int64)
WANTED = "pass one integer or string label per sample, (n,)"


def check_labels(
    name: str, y: Any, *, rows: int | None = None, like: np.ndarray | None = None
) -> np.ndarray:
    """Return labels (n,) on the host, as int64 or as strings.

    Parameters
    ----------
    name : str
        What the sentences call y.
    y : array_like of shape (n,) or (n, 1)
        Integers of any type, floats that are whole numbers, text, bytes in UTF-8, or objects that
        are all numbers or all text.
    rows : int, optional
        The number of labels that there must be.
    like : array of int64 or strings, optional
        The model's classes: y must be of their kind, integers or text.

    Raises
    ------
    ValueError
        With the first value that is no label, or that int64 or the type of y can't hold exactly.
    """
    values = _column(name, y)
    if values.dtype.kind in "OT":  # T is NumPy's StringDType
        values = _from_objects(name, values)
    match values.dtype.kind:
        case "i":
            labels = values.astype(np.int64, copy=False)
        case "u":
            labels = _from_unsigned(name, values)
        case "f":
            labels = _from_floats(name, values)
        case "S":
            labels = _checked_text(name, _decoded(name, values))
        case "U":
            labels = _checked_text(name, values.astype(values.dtype.newbyteorder("="), copy=False))
        case _:
            raise _refused(name, values)
    if rows is not None and len(labels) != rows:
        raise InputError(f"{name} has {len(labels)} labels for {rows} samples; pass one per sample")
    if like is not None:
        check_same_kind(**{name: labels, "classes_": like})
    return labels


def check_same_kind(**arrays: np.ndarray) -> None:
    """Raise ValueError if some of the named label arrays hold integers and others text."""
    words = {name: "text" if a.dtype.kind == "U" else "integers" for name, a in arrays.items()}
    (first, word), *others = words.items()
    for name, other in others:
        if other != word:
            raise InputError(
                f"{first} holds {word} but {name} holds {other}; "
                "use the same kind of label everywhere"
            )


def _column(name: str, y: Any) -> np.ndarray:
    """Return y as an array (n,) of any dtype."""
    refuse_masked(y, name)
    refuse_sparse(y, name)
    # NumPy would turn [1, "a"] into text and [2**63, -1] into floats.
    values = np.array(y, object) if isinstance(y, list | tuple) else to_host(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.reshape(-1)
    if values.ndim != 1:
        raise _refused(name, values)
    return values


def _refused(name: str, values: np.ndarray, *, found: str = "") -> InputError:
    return InputError(f"{name} is {values.dtype} with shape {values.shape}{found}; {WANTED}")


def _from_objects(name: str, values: np.ndarray) -> np.ndarray:
    """Return the objects as int64, float64 or text; ValueError unless they are of one kind."""
    items = values.tolist()
    kinds = {found: _kind(found) for found in set(map(type, items))}
    if None in kinds.values() or len({*kinds.values()}) > 1:
        raise _mixed(name, values, kinds)
    if "text" in kinds.values():
        return _from_texts(name, items)
    for row, item in enumerate(items):
        if item > INT64.max or item < INT64.min:  # NaN is neither
            raise _too_large(name, item, row=row)
    whole = all(issubclass(found, int | np.integer) for found in kinds)
    return np.array(items, np.int64 if whole else np.float64)


def _mixed(name: str, values: np.ndarray, kinds: dict[type, str | None]) -> InputError:
    """Return the error that shows the first object that is no label, or of another kind."""
    items = values.tolist()
    for row, item in enumerate(items):
        kind = kinds[type(item)]
        if kind is None:
            return _refused(name, values, found=f" and holds {quoted(item)} at row {row}")
        if kind != kinds[type(items[0])]:
            found = f" and holds {quoted(items[0])} at row 0 but {quoted(item)} at row {row}"
            return _refused(name, values, found=found)
    return _refused(name, values)


def _kind(found: type) -> str | None:
    """Return whether values of that type are labels, and of which kind: bool is no number here."""
    if issubclass(found, str | bytes):
        return "text"
    is_number = issubclass(found, int | float | np.integer | np.floating)
    return "number" if is_number and not issubclass(found, bool) else None


def _from_texts(name: str, items: list[str | bytes]) -> np.ndarray:
    texts = [_text(name, item, row=row) for row, item in enumerate(items)]
    for row, text in enumerate(texts):
        if text.endswith("\0"):
            raise InputError(
                f"{name} has the label {quoted(text)} at row {row}, and NumPy drops a NUL at the "
                "end of text; rename the class"
            )
    return np.array(texts, np.str_)


def _text(name: str, item: str | bytes, *, row: int) -> str:
    try:
        return item.decode("utf-8") if isinstance(item, bytes) else item
    except UnicodeDecodeError:
        raise InputError(
            f"{name} has the label {quoted(item)} at row {row}, which is not UTF-8; decode the "
            "labels, as with numpy.char.decode(labels, 'latin-1')"
        ) from None


def _decoded(name: str, values: np.ndarray) -> np.ndarray:
    return np.array(
        [_text(name, item, row=row) for row, item in enumerate(values.tolist())], np.str_
    )


def _checked_text(name: str, labels: np.ndarray) -> np.ndarray:
    """Return labels (n,) of text; ValueError for lone surrogates, which no file can hold."""
    if labels.size and labels.dtype.itemsize:
        codes = np.ascontiguousarray(labels).view(np.uint32)
        if codes.max() >= 0xD800:  # hardly any text has characters above these
            for row, text in enumerate(labels.tolist()):
                if any("\ud800" <= character <= "\udfff" for character in text):
                    raise InputError(
                        f"{name} has the label {quoted(text)} at row {row}, which is not Unicode "
                        "text; rename the class"
                    )
    return labels


def _from_unsigned(name: str, values: np.ndarray) -> np.ndarray:
    if values.size and int(values.max()) > INT64.max:
        row = int(values.argmax())
        raise _too_large(name, int(values[row]), row=row)
    return values.astype(np.int64)


def _from_floats(name: str, values: np.ndarray) -> np.ndarray:
    """Return whole numbers (n,) as int64; ValueError where the type may have rounded a label."""
    bits = min(np.finfo(values.dtype).nmant + 1, MOST_BITS)
    whole = np.isfinite(values) & (values == np.floor(values))
    good = whole & (np.abs(values) < 2**bits)
    if not good.all():
        row = int(np.argmin(good))
        if not whole[row]:
            raise InputError(
                f"{name} has the label {float(values[row])!r} at row {row}, which is no whole "
                "number; pass integers or strings"
            )
        raise InputError(
            f"{name} has the label {float(values[row])!r} at row {row}, but {values.dtype} holds "
            f"every whole number only below 2**{bits}; pass integers or strings"
        )
    return values.astype(np.int64)


def _too_large(name: str, value: float, *, row: int) -> InputError:
    return InputError(
        f"{name} has the label {quoted(value)} at row {row}; pass labels below 2**63, or strings"
    )
