"""Text from files inside of sentences: one line, nothing that a terminal obeys, not too long."""

from __future__ import annotations

from typing import Any

LONGEST = 60


def shown(value: Any, longest: int = LONGEST) -> str:
    """str(value) with anything unprintable as "?", cut off after so many characters."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**longest else "a huge number"
    clean = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return clean if len(clean) <= longest else f"{clean[:longest]}..."


def quoted(value: Any, longest: int = LONGEST) -> str:
    """repr(value), shortened likewise; text keeps its quotes."""
    if isinstance(value, str):
        return f"{value[:longest]!r}..." if len(value) > longest else repr(value)
    return shown(value if isinstance(value, int) else repr(value), longest)
