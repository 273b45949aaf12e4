"""Measure methods on a dataset: one row per method, seed, and with or without the router in front.

Training sees seen samples and prototypes alone, and methods that aren't strict the unseen
prototypes; the test samples are looked at once per row, and choose nothing.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..baselines.common.base import Baseline
from ..baselines.common.calibration import choose_offset, fit_on
from ..baselines.methods import DETERMINISTIC, method, n_parameters
from ..datasets import Dataset
from ..estimator import EntropySeparationGZSL
from ..evaluation import evaluate
from ..stacking.routed import RoutedGZSL
from .settings import OURS, Chosen
from .tuning import validation_folds

ACCURACIES = ("S", "U", "H")
FIGURES = (
    *ACCURACIES,
    *(f"calibrated_{name}" for name in ACCURACIES),
    *("ausuc", "zsl", "supervised", "offset", "seconds", "parameters"),
)
OUR_TITLE = "EntropySeparationGZSL"


class Trained(NamedTuple):
    """A fitted model and the seconds of its training."""

    model: Any
    seconds: float


class Key(NamedTuple):
    """Which row: a method's class name or "ours", whether the router is in front, the seed."""

    method: str
    routed: bool
    seed: int


def keys(methods: list[str], seeds: list[int], *, routed: bool) -> list[Key]:
    """The rows of a comparison. A method without random numbers runs once, but behind routers of
    all seeds; our own method has a router already.
    """
    found = []
    for name in methods:
        alone = seeds[:1] if name in DETERMINISTIC else seeds
        found += [Key(name, False, seed) for seed in alone]
        if routed and name != OURS:
            found += [Key(name, True, seed) for seed in seeds]
    return found


class Comparison:
    """Rows of a dataset for methods with the settings chosen for them, {name: Chosen}.

    offsets, {name: offset}, are those known already. The others are chosen on validation folds
    once per method, with the seed 0. callback(step, logs) is that of fit, say(line) gets what else
    takes long.
    """

    def __init__(
        self,
        data: Dataset,
        chosen: dict[str, Chosen],
        *,
        offsets: dict[str, float | None] | None = None,
        callback: Callable[[int, dict], None] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ):
        self.data, self.chosen, self.callback, self.say = data, chosen, callback, say
        self.offsets = dict(offsets or {})
        self._routers: dict[int, Trained | Exception] = {}
        self._experts: dict[tuple[str, int], Trained | Exception] = {}  # the last one
        self._folds: list[Dataset] | None = None

    def rows(self, wanted: list[Key]) -> Iterator[dict[str, Any]]:
        """A row for each key, by method, then by seed.

        Where training fails the row holds the sentence as `error` and no figures.
        """
        order = list(self.chosen)
        for key in sorted(wanted, key=lambda key: (order.index(key.method), key.seed, key.routed)):
            row = {**self.facts(key), "error": None, **dict.fromkeys(FIGURES)}
            try:
                yield row | (self._ours(key) if key.method == OURS else self._baseline(key))
            except (FloatingPointError, ValueError) as error:
                yield row | {"error": " ".join(str(error).split())}

    def facts(self, key: Key) -> dict[str, Any]:
        """What a row says before it is measured."""
        ours, chosen = key.method == OURS, self.chosen[key.method]
        return {
            **key._asdict(),
            "title": OUR_TITLE if ours else method(key.method).title,
            "strict": ours or method(key.method).strict,
            "settings": {
                k: list(v) if isinstance(v, tuple) else v for k, v in chosen.params.items()
            },
            "origin": chosen.origin,
        }

    def _ours(self, key: Key) -> dict[str, Any]:
        model, seconds = self._router(key.seed)
        found = _figures(evaluate(model, self.data))
        return found | {"seconds": seconds, "parameters": router_parameters(model)}

    def _baseline(self, key: Key) -> dict[str, Any]:
        expert, seconds = self._expert(key.method, key.seed)
        offset = self._offset(key.method)
        calibrated = copy.copy(expert).set_params(offset=offset or 0.0)
        models, size = [expert, calibrated], n_parameters(expert)
        if key.routed:
            router, more = self._router(key.seed)
            models = [RoutedGZSL(router=router, expert=model) for model in models]
            seconds, size = seconds + more, size + router_parameters(router)
        plain, with_offset = (evaluate(model, self.data) for model in models)
        found = _figures(plain, None if offset is None else with_offset)
        return found | {"offset": offset, "seconds": seconds, "parameters": size}

    def _router(self, seed: int) -> Trained:
        if seed not in self._routers:
            params = {**self.chosen[OURS].params, "seed": seed, "callback": self.callback}
            self._routers[seed] = self._tried(lambda: EntropySeparationGZSL(**params))
        return _trained(self._routers[seed])

    def _expert(self, name: str, seed: int) -> Trained:
        place = name, 0 if name in DETERMINISTIC else seed
        if place not in self._experts:
            self._experts = {}  # the older one first: two may not fit
            self._experts = {place: self._tried(lambda: self._new(name, seed))}
        return _trained(self._experts[place])

    def _new(self, name: str, seed: int) -> Baseline:
        params = {**self.chosen[name].params, "seed": seed, "callback": self.callback}
        return method(name)(**{**params, "offset": 0.0})

    def _tried(self, new: Callable[[], Any]) -> Trained | Exception:
        """new(), fitted; or why that failed, so that no row tries it again."""
        try:
            return self._fitted(new())
        except (FloatingPointError, ValueError) as error:
            return error

    def _fitted(self, model: Any) -> Trained:
        started = time.perf_counter()
        with warnings.catch_warnings():  # once per seed; the row's figures tell the same
            warnings.simplefilter("ignore", UserWarning)
            fit_on(model, self.data)
        return Trained(model, round(time.perf_counter() - started, 3))

    def _offset(self, name: str) -> float | None:
        """That of the settings, or the one that validation chooses; None where it can't."""
        if name not in self.offsets:
            given = self.chosen[name].params.get("offset")
            self.offsets[name] = self._validated(name) if given is None else given
        return self.offsets[name]

    def _validated(self, name: str) -> float | None:
        self.say(f"choosing the offset of {method(name).title} on validation folds")
        try:
            if self._folds is None:
                self._folds = validation_folds(self.data.training())
            return choose_offset(self._new(name, 0), self._folds).offset
        except (FloatingPointError, ValueError) as error:
            self.say(f"warning: {method(name).title} has no calibrated figures: {error}")
            return None


def _trained(outcome: Trained | Exception) -> Trained:
    """The outcome of a training; raises what failed."""
    if isinstance(outcome, Exception):
        raise type(outcome)(str(outcome))
    return outcome


def router_parameters(model: EntropySeparationGZSL) -> int:
    """How many trained numbers predict needs of ours: all networks of the VSMM but its decoder g.
    CWGAN and PTC serve training alone.
    """
    networks = model.vsmm_.networks.items()
    return sum(p.size for name, network in networks if name != "g" for p in network.params)


def _figures(plain: dict[str, Any], calibrated: dict[str, Any] | None = None) -> dict[str, Any]:
    """The columns of a row, of what evaluate says without the offset and with it."""
    found = {name: plain[name] for name in (*ACCURACIES, "ausuc", "zsl", "supervised")}
    if calibrated:
        found |= {f"calibrated_{name}": calibrated[name] for name in ACCURACIES}
    return found
