"""Every hyper-parameter with its default, and the named presets.

A name's first part is its section in a run's config.toml: gan_lr is `lr` under `[gan]`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from numbers import Integral, Real
from sys import float_info
from typing import Any

from .text import quoted


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All hyper-parameters. The defaults are the `paper` preset's."""

    # scaling, fitted on training samples and on seen prototypes
    scale_features: str = "minmax"  # minmax, standard or none
    scale_prototypes: str = "l2"  # l2 (each row to length 1), minmax, standard or none

    # CWGAN, eq. 6; the networks and rates of f-CLSWGAN
    gan_generator_hidden: tuple[int, ...] = (4096,)
    gan_critic_hidden: tuple[int, ...] = (4096,)
    gan_activation: str = "leaky_relu"
    gan_output: str = "relu"  # relu or sigmoid for minmax features, linear for standard ones
    gan_latent: int = 0  # width of the noise z; 0 takes the prototypes' width
    gan_lr: float = 1e-4
    gan_beta1: float = 0.5
    gan_beta2: float = 0.999
    gan_penalty: float = 10.0  # lambda
    gan_critic_steps: int = 5  # per step of the generator
    gan_batch: int = 64
    gan_max_epochs: int = 60  # an epoch is N / gan_batch steps of the generator
    gan_train_on: bool = False  # go on to gan_max_epochs after the window has been passed

    # PTC, the pre-trained classifier behind the confidence score
    ptc_solver: str = "lbfgs"  # or adam
    ptc_l2: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # best held-out log-loss wins
    ptc_lr: float = 1e-3  # Adam only, like the next two
    ptc_epochs: int = 50
    ptc_batch: int = 100

    # confidence score, eq. 7, and its window s_l < CS < s_h
    cs_unit: str = "relative"  # ln CS / ln CS of held-out real samples; or absolute
    cs_low: float = 0.40  # s_l
    cs_high: float = 0.70  # s_h
    cs_per_class: int = 25  # generated samples per seen class that are scored
    cs_held_out: float = 0.2  # share of the training samples that gives the reference

    # proxies
    proxy_count: int = 4000
    proxy_from: str = "single"  # the first snapshot in the window; or pool, all of them

    # VSMM, eqs. 3-5, 8 and 9
    vsmm_latent: int = 512  # m
    vsmm_hidden: tuple[int, ...] = ()  # hidden ReLU layers of f_v, g and f_s; () is linear
    vsmm_lr: float = 1e-3
    vsmm_beta1: float = 0.9
    vsmm_beta2: float = 0.999
    vsmm_epochs: int = 40
    vsmm_batch: int = 128
    vsmm_reduction: str = "sum"  # of eqs. 3 and 4 over the dimensions; or mean
    vsmm_weight_ae: float = 1.0  # eq. 3
    vsmm_weight_le: float = 1.0  # eq. 4
    vsmm_weight_clf: float = 1.0  # cross-entropy of C
    vsmm_weight_es: float = 1.0  # eq. 8; 0 trains without proxies, hence without a GAN
    vsmm_gamma: float = 1.0  # the margin of eq. 8, nats

    # router: eq. 10, or the soft gate sigmoid((bias - H / ln S) / width)
    router_gate: str = "hard"  # hard is eq. 10; or soft
    router_unit: str = "nats"  # hard: of the next two; or measured, see gates/units.py
    router_delta_low: float = 0.5  # hard
    router_delta_high: float = 1.5  # hard
    router_held_out: float = 0.1  # measured: share of the seen samples kept out of training
    router_bias: float = 0.1  # soft: the entropy where the gate is 1/2, a fraction of ln S
    router_width: float = 0.4  # soft: a fraction of ln S
    router_tau: float = 0.2  # soft: softmax(F / tau), in standard deviations of training scores
    router_metric: str = "euclidean"  # F of eqs. 1 and 2: euclidean, dot or cosine
    router_temperature: float = 1.0  # tau in .score = softmax(F / tau)

    def __post_init__(self):
        check(self)

    def sections(self) -> dict[str, dict[str, Any]]:
        """{section: {key: value}}, as in config.toml."""
        nested: dict[str, dict[str, Any]] = {}
        for name, value in asdict(self).items():
            section, key = name.split("_", 1)
            nested.setdefault(section, {})[key] = value
        return nested


CHOICES = {
    "scale_features": ("minmax", "standard", "none"),
    "scale_prototypes": ("l2", "minmax", "standard", "none"),
    "gan_output": ("relu", "sigmoid", "linear"),
    "gan_activation": ("leaky_relu", "relu", "tanh", "softplus"),
    "ptc_solver": ("lbfgs", "adam"),
    "cs_unit": ("relative", "absolute"),
    "proxy_from": ("single", "pool"),
    "vsmm_reduction": ("sum", "mean"),
    "router_gate": ("hard", "soft"),
    "router_unit": ("nats", "measured"),
    "router_metric": ("euclidean", "dot", "cosine"),
}
MAY_BE_ZERO = {
    "gan_latent",
    "gan_beta1",
    "vsmm_beta1",
    "gan_penalty",
    "cs_low",
    "vsmm_weight_ae",
    "vsmm_weight_le",
    "vsmm_weight_clf",
    "vsmm_weight_es",
    "vsmm_gamma",
    "router_delta_low",
    "router_delta_high",
    "router_bias",
}
BELOW_ONE = ("gan_beta1", "gan_beta2", "vsmm_beta1", "vsmm_beta2", "cs_held_out", "router_held_out")


