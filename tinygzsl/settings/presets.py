"""Named settings, and the settings of a preset with a user's own values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import InputError
from ..text import nearest, quoted
from .setting import is_a, is_finite
from .table import COMMAND, SETTINGS, Settings

_ACTION = {"gan_generator_hidden": (4096, 4096), "gan_lr": 1e-4}
_SMALL = {
    "gan_generator_hidden": (1024,),
    "gan_critic_hidden": (1024,),
    "vsmm_latent": 256,
    "vsmm_epochs": 25,
    "vsmm_reduction": "mean",
}
_LETTERS = {  # on top of _SMALL; both chosen on pseudo-unseen classes by bench/validate.py
    "scale_features": "standard",
    "gan_output": "linear",
    "vsmm_hidden": (256,),
    "vsmm_epochs": 20,
    "vsmm_gamma": 2.0,
    "router_delta_low": 0.05,
    "router_delta_high": 0.1,
}
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper-awa1": {"gan_lr": 1e-5},
    "paper-cub": {"gan_lr": 1e-4},
    "paper-hmdb51": _ACTION,
    "paper-ucf101": _ACTION,
    "small": _SMALL,
    "letters": {**_SMALL, **_LETTERS},
    "auto": _SMALL,  # the start of the search: see tuning/auto.py
}
BEST = "best"  # of `train`: StackedGZSL with its default experts, which isn't a set of settings


def settings_for(preset: str, overrides: dict[str, Any] | None = None) -> Settings:
    """Return the preset's settings with the overrides that are not None.

    Raises ValueError for an unknown preset, an unknown name or a value out of range.
    """
    if preset == BEST:
        raise InputError(
            f"preset {BEST!r} is a StackedGZSL, not settings of EntropySeparationGZSL; use "
            "tinygzsl.stacking.StackedGZSL()"
        )
    if not isinstance(preset, str) or preset not in PRESETS:
        raise InputError(f"preset is {quoted(preset)}; {nearest(str(preset), PRESETS)}")
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    for name in given:
        check_name(name)
    return replace(Settings(**PRESETS[preset]), **{k: _as_declared(k, given[k]) for k in given})


def check_name(name: str) -> None:
    """Raise ValueError, with the nearest names, unless there is a setting of that name."""
    if not isinstance(name, str):
        raise InputError(f"a setting is named {quoted(name)}; pass a name like 'gan_lr'")
    if name not in SETTINGS:
        known = nearest(name, SETTINGS, lists_all=COMMAND)
        raise InputError(f"there is no setting {quoted(name)}; {known}")


def given_settings(params: dict[str, Any]) -> dict[str, Any]:
    """Return the settings among an estimator's parameters that are given (not None)."""
    return {k: v for k, v in params.items() if k in SETTINGS and v is not None}


def preset_values(name: str) -> dict[str, Any]:
    """Return {preset: value} for the setting of that name."""
    return {preset: values.get(name, SETTINGS[name].default) for preset, values in PRESETS.items()}


def _as_declared(name: str, value: Any) -> Any:
    """Convert a value to its setting's type.

    Lists (from TOML) become tuples, whole numbers floats if the setting is a float, and NumPy's
    numbers Python's.
    """
    if isinstance(value, list | tuple):
        return tuple(v.item() if hasattr(v, "item") else v for v in value)
    if SETTINGS[name].kind is float and is_a(value, float):
        return float(value) if is_finite(value) else value
    return int(value) if is_a(value, int) else value
