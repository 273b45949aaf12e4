"""Measure methods on a dataset: a row for each method and seed, without and behind the router.

Training sees seen samples and seen prototypes; methods that aren't strict see the unseen prototypes
too. Test samples are used once per row, to evaluate, and nothing is chosen by them.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..baselines.common.calibration import choose_offset, fit_on
from ..datasets import Dataset
from ..errors import InputError
from ..stacking.routed import RoutedGZSL
from .chosen import OURS, Chosen
from .grid_search import validation_folds
from .methods import Evaluated, Method, evaluated, find
from .predictions import Labels

ACCURACIES = ("S", "U", "H")
FIGURES = (
    *ACCURACIES,
    *(f"calibrated_{name}" for name in ACCURACIES),
    *("ausuc", "zsl", "supervised", "offset", "seconds", "parameters"),
)


class Trained(NamedTuple):
    """A fitted model and the seconds of its training."""

    model: Any
    seconds: float


class Key(NamedTuple):
    """Names a row: the method's class or "ours", whether the router is in front, the seed."""

    method: str
    routed: bool
    seed: int


def keys(
    methods: list[str],
    seeds: list[int],
    *,
    routed: bool,
    own: Mapping[str, Method] | None = None,
) -> list[Key]:
    """Return the rows of a comparison; own are methods of a user by name.

    A method without random numbers runs once alone, and behind the router of every seed. A method
    with a gate of its own, or without scores, has no second row.
    """
    found = []
    for method in (find(name, own) for name in methods):
        alone = seeds if method.has_seed else seeds[:1]
        found += [Key(method.name, False, seed) for seed in alone]
        if routed and method.takes_offset:
            found += [Key(method.name, True, seed) for seed in seeds]
    return found


