"""Measure methods on a dataset: a row for each method and seed, without and behind the router.

Training sees seen samples and seen prototypes; methods that aren't strict see the unseen prototypes
too. Test samples are used once per row, to evaluate, and nothing is chosen by them.
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
from .chosen import OURS, Chosen
from .grid_search import validation_folds

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
    """Names a row: the method's class or "ours", whether the router is in front, the seed."""

    method: str
    routed: bool
    seed: int


def keys(methods: list[str], seeds: list[int], *, routed: bool) -> list[Key]:
    """Return the rows of a comparison.

    A method without random numbers runs once alone, and behind the router of every seed. Our own
    method has a router already, so it has no second row.
    """
    found = []
    for name in methods:
        alone = seeds[:1] if name in DETERMINISTIC else seeds
        found += [Key(name, False, seed) for seed in alone]
        if routed and name != OURS:
            found += [Key(name, True, seed) for seed in seeds]
    return found


class Comparison:
    """Measures the rows of a dataset.

    Parameters
    ----------
    data : Dataset
        The dataset.
    chosen : dict
        {name: Chosen}, the settings of every method and of "ours".
    offsets : dict, optional
        {name: offset} of calibrated stacking that are known already. The others are chosen on
        validation folds, once per method, with seed 0.
    callback : callable, optional
        callback(step, logs) of fit.
    say : callable, optional
        say(line) is told of other work that takes long, and of warnings.
    """

    def __init__(
        self,
        data: Dataset,
        chosen: dict[str, Chosen],
        *,
        offsets: dict[str, float | None] | None = None,
        callback: Callable[[int, dict[str, Any]], None] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ):
        self.data, self.chosen, self.callback, self.say = data, chosen, callback, say
        self.offsets = dict(offsets or {})
        self._routers: dict[int, Trained | Exception] = {}
        self._experts: dict[tuple[str, int], Trained | Exception] = {}  # only the last one
        self._folds: list[Dataset] | None = None

    def rows(self, wanted: list[Key]) -> Iterator[dict[str, Any]]:
        """Yield a row for each key, by method, then by seed.

        If training fails, the row has the message as `error` and no figures.
        """
        order = list(self.chosen)
        for key in sorted(wanted, key=lambda key: (order.index(key.method), key.seed, key.routed)):
            row = {**self.facts(key), "error": None, **dict.fromkeys(FIGURES)}
            try:
                yield row | (self._ours(key) if key.method == OURS else self._baseline(key))
            except (FloatingPointError, ValueError) as error:
                yield row | {"error": " ".join(str(error).split())}

    def facts(self, key: Key) -> dict[str, Any]:
        """Return the part of a row that is known before it is measured."""
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
            self._experts = {}  # frees the previous one first: two may not fit into memory
            self._experts = {place: self._tried(lambda: self._new(name, seed))}
        return _trained(self._experts[place])

    def _new(self, name: str, seed: int) -> Baseline:
        params = {**self.chosen[name].params, "seed": seed, "callback": self.callback}
        return method(name)(**{**params, "offset": 0.0})

    def _tried(self, new: Callable[[], Any]) -> Trained | Exception:
        """Return new(), fitted, or the error, so that no other row trains it again."""
        try:
            return self._fitted(new())
        except (FloatingPointError, ValueError) as error:
            return error

    def _fitted(self, model: Any) -> Trained:
        started = time.perf_counter()
        with warnings.catch_warnings():  # they would be repeated for every seed
            warnings.simplefilter("ignore", UserWarning)
            fit_on(model, self.data)
        return Trained(model, round(time.perf_counter() - started, 3))

    def _offset(self, name: str) -> float | None:
        """Return the offset of the settings, or the validated one; None if validation fails."""
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
    """Return the outcome of a training, or raise its error again."""
    if isinstance(outcome, Exception):
        raise type(outcome)(str(outcome))
    return outcome


def router_parameters(model: EntropySeparationGZSL) -> int:
    """Return how many trained numbers predict uses.

    They are those of the VSMM without its decoder g. CWGAN and PTC are used in training only.
    """
    networks = model.vsmm_.networks.items()
    return sum(p.size for name, network in networks if name != "g" for p in network.params)


def _figures(plain: dict[str, Any], calibrated: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the columns of a row from the results of evaluate without and with the offset."""
    found = {name: plain[name] for name in (*ACCURACIES, "ausuc", "zsl", "supervised")}
    if calibrated:
        found |= {f"calibrated_{name}": calibrated[name] for name in ACCURACIES}
    return found
