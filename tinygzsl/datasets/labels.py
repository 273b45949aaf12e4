"""Labels from text files, as int64 or as NumPy strings."""

import numpy as np

from ..errors import InputError
from ..runtime.labels import check_labels


def labels_from_text(*columns: list[str]) -> list[np.ndarray]:
    """Turn lists of str into label arrays: int64 if every label is a plain integer, else text.

    A plain integer is text that str(int(text)) gives again: "7" is one, "007" and "+7" are not,
    as turning them into numbers could merge two different labels.
    """
    try:
        numbers = [np.array([_plain_integer(text) for text in c], np.int64) for c in columns]
    except (ValueError, OverflowError):
        return [check_labels("the column label", c or np.array([], np.str_)) for c in columns]
    return numbers


def _plain_integer(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise InputError(text)
    return number
