"""The experts of a stack: the methods by name, their seeds, and what each says of samples."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..baselines import ESZSL, SYNC, ClassNormalization, PrototypeRidge
from ..baselines.common.base import SCALERS
from ..datasets.array_checks import check_finite
from ..datasets.views import ONE
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..gates.panel import score_unit
from ..router import sample_rows
from ..settings import given_settings, settings_for
from ..text import quoted
from ..tuning.learned_gate import is_to_be_fitted
from .routed import RoutedGZSL

# An odd number, so that its first 2**64 multiples differ modulo 2**64.
SEED_STEP = 0x9E3779B97F4A7C15
Views = Mapping[str, np.ndarray]  # prototypes (classes, k) by view


class RawScores(NamedTuple):
    """What an expert says of n samples.

    f (n, c) is F of the n_seen seen classes and, if there are more, of the unseen ones. log_p (n,
    n_seen) and entropy (n,) in nats are those of a classifier of the seen classes, None without
    one.
    """

    f: np.ndarray
    n_seen: int
    log_p: np.ndarray | None = None
    entropy: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Expert:
    """An unfitted method, and the view of the prototypes that it gets."""

    name: str
    view: str
    method: Any

    @property
    def strict(self) -> bool:
        """Whether fit of the method takes no unseen prototypes."""
        return bool(getattr(self.method, "strict", True))

    @property
    def scaling(self) -> str | None:
        """The method's scaler of features, None if it isn't one of this package's."""
        if isinstance(self.method, EntropySeparationGZSL):
            params = self.method.get_params()
            return settings_for(params["preset"], given_settings(params)).scale_features
        found = getattr(self.method, "features", None)
        return found if found in SCALERS else None

    def fit(
        self, X: np.ndarray, y: np.ndarray, seen: Views, *, unseen: Views | None, where: str
    ) -> Any:
        """Return a fitted copy of the method; unseen prototypes are for one that isn't strict.

        Raises ValueError or FloatingPointError with the expert's name and `where`. What fit of the
        method returns is not used.
        """
        model = clone(self.method)
        more = {}
        if not self.strict:
            if unseen is None:
                raise InputError(
                    f"the expert {self.name} is not strict and needs unseen_prototypes in fit; "
                    "pass them, or leave it out"
                )
            more["unseen_prototypes"] = unseen[self.view]
        with self.named_in_errors(where):
            model.fit(X, y, seen[self.view], **more)
        return model

    def scores(
        self, model: Any, X: np.ndarray, *, seen: Views, unseen: Views | None = None
    ) -> RawScores:
        """Return the scores of all S + U classes by the fitted method, without unseen those of S.

        Raises ValueError or FloatingPointError if they aren't finite numbers of that shape.
        """
        a_seen, a_unseen = seen[self.view], None if unseen is None else unseen[self.view]
        if isinstance(model, EntropySeparationGZSL):
            found = model.scores(X, a_seen if a_unseen is None else a_unseen)
            f = found.f[:, : len(a_seen)] if a_unseen is None else found.f
            raw = RawScores(f, len(a_seen), found.log_p, found.entropy)
        elif a_unseen is None:
            raw = RawScores(np.asarray(model.decision_function(X)), len(a_seen))
        else:
            raw = RawScores(np.asarray(model.decision_function(X, a_unseen)), len(a_seen))
        shape = len(X), len(a_seen) + (0 if a_unseen is None else len(a_unseen))
        if raw.f.shape != shape:
            raise InputError(
                f"the expert {self.name} gives scores of shape {raw.f.shape}, not {shape}; its "
                "decision_function must have one column per class, the seen ones first"
            )
        check_finite(f"the scores by {self.name}", raw.f)
        return raw

    def unit(self, model: Any, X: np.ndarray, seen: Views) -> float:
        """Return the unit of the fitted method's F, from some of its training samples X (n, d)."""
        return score_unit(self.scores(model, X[sample_rows(X)], seen=seen).f)

    @contextmanager
    def named_in_errors(self, where: str) -> Iterator[None]:
        """Put the expert's name and `where` in front of the sentence of an error.

        Of other kinds it makes a ValueError, but not of a MemoryError: no parameter is wrong there.
        """
        try:
            yield
        except MemoryError:
            raise
        except FloatingPointError as error:
            raise FloatingPointError(
                f"the expert {self.name} failed on {where}: {error}; give it other parameters, or "
                "leave it out"
            ) from None
        except ValueError as error:
            raise InputError(f"the expert {self.name} failed on {where}: {error}") from None
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise InputError(f"the expert {self.name} failed on {where}: {what}") from error


def default_experts() -> dict[str, Any]:
    """Return the unfitted experts of StackedGZSL by name; all of them are strict.

    They were chosen by bench/experts.py, on folds of the training samples of three datasets.
    """
    vsmm: dict[str, Any] = {"preset": "small", "vsmm_weight_es": 0.0, "router_gate": "soft"}
    smooth: dict[str, Any] = {"gamma": 0.25, "shrink": 3.0}
    return {
        "VSMM minmax": EntropySeparationGZSL(**vsmm, scale_features="minmax"),
        "VSMM standard": EntropySeparationGZSL(
            **vsmm, scale_features="standard", gan_output="linear"
        ),
        "ClassNormalization": ClassNormalization(features="minmax"),
        "ESZSL": ESZSL(features="l2", regularize_features=0.0),
        "PrototypeRidge minmax": PrototypeRidge(features="minmax", ridge=0.01, **smooth),
        "PrototypeRidge standard": PrototypeRidge(features="standard", **smooth),
        "SYNC": SYNC(regularize=-18.0, scale=0.0),
    }


