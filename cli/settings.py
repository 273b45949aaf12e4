"""`tinygzsl settings`: all settings or a group, with each preset's values, or one in full."""

import shlex
import shutil
from textwrap import wrap

import click

from .common import emit, errors_as_sentences, json_option
from .completion import complete_name

VALUE_WIDTH = 10  # of the defaults' column; longer values exceed it


@click.command()
@click.argument("name", required=False, shell_complete=complete_name)
@json_option
@errors_as_sentences
def settings(name, as_json):
    """Show the setting NAME, like gan_lr, in full, or list the group NAME, like gan.

    Without NAME, list all settings. A list has the default, which is the value of the preset paper,
    and the values of presets that differ.
    """
    from ..settings import GROUPS, PRESETS
    from ..settings.presets import check_name
    from ..settings.table import SETTINGS

    if name is None or name in GROUPS:
        facts = {n: _facts(n) for n in SETTINGS if name is None or n.startswith(f"{name}_")}
        emit({"presets": list(PRESETS), "settings": facts}, as_json=as_json, text=_listed(facts))
        return
    name = name.replace(".", "_")
    check_name(name)
    facts = _facts(name)
    emit({"name": name, **facts}, as_json=as_json, text=_text(name, facts))


def _facts(name):
    """Return the facts of a setting, as text, numbers and lists."""
    from ..settings.describe import allowed, type_name
    from ..settings.presets import preset_values
    from ..settings.table import SETTINGS

    found = SETTINGS[name]
    return {
        "type": type_name(found),
        "default": _plain(found.default),
        "allowed": allowed(found),
        "choices": list(found.choices),
        "unit": found.unit,
        "text": found.text,
        "source": found.source,
        "presets": {preset: _plain(value) for preset, value in preset_values(name).items()},
    }


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _listed(facts):
    from ..settings.table import GROUPS

    width = shutil.get_terminal_size().columns
    names = max(map(len, facts))
    lines = []
    for group in dict.fromkeys(name.split("_", 1)[0] for name in facts):
        title = GROUPS[group]
        lines += [*wrap(f"{group}: {title}", width, subsequent_indent="  ")]
        for name in (name for name in facts if name.startswith(f"{group}_")):
            values = facts[name]["presets"]
            others = {k: v for k, v in values.items() if v != values["paper"]}
            first = f"  {name:{names}}  {_word(values['paper']):{VALUE_WIDTH}}"
            lines += _wrapped(f"{first}  {_by_value(others)}".rstrip(), len(first) + 2, width)
        lines.append("")
    lines += wrap(
        "The values are those of the preset paper, and then of presets that differ. "
        "`tinygzsl settings gan_lr` describes one in full. The preset best of `tinygzsl train` has "
        "no settings: its experts are fixed.",
        width,
    )
    return "\n".join(lines)


def _text(name, facts):
    from ..runs.config import toml_value
    from ..settings.table import GROUPS

    group, key = name.split("_", 1)
    default = toml_value(facts["default"])
    python = tuple(facts["default"]) if isinstance(facts["default"], list) else facts["default"]
    pair = shlex.quote(f"{group}.{key}={_word(facts['default'])}")
    values = facts["presets"]
    same = len(set(map(str, values.values()))) == 1
    rows = {
        "group": f"{group}: {GROUPS[group]}",
        "type": facts["type"],
        "default": _word(facts["default"]),
        "choices" if facts["choices"] else "range": facts["allowed"],
        "unit": facts["unit"],
        "source": facts["source"],
        "presets": f"{_word(facts['default'])} in all" if same else _by_value(values),
    }
    ways = (
        f"tinygzsl train DATASET --set {pair}",
        f"{key} = {default}  under [{group}] in config.toml",
        f"EntropySeparationGZSL({name}={python!r})",
    )
    width = shutil.get_terminal_size().columns
    names = max(map(len, (*rows, "to set it")))
    lines = [name, "", *wrap(facts["text"], width), ""]
    for row, value in rows.items():
        if value:
            lines += _wrapped(f"  {row:{names}}  {value}", names + 4, width)
    for row, way in zip(("to set it", "", ""), ways, strict=True):
        lines.append(f"  {row:{names}}  {way}")  # not broken, so that it can be copied
    return "\n".join(lines)


def _wrapped(line, indent, width):
    """Return the line broken to this width; further lines are indented if there is room."""
    indent = indent if indent < width // 2 else 4
    return wrap(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _by_value(presets):
    """Return presets by their value: "small, auto: [1024]; letters: [256]"."""
    groups: dict[str, list[str]] = {}
    for preset, value in presets.items():
        groups.setdefault(_word(value), []).append(preset)
    return "; ".join(f"{', '.join(names)}: {value}" for value, names in groups.items())


def _word(value):
    """Return a value as for --set: words without quotes, true and false in lower case."""
    return value if isinstance(value, str) else str(value).lower()
