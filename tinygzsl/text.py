"""Text from data, safe to show: what would steer a terminal or a browser becomes visible."""

import re

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


def _escape(match: re.Match) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
