"""What a shell offers for the names of settings and presets, where its completion is set up."""

import click
from click.shell_completion import CompletionItem


def complete_name(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the settings whose names start with the typed text, with a dot if it has one."""
    return [CompletionItem(name, help=text) for name, text in _names(incomplete)]


def complete_set(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return, for --set, the settings whose names start with the typed text.

    After the equals sign these are the allowed words that start with the text behind it.
    """
    from ..settings.table import SETTINGS

    name, equals, value = incomplete.partition("=")
    if not equals:
        dotted = incomplete if "." in incomplete else incomplete.replace("_", ".", 1)
        return [CompletionItem(f"{name}=", help=text) for name, text in _names(dotted, dots=True)]
    setting = SETTINGS.get(name.replace(".", "_"))
    if setting is None:
        return []
    words = ("true", "false") if setting.kind is bool else setting.choices
    return [CompletionItem(f"{name}={word}") for word in words if word.startswith(value)]


def complete_preset(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the presets whose names start with the typed text."""
    from ..settings import PRESETS

    return [CompletionItem(name) for name in PRESETS if name.startswith(incomplete)]


def complete_preset_or_best(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the presets of a command that trains "best" too."""
    from ..settings import BEST

    best = [CompletionItem(BEST)] if BEST.startswith(incomplete) else []
    return complete_preset(ctx, param, incomplete) + best


def _names(incomplete: str, dots: bool = False) -> list[tuple[str, str]]:
    """Return the settings whose names start with the typed text, with their first sentences."""
    from ..settings.describe import summary
    from ..settings.table import SETTINGS

    dots = dots or "." in incomplete
    shown = {n.replace("_", ".", 1) if dots else n: found for n, found in SETTINGS.items()}
    return [(name, summary(found)) for name, found in shown.items() if name.startswith(incomplete)]
