"""What the user is told. Text from data is made safe to show: what would steer a terminal or a
browser becomes visible.
"""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

LONGEST = 60  # characters of a value inside of a sentence
# Control characters, those that turn the direction of text or can't be seen, separators of lines,
# halves of surrogate pairs (bytes of a file name that are no text among them) and what XML forbids.
# Zero-width joiners stay: Persian and Hindi words need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def printable(text: str, encoding: str | None = None) -> str:
    r"""The text with unsafe characters as escapes: \x1b, \r, \u202e. Line ends and tabs stay.

    Characters that the encoding, where one is given, doesn't have become escapes too.
    """
    text = _UNSAFE.sub(_escape, text)
    return text.encode(encoding, "backslashreplace").decode(encoding) if encoding else text


def one_line(text: str) -> str:
    r"""As printable, for a name: line ends and tabs become \n and \t as well."""
    return re.sub("[\n\t]", _escape, printable(text))


def shown(value: Any, longest: int = LONGEST) -> str:
    """str(value) inside of a sentence: on one line, escaped, cut off after so many characters."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**longest else "a huge number"
    kept = text[: longest + 1]
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in kept)
    return clean if len(clean) <= longest else f"{clean[:longest]}..."


def quoted(value: Any, longest: int = LONGEST) -> str:
    """repr(value), shortened likewise; text keeps its quotes."""
    if isinstance(value, str):
        return f"{value[:longest]!r}..." if len(value) > longest else repr(value)
    return shown(value if isinstance(value, int) else repr(value), longest)


def warn(message: str) -> None:
    """A UserWarning that points at the line that called the package, however deep this one is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "tinygzsl":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _escape(match: re.Match) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
