"""From preset, --config and --set to constructor parameters and a data source."""

import tomllib

TOP = ("preset", "seed", "device", "dtype")
SOURCE = ("name_or_path", "root", "split", "prototypes")


def parse_set(pairs: tuple[str, ...]) -> dict:
    """{"gan_lr": 1e-4} of ("gan.lr=1e-4",); the value is TOML (a list a tuple), or plain text."""
    settings = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"--set got {pair!r}; write it as section.key=value, like gan.lr=1e-4")
        settings[name.strip().replace(".", "_")] = _toml_value(text.strip())
    return settings


def _toml_value(text: str):
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return tuple(value) if isinstance(value, list) else value


def resolve(config: str | None, sets: tuple[str, ...], top: dict, source: dict) -> tuple:
    """Constructor parameters, checked, and load_dataset arguments.

    `top` and `source` are what the command line gives, None where it doesn't; they go before the
    config file's, and --set before both. Raises ValueError for names that do not exist, values
    out of range, and where no dataset is named at all.
    """
    from ..presets import settings_for
    from ..runs import read_config

    found, data, settings = read_config(config) if config else ({}, {}, {})
    _refuse_unknown(found, TOP, "top-level key")
    _refuse_unknown(data, SOURCE, "key of [data]")
    top = {"preset": "paper"} | found | {k: v for k, v in top.items() if v is not None}
    source = data | {k: v for k, v in source.items() if v is not None}
    if "name_or_path" not in source:
        raise ValueError(
            "no dataset is named; pass a name or a path, like `tinygzsl train letters`"
        )
    top["preset"] = dataset_preset(top["preset"], source["name_or_path"])
    settings |= parse_set(sets)
    settings_for(top["preset"], settings)
    lists_as_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    return top | lists_as_tuples, source


def dataset_preset(preset: str, dataset: str) -> str:
    """paper-awa1 for paper and awa1: the networks and rates of that dataset, where there are."""
    from ..presets import PRESETS

    own = f"{preset}-{str(dataset).casefold()}"
    return own if own in PRESETS else preset


def _refuse_unknown(given: dict, known: tuple, what: str) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}; known are {', '.join(known)}")