def check(settings: Settings) -> None:
    """ValueError, one sentence, for the first setting of a wrong type or out of its range."""
    for field in fields(Settings):
        value = getattr(settings, field.name)
        _check_type(field.name, value, field.default)
        if field.name in CHOICES and value not in CHOICES[field.name]:
            raise ValueError(
                f"{field.name} is {quoted(value)}; pass one of {', '.join(CHOICES[field.name])}"
            )
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, str | bool):
                continue
            if not (number >= 0 and is_finite(number)) or (
                number == 0 and field.name not in MAY_BE_ZERO
            ):
                least = "0 or more" if field.name in MAY_BE_ZERO else "more than 0"
                raise ValueError(
                    f"{field.name} is {quoted(value)}; pass a finite number of {least}"
                )
            if field.name in BELOW_ONE and number >= 1:
                raise ValueError(f"{field.name} is {quoted(value)}; pass a number below 1")
    _check_pairs(settings)


def _check_type(name: str, value: Any, default: Any) -> None:
    kind = type(default)
    if kind is tuple:
        entry = float if name == "ptc_l2" else int
        good = isinstance(value, tuple) and all(_is(v, entry) for v in value)
        if not good or (not value and name == "ptc_l2"):
            kinds = "numbers" if entry is float else "whole numbers"
            raise ValueError(
                f"{name} is {quoted(value)}; pass a list of {kinds}, like {list(default)}"
            )
    elif not _is(value, kind):
        word = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
        raise ValueError(f"{name} is {quoted(value)}; pass {word[kind]}, like {default!r}")


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, {int: Integral, float: Real}.get(kind, kind))


def _check_pairs(settings: Settings) -> None:
    if settings.cs_low >= settings.cs_high:
        raise ValueError(
            f"cs_low is {settings.cs_low} and cs_high {settings.cs_high}; the window needs "
            "cs_low < cs_high"
        )
    if settings.cs_unit == "absolute" and settings.cs_high <= 1:
        raise ValueError(
            f"cs_high is {settings.cs_high} but an absolute CS is at least 1; give the window as "
            "numbers between 1 and the number of seen classes"
        )
    if settings.router_delta_low > settings.router_delta_high:
        raise ValueError(
            f"router_delta_low is {settings.router_delta_low} and router_delta_high "
            f"{settings.router_delta_high}; eq. 10 needs delta_low <= delta_high"
        )
    if settings.router_unit == "measured" and settings.router_gate == "soft":
        raise ValueError(
            "router_unit is 'measured', a unit of eq. 10's thresholds, but router_gate is 'soft'; "
            "pass router_gate='hard' or router_unit='nats'"
        )
    if settings.router_unit == "measured" and settings.vsmm_weight_es == 0:
        raise ValueError(
            "router_unit is 'measured', which needs proxies, but vsmm_weight_es is 0; raise it, or "
            "pass router_unit='nats'"
        )


_ACTION = {"gan_generator_hidden": (4096, 4096), "gan_lr": 1e-4}
_SMALL = {
    "gan_generator_hidden": (1024,),
    "gan_critic_hidden": (1024,),
    "vsmm_latent": 256,
    "vsmm_epochs": 25,
    "vsmm_reduction": "mean",
}
_LETTERS = {  # beside _SMALL; both were chosen on pseudo-unseen classes by bench/validate.py
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
    "auto": _SMALL,  # where fit begins its search: see tuning/auto.py
}


def settings_for(preset: str, overrides: dict[str, Any] | None = None) -> Settings:
    """The preset's settings with the overrides that are not None.

    Raises ValueError for an unknown preset, an unknown name or a value out of range.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(f"preset is {quoted(preset)}; pass one of {', '.join(PRESETS)}")
    names = {field.name for field in fields(Settings)}
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    for name in given:
        if name not in names:
            raise ValueError(f"there is no setting {quoted(name)}; {_nearest(name, names)}")
    return replace(Settings(**PRESETS[preset]), **{k: _as_declared(k, given[k]) for k in given})


def given_settings(params: dict[str, Any]) -> dict[str, Any]:
    """The hyper-parameters among an estimator's parameters that are set, not left to the preset."""
    names = {field.name for field in fields(Settings)}
    return {k: v for k, v in params.items() if k in names and v is not None}


def _as_declared(name: str, value: Any) -> Any:
    """Lists, which TOML has, as tuples; whole numbers as floats where a float is meant; and the
    numbers of NumPy as those of Python.
    """
    if isinstance(value, list | tuple):
        return tuple(v.item() if hasattr(v, "item") else v for v in value)
    if isinstance(getattr(Settings, name), float) and _is(value, float):
        return float(value) if is_finite(value) else value
    return int(value) if _is(value, int) else value


def is_finite(number: Real) -> bool:
    """Whether a number is finite as a float too: whole numbers of a file may have any length."""
    return abs(number) <= float_info.max if isinstance(number, int) else isfinite(number)


def _nearest(name: str, names: set[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(names), 3, 0.4)
    return (
        f"did you mean {' or '.join(close)}?" if close else "tinygzsl.settings.Settings lists all"
    )