def by_name(experts: Any) -> dict[str, Any]:
    """Return the methods of StackedGZSL's parameter `experts` by name.

    A list is named by the classes, with numbers where a class comes more than once. Raises
    ValueError unless there is at least one, and each is a method that can be an expert.
    """
    if experts is None:
        return default_experts()
    if isinstance(experts, Mapping):
        found = dict(experts)
    elif isinstance(experts, list | tuple):
        found = _numbered(experts)
    else:
        raise InputError(f"experts is {quoted(experts)}; pass a dict or a list of methods")
    if not found:
        raise InputError("experts is empty; pass at least one method, or None for the default ones")
    for name, method in found.items():
        _check_expert(name, method)
    return found


def with_views(
    methods: Mapping[str, Any], views: Iterable[str], *, given: dict[str, Any]
) -> list[Expert]:
    """Return an expert for each method and each view, with parameters of the stack.

    given are the stack's seed, device, dtype and threads. Number i, from 0, has the seed
    (seed + i * SEED_STEP) modulo 2**64, so no two have the same random numbers.
    """
    pairs = [(name, view) for name in methods for view in views]
    found = []
    for i, (name, view) in enumerate(pairs):
        own = {**given, "seed": (given["seed"] + i * SEED_STEP) % 2**64}
        full = name if view == ONE else f"{name}, {view}"
        found.append(Expert(name=full, view=view, method=clone(methods[name], **own)))
    names = [expert.name for expert in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"two experts are named {quoted(twice[0])}; give them other names")
    return found


def clone(method: Any, **changes: Any) -> Any:
    """Return an unfitted method with the same parameters but `changes`, of those that it has."""
    params = method.get_params()
    return type(method)(**params | {k: v for k, v in changes.items() if k in params})


def check_strict(methods: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """ValueError if a method isn't strict and neither its name nor its class's is in `allowed`."""
    if isinstance(allowed, str) or not all(isinstance(name, str) for name in allowed):
        raise InputError(f"allow_non_strict is {quoted(allowed)}; pass a tuple of names of experts")
    classes = {name: type(method).__name__ for name, method in methods.items()}
    for name, method in methods.items():
        if not getattr(method, "strict", True) and not {name, classes[name]} & set(allowed):
            raise InputError(
                f"the expert {name} is not strict: it trains with prototypes of unseen classes, so "
                f"the stack would do so too; leave it out, or pass allow_non_strict=({name!r},)"
            )
    unknown = set(allowed) - set(methods) - set(classes.values())
    if unknown:
        raise InputError(
            f"allow_non_strict names {quoted(min(unknown))}, which is no expert; the experts are "
            f"{', '.join(methods)}"
        )


def _numbered(methods: Iterable[Any]) -> dict[str, Any]:
    classes = [type(method).__name__ for method in methods]
    found, met = {}, dict.fromkeys(classes, 0)
    for name, method in zip(classes, methods, strict=True):
        met[name] += 1
        found[name if classes.count(name) == 1 else f"{name} {met[name]}"] = method
    return found


def _check_expert(name: Any, method: Any) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InputError(f"an expert is named {quoted(name)}; pass a printable text")
    if isinstance(method, RoutedGZSL):
        raise InputError(
            f"the expert {name} is a RoutedGZSL, whose labels have no scores; pass its expert, and "
            "its router as an expert of its own"
        )
    if isinstance(method, EntropySeparationGZSL):
        _check_searches_nothing(name, method)
        return
    lacks = [
        attribute
        for attribute in ("fit", "decision_function", "get_params")
        if not callable(getattr(method, attribute, None))
    ]
    if isinstance(method, type) or lacks:
        what = "a class" if isinstance(method, type) else f"without {', '.join(lacks)}"
        raise InputError(
            f"the expert {name} is {quoted(method)}, {what}; pass an unfitted method that scores "
            "all classes, like ESZSL()"
        )
    _check_signature(name, method)


def _check_signature(name: str, method: Any) -> None:
    """ValueError unless decision_function takes X alone and X with unseen prototypes."""
    try:
        signature = inspect.signature(method.decision_function)
    except (TypeError, ValueError):  # some compiled functions have none
        return
    try:
        for arrays in (("X",), ("X", "unseen_prototypes")):
            signature.bind(*arrays)
    except TypeError:
        raise InputError(
            f"decision_function{signature} of the expert {name} can't be called with X and with X, "
            "unseen_prototypes; make it decision_function(X, unseen_prototypes=None)"
        ) from None


def _check_searches_nothing(name: str, method: EntropySeparationGZSL) -> None:
    """ValueError if fit of the method would itself train on folds, again on every fold."""
    params = method.get_params()
    if params["preset"] == "auto":
        raise InputError(
            f"the expert {name} has preset='auto', which would search for settings on every fold; "
            "set a preset like 'small', with the settings that a search has found"
        )
    if is_to_be_fitted(settings_for(params["preset"], given_settings(params))):
        raise InputError(
            f"the expert {name} has router_gate='learned', which would be fitted on every fold, "
            "but the stack has a gate of its own; set router_gate='soft'"
        )
