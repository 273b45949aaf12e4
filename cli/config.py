"""Constructor parameters and a data source from preset, --config and --set."""

import tomllib
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..text import quoted

TOP = ("preset", "seed", "device", "dtype")
SOURCE = ("name_or_path", "root", "split", "prototypes")


def parse_set(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return {"gan_lr": 1e-4} for ("gan.lr=1e-4",); values are TOML (lists as tuples) or text."""
    settings = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set got {pair!r}; write it as section.key=value, like gan.lr=1e-4")
        if name.strip() in TOP:
            raise InputError(
                f"{name.strip()} is not a setting; use --{name.strip()} {text.strip()}"
            )
        settings[name.strip().replace(".", "_")] = _toml_value(text.strip())
    return settings


def _toml_value(text: str):
    try:
        found = tomllib.loads(f"value = {text}")
    except RecursionError:
        raise InputError(
            f"--set got {quoted(text)}, whose brackets are nested too deep; write a list like "
            "[64, 32]"
        ) from None
    except ValueError:  # no TOML, or an integer of thousands of digits
        return _number_or_text(text)
    if len(found) > 1:
        raise InputError(f"--set got the lines {quoted(text)}; write one setting per --set")
    value = found["value"]
    return tuple(value) if isinstance(value, list) else value


def _number_or_text(text: str):
    """Accept .3 and 3. as numbers, which TOML doesn't."""
    try:
        return float(text)
    except ValueError:
        return text


def resolve(
    config: str | None, sets: tuple[str, ...], *, top: dict[str, Any], source: dict[str, Any]
) -> tuple[Any, ...]:
    """Return checked constructor parameters and the arguments of load_dataset.

    The parameters of preset "best" are those of fold_results too, if the config file has them.

    `top` and `source` are options of the command line: they take precedence over the config file,
    and --set over both. A dataset on the command line replaces the file's whole [data] section.
    Raises ValueError for unknown names, values out of range, a --preset that the file's settings
    would override, and if no dataset is named.
    """
    from ..runs.config import read_config
    from ..settings import BEST, settings_for

    found, data, settings = ({}, {}, {}) if config is None else read_config(config)
    _refuse_outside(found)
    _refuse_unknown(found, TOP, what="top-level key")
    _refuse_unknown(data, SOURCE, what="key of [data]")
    if "preset" in top and settings:
        raise InputError(
            f"{config} has {len(settings)} settings of its own, which --preset {top['preset']} "
            "would not change; leave one of the two out"
        )
    source = source if "name_or_path" in source else data | source
    if not isinstance(source.get("name_or_path"), str):
        raise InputError(
            "no dataset is named; pass a name or a path, like `tinygzsl train letters`"
        )
    is_letters = source["name_or_path"].casefold() == "letters"
    top = {"preset": "letters" if is_letters else "paper"} | found | top
    if top["preset"] == BEST:
        return top | _fold_results(config, sets), source
    settings |= parse_set(sets)
    settings_for(top["preset"], settings)
    top["preset"] = dataset_preset(top["preset"], source["name_or_path"])
    lists_as_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    return top | lists_as_tuples, source


def _fold_results(config: str | None, sets: tuple[str, ...]) -> dict[str, Any]:
    """Return {"fold_results": ...} of a config file that has them; ValueError if there is --set."""
    from ..settings import BEST

    if sets:
        raise InputError(
            f"--set {sets[0]} has no meaning for preset {BEST!r}, whose experts have fixed "
            "settings; leave it out, or choose experts with tinygzsl.stacking.StackedGZSL"
        )
    if config is None:
        return {}
    from ..runs.stack_config import read_fold_results

    found = read_fold_results(config)
    return {} if found is None else {"fold_results": found}


def dataset_preset(preset: str, dataset: str) -> str:
    """Return the preset for a dataset, such as paper-awa1 for paper and awa1, if there is one.

    The dataset may also be a folder of that name.
    """
    from ..datasets.find import FOLDERS
    from ..settings import PRESETS

    folder = Path(dataset).name.casefold()
    names = [name for name, folders in FOLDERS.items() if folder in folders]
    own = f"{preset}-{names[0]}" if names else preset
    return own if own in PRESETS else preset


def refuse_views(preset: str, prototypes: Any) -> None:
    """ValueError if there are several views of the prototypes and the preset takes one."""
    from ..datasets.views import single_view
    from ..settings import BEST

    if preset != BEST:
        single_view(prototypes)


def absolute_source(source: dict[str, Any]) -> dict[str, Any]:
    """Return the source with absolute paths, so that the run folder works from any folder.

    Raises ValueError for a path that a config.toml can't hold.
    """
    from ..datasets.find import FOLDERS

    name, base = source["name_or_path"], Path(source.get("root") or ".")
    if name.casefold() == "letters":
        return source
    if name.casefold() in FOLDERS:
        found = {**source, "root": str(base.resolve())}
    else:
        found = {**source, "name_or_path": str((base / name).resolve()), "root": None}
    check_utf8(found["root"] or found["name_or_path"])
    return found


def check_utf8(path: str) -> None:
    """ValueError for a path with bytes that are not UTF-8, which no text file of ours can hold."""
    from ..text import shown

    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{shown(path, 200)} has the byte {shown(path[error.start])} in its name, which is not "
            "UTF-8, so the results couldn't name it; rename it"
        ) from None


def _refuse_outside(top: dict[str, Any]) -> None:
    """ValueError for a setting that is outside the sections of a file."""
    from ..settings.table import SETTINGS

    for name in top:
        if name in SETTINGS:
            section, key = name.split("_", 1)
            raise InputError(
                f"there is no top-level key {name!r}; write {key} under [{section}], or pass --set "
                f"{section}.{key}=VALUE"
            )


def _refuse_unknown(given: dict[str, Any], known: tuple[Any, ...], *, what: str) -> None:
    from ..text import nearest

    for name in given:
        if name not in known:
            raise InputError(f"there is no {what} {quoted(name)}; {nearest(name, known)}")
