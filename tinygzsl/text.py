"""Text for messages: characters from data that could control a terminal or browser are escaped."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from typing import Any

CERTAIN = 0.85  # similarity, from 0 to 1, at which a name is suggested alone
LONGEST = 60  # maximum characters of a value in a sentence
# Control characters, invisible characters, those that change the direction of text, line
# separators, lone surrogates (which also stand for undecodable bytes in file names) and characters
# that XML forbids. Zero-width joiners are allowed: Persian and Hindi words need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def printable(text: str, encoding: str | None = None) -> str:
    r"""Return the text with unsafe characters escaped, as \x1b, \r or \u202e; \n and \t stay.

    If an encoding is given, characters that it can't represent are escaped too.
    """
    text = _UNSAFE.sub(_escape, text)
    return text.encode(encoding, "backslashreplace").decode(encoding) if encoding else text


def one_line(text: str) -> str:
    r"""As printable, with line ends and tabs also escaped, as \n and \t."""
    return re.sub("[\n\t]", _escape, printable(text))


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return str(value) for use in a sentence: one line, escaped, at most `longest` characters."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**longest else "a huge number"
    kept = text[: longest + 1]
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in kept)
    return clean if len(clean) <= longest else f"{clean[:longest]}..."


def quoted(value: Any, longest: int = LONGEST) -> str:
    """Return repr(value), shortened in the same way; text keeps its quotes."""
    if isinstance(value, str):
        return f"{value[:longest]!r}..." if len(value) > longest else repr(value)
    return shown(value if isinstance(value, int) else repr(value), longest)


def nearest(name: str, known: Iterable[str], *, lists_all: str = "") -> str:
    """Return the end of a sentence about an unknown name, with the nearest known names, if any.

    Upper and lower case don't matter. lists_all names the command or function that lists all
    names; without it the sentence lists them.
    """
    from difflib import get_close_matches

    names = {each.casefold(): each for each in known}
    asked, folded = name[:LONGEST].casefold(), sorted(names)
    close = get_close_matches(asked, folded, 1, CERTAIN) or get_close_matches(asked, folded, 3)
    meant = f"did you mean {' or '.join(names[each] for each in close)}? " if close else ""
    rest = f"{lists_all} lists all" if lists_all else f"known are {', '.join(names.values())}"
    return meant + rest


def warn(message: str) -> None:
    """Issue a UserWarning whose location is the line that called the package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "tinygzsl":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
