"""Pieces of a report's HTML. Whatever is not `Html` already is escaped, class names above all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ..text import printable
from .style import STYLE


class Html(str):
    """Text that is HTML already."""


def text(value: Any) -> Html:
    """The value as HTML: escaped, unless it is Html."""
    if isinstance(value, Html):
        return value
    return Html(escape(printable(str(value))))


def breakable(name: str) -> Html:
    """A name that a narrow column may break after its underscores."""
    return Html(text(name).replace("_", "_<wbr>"))


def element(tag: str, *content: Any, **attributes: Any) -> Html:
    """<tag attributes>content</tag>; class_ is written class, None leaves an attribute out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>{''.join(map(text, content))}</{tag}>")


def table(headers: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str) -> Html:
    """A table in a box that scrolls sideways; the first cell of a row is its header."""
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
    """A box around what may be wider than the page; it takes the focus, to scroll by keyboard."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label=label)


def section(name: str, title: str, *content: Any) -> Html:
    """A section under a heading that the page's navigation can lead to."""
    parts = "\n".join(map(text, content))
    return element("section", element("h2", title), "\n", Html(parts), "\n", id=name)


def paragraph(*content: Any) -> Html:
    """A paragraph."""
    return element("p", *content)


def page(title: str, content: Html) -> str:
    """The whole page: no script, and nothing that a browser would fetch."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