class Comparison:
    """Measures the rows of a dataset.

    Parameters
    ----------
    data : Dataset
        The dataset.
    chosen : dict
        {name: Chosen}, the settings of every method and of "ours". Rows come in this order.
    own : dict, optional
        {name: Method} of a user's own methods.
    offsets : dict, optional
        {name: offset} of calibrated stacking that are known already. The others are chosen on
        validation folds, once per method, with seed 0.
    callback : callable, optional
        callback(step, logs) of fit.
    say : callable, optional
        say(line) is told of other work that takes long, and of warnings.
    keep : callable, optional
        keep(key, labels) is given the Labels of each row before the row itself.
    """

    def __init__(
        self,
        data: Dataset,
        chosen: dict[str, Chosen],
        *,
        own: Mapping[str, Method] | None = None,
        offsets: dict[str, float | None] | None = None,
        callback: Callable[[int, dict[str, Any]], None] | None = None,
        say: Callable[[str], None] = lambda line: None,
        keep: Callable[[Key, Labels], None] = lambda key, labels: None,
    ):
        self.data, self.chosen, self.callback, self.say = data, chosen, callback, say
        self.methods = {name: find(name, own) for name in chosen}
        self.keep = keep
        self.offsets = dict(offsets or {})
        self._routers: dict[int, Trained | Exception] = {}
        self._models: dict[tuple[str, int], Trained | Exception] = {}  # only the last one
        self._folds: list[Dataset] | None = None

    def rows(self, wanted: list[Key]) -> Iterator[dict[str, Any]]:
        """Yield a row for each key, by method, then by seed.

        If training fails, the row has the message as `error` and no figures.
        """
        order = list(self.chosen)
        for key in sorted(wanted, key=lambda key: (order.index(key.method), key.seed, key.routed)):
            row = {**self.facts(key), "error": None, **dict.fromkeys(FIGURES)}
            try:
                figures = self._measured(key)
            except (FloatingPointError, InputError) as error:
                yield row | {"error": " ".join(str(error).split())}
            else:
                yield row | figures

    def facts(self, key: Key) -> dict[str, Any]:
        """Return the part of a row that is known before it is measured."""
        method, chosen = self.methods[key.method], self.chosen[key.method]
        return {
            **key._asdict(),
            "title": method.title,
            "strict": method.strict,
            "settings": {
                k: list(v) if isinstance(v, tuple) else v for k, v in chosen.params.items()
            },
            "origin": chosen.origin,
            **method.facts,
        }

    def _measured(self, key: Key) -> dict[str, Any]:
        method = self.methods[key.method]
        ours = key.method == OURS  # trained once, for its own row and in front of the others
        model, seconds = self._router(key.seed) if ours else self._model(method, key.seed)
        size = method.n_parameters(model)
        offset = self._offset(method) if method.takes_offset else None
        models = [model] if offset is None else [model, _with_offset(model, offset)]
        evaluate = method.evaluate
        if key.routed:
            router, more = self._router(key.seed)
            models = [RoutedGZSL(router=router, expert=expert) for expert in models]
            in_front, evaluate = self.methods[OURS].n_parameters(router), evaluated
            seconds, size = seconds + more, _sum(size, in_front)
        found = [evaluate(model, self.data) for model in models]
        self.keep(key, Labels(found[0].label, found[1].label if len(found) > 1 else None))
        return _figures(found) | {"offset": offset, "seconds": seconds, "parameters": size}

    def _router(self, seed: int) -> Trained:
        if seed not in self._routers:
            params = {**self.chosen[OURS].params, "seed": seed, "callback": self.callback}
            self._routers[seed] = self._tried(lambda: self.methods[OURS].kind(**params))
        return _trained(self._routers[seed])

    def _model(self, method: Method, seed: int) -> Trained:
        place = method.name, seed if method.has_seed else 0
        if place not in self._models:
            self._models = {}  # frees the previous one first: two may not fit into memory
            self._models = {place: self._tried(lambda: self._new(method, place[1]))}
        return _trained(self._models[place])

    def _new(self, method: Method, seed: int) -> Any:
        params = {**self.chosen[method.name].params, "seed": seed, "callback": self.callback}
        if method.takes_offset:  # the model is measured without it too
            params.pop("offset", None)
        return method.kind(**params)

    def _tried(self, new: Callable[[], Any]) -> Trained | Exception:
        """Return new(), fitted, or the error, so that no other row trains it again."""
        try:
            return self._fitted(new())
        except (FloatingPointError, InputError) as error:
            return error

    def _fitted(self, model: Any) -> Trained:
        started = time.perf_counter()
        with warnings.catch_warnings():  # they would be repeated for every seed
            warnings.simplefilter("ignore", UserWarning)
            fit_on(model, self.data)
        return Trained(model, round(time.perf_counter() - started, 3))

    def _offset(self, method: Method) -> float | None:
        """Return the offset of the settings, or the validated one; None if validation fails."""
        name = method.name
        if name not in self.offsets:
            given = self.chosen[name].params.get("offset")
            self.offsets[name] = self._validated(method) if given is None else given
        return self.offsets[name]

    def _validated(self, method: Method) -> float | None:
        self.say(f"choosing the offset of {method.title} on validation folds")
        try:
            if self._folds is None:
                self._folds = validation_folds(self.data.training())
            return choose_offset(self._new(method, 0), self._folds).offset
        except (FloatingPointError, InputError) as error:
            self.say(f"warning: {method.title} has no calibrated figures: {error}")
            return None


def _sum(size: int | None, more: int | None) -> int | None:
    return None if size is None or more is None else size + more


def _with_offset(model: Any, offset: float) -> Any:
    calibrated = copy.copy(model)
    calibrated.offset = offset
    return calibrated


def _trained(outcome: Trained | Exception) -> Trained:
    """Return the outcome of a training, or raise its error again."""
    if isinstance(outcome, Exception):
        raise type(outcome)(str(outcome))
    return outcome


def _figures(found: list[Evaluated]) -> dict[str, Any]:
    """Return the columns of a row from the results without the offset and, if any, with it."""
    plain = found[0].figures
    columns = {name: plain.get(name) for name in (*ACCURACIES, "ausuc", "zsl", "supervised")}
    for with_offset in found[1:]:
        columns |= {f"calibrated_{name}": with_offset.figures[name] for name in ACCURACIES}
    return columns
