"""Building blocks of a report's HTML. Values that are not `Html` (class names too) are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ..text import printable
from .style import STYLE


class Html(str):
    """A str that holds HTML and must not be escaped again."""


def text(value: Any) -> Html:
    """Return the value as HTML, escaped unless it is Html."""
    if isinstance(value, Html):
        return value
    return Html(escape(printable(str(value))))


def breakable(name: str) -> Html:
    """Return a name that a narrow column may break after underscores."""
    return Html(text(name).replace("_", "_<wbr>"))


def element(tag: str, *content: Any, **attributes: Any) -> Html:
    """Return <tag attributes>content</tag>; class_ is written as class, None omits an attribute."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>{''.join(map(text, content))}</{tag}>")


def table(headers: Sequence[Any], rows: Iterable[Sequence[Any]], *, caption: str) -> Html:
    """Return a table in a box that scrolls sideways; the first cell of a row is its header."""
    head = element("tr", *(element("th", h, scope="col") for h in headers))
    body = "".join(
        element("tr", element("th", first, scope="row"), *map(_cell, rest)) + "\n"
        for first, *rest in rows
    )
    return scrolled(
        element(
            "table",
            element("caption", element("span", caption)),
            element("thead", head),
            "\n",
            element("tbody", Html(body)),
        ),
        caption,
    )


def _cell(value: Any) -> Html:
    if isinstance(value, Html) and value.startswith("<td"):
        return value
    return element("td", value)


def scrolled(content: Html, label: str) -> Html:
    """Return a scrollable box around wide content; it is focusable, for scrolling by keyboard."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label=label)


def section(name: str, title: str, *content: Any) -> Html:
    """Return a section with a heading and an id for the page's navigation."""
    parts = "\n".join(map(text, content))
    return element("section", element("h2", title), "\n", Html(parts), "\n", id=name)


def paragraph(*content: Any) -> Html:
    """Return a paragraph."""
    return element("p", *content)


def page(title: str, content: Html) -> str:
    """Return the whole page, without scripts and without external resources."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
