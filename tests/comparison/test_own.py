"""A user's class: what it is called with, and what its rows hold."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.baselines import ESZSL
from tinygzsl.baselines.common.calibration import choose_offset
from tinygzsl.comparison.chosen import Chosen
from tinygzsl.comparison.grid_search import search, validation_folds
from tinygzsl.comparison.measure import Comparison, Key, keys
from tinygzsl.comparison.own import OwnClass
from tinygzsl.comparison.own_class import load
from tinygzsl.metrics import accuracies

CENTRES = '''
import numpy as np

class Centres:
    """The score of a class is minus the squared distance to a map of its prototype."""

    def __init__(self, ridge=0.1):
        self.ridge = ridge

    def fit(self, X, y, seen_prototypes):
        self.A, k = seen_prototypes, seen_prototypes.shape[1]
        means = np.stack([X[y == c].mean(axis=0) for c in np.unique(y)])
        self.W = np.linalg.solve(self.A.T @ self.A + self.ridge * np.eye(k), self.A.T @ means)

    def decision_function(self, X, unseen_prototypes):
        means = np.concatenate([self.A, unseen_prototypes]) @ self.W
        return -((X[:, None] - means) ** 2).sum(axis=2)
'''


@pytest.fixture
def rows(own_rows):
    """rows(cls, **how) -> the rows of a class, see own_rows."""

    def measure(cls, **how):
        takes_seed = "seed" in inspect.signature(cls).parameters
        own = OwnClass(cls=cls, spec=f"m:{cls.__name__}", title=cls.__name__, has_seed=takes_seed)
        return own_rows(own, **how)

    return measure


class Recorder:
    """Keeps what it is called with, then spoils it."""

    calls: list = []  # noqa: RUF012

    def _record(self, name, *arrays):
        self.calls.append((name, [array.copy() for array in arrays]))
        assert all(array.base is None and array.flags.owndata for array in arrays)
        for array in arrays:
            array[...] = 0

    def fit(self, X, y, seen_prototypes):
        self.shape = len(np.unique(y))
        self._record("fit", X, y, seen_prototypes)

    def decision_function(self, X, unseen_prototypes):
        n = len(unseen_prototypes)
        f = np.tile(X.sum(axis=1, keepdims=True), self.shape + n) * np.arange(self.shape + n)
        self._record("decision_function", X, unseen_prototypes)
        return f


def test_fit_gets_the_seen_data_alone_and_what_it_changes_is_its_own(rows, tiny_dataset):
    Recorder.calls = []
    data = tiny_dataset()
    before = data.sha256()
    (row,) = rows(Recorder, data=data, offsets={"Recorder": 0.0})
    assert row["error"] is None and data.sha256() == before
    (_, fitted), *scored = Recorder.calls
    for got, expected in zip(
        fitted, (data.X_train, data.y_train, data.seen_prototypes), strict=True
    ):
        assert got.tobytes() == expected.tobytes() and got.dtype == expected.dtype
    (_, (X, mean)), *on_test = scored
    assert len(X) == len(data.X_train)
    np.testing.assert_array_equal(mean, data.seen_prototypes.mean(axis=0, keepdims=True))
    for _, (X, unseen) in on_test:
        assert X.tobytes() == data.X_test.tobytes()
        assert unseen.tobytes() == data.unseen_prototypes.tobytes()


def test_nothing_of_fit_or_validation_depends_on_test_data(rows, tiny_dataset):
    found = []
    for factor in (1.0, np.nan):
        data = tiny_dataset()
        data = replace(
            data, X_test=factor * data.X_test, unseen_prototypes=factor * data.unseen_prototypes
        )
        Recorder.calls, said = [], []
        rows(Recorder, data=data, say=said.append)
        found.append([c for c in Recorder.calls if len(c[1][0]) != len(data.X_test)])
        assert said == ["choosing the offset of Recorder on validation folds"]
    assert [name for name, _ in found[0]].count("fit") == 4  # three folds, and the row
    for (name, one), (other_name, other) in zip(*found, strict=True):
        assert name == other_name
        assert [a.tobytes() for a in one] == [a.tobytes() for a in other]


class Wrapped:
    """ESZSL, as a class that knows nothing of this library's base class."""

    def fit(self, X, y, seen_prototypes):
        self.model = ESZSL(regularize_features=0.0).fit(X, y, seen_prototypes)

    def decision_function(self, X, unseen_prototypes):
        return self.model.decision_function(X, unseen_prototypes)


def test_a_wrapped_baseline_has_the_figures_of_the_baseline(rows, tiny_dataset):
    (own,) = rows(Wrapped)
    chosen = {"ESZSL": Chosen({"regularize_features": 0.0})}
    (built_in,) = Comparison(tiny_dataset(), chosen).rows([Key("ESZSL", False, 0)])
    same = ("S", "U", "H", "calibrated_S", "calibrated_U", "calibrated_H", "offset")
    for name in (*same, "ausuc", "zsl", "supervised", "strict", "error"):
        assert own[name] == built_in[name], name
    assert (own["method"], own["title"], own["class"]) == ("Wrapped", "Wrapped", "m:Wrapped")
    assert own["parameters"] is None and own["seconds"] >= 0


class ByLabels(Wrapped):
    """Has labels of its own: the last unseen class, for all."""

    def predict(self, X, unseen_prototypes, unseen_classes):
        return [unseen_classes[-1]] * len(X)


class LabelsAlone:
    def fit(self, X, y, seen_prototypes):
        self.first = y[0]

    def predict(self, X, unseen_prototypes, unseen_classes):
        return np.where(np.arange(len(X)) % 2, unseen_classes[0], self.first)


def test_labels_are_those_of_predict_and_scores_give_the_rest(rows):
    (wrapped,), (labels,) = rows(Wrapped), rows(ByLabels)
    assert (labels["S"], labels["U"], labels["H"]) == (0.0, 0.5, 0.0)
    for name in ("calibrated_H", "ausuc", "zsl", "supervised", "offset"):
        assert labels[name] == wrapped[name]


def test_without_scores_there_are_labels_alone(rows, tiny_dataset):
    data, kept = tiny_dataset(), {}
    (row,) = rows(LabelsAlone, data=data, keep=kept.__setitem__)
    label = np.where(np.arange(130) % 2, 2, 0)
    assert row["H"] == accuracies(data.y_test, label, np.isin(data.y_test, data.seen_classes))["H"]
    empty = ("calibrated_H", "ausuc", "zsl", "supervised", "offset", "parameters")
    assert {row[name] for name in empty} == {None}
    ((key, labels),) = kept.items()
    assert key == Key("LabelsAlone", False, 0) and labels.calibrated is None
    np.testing.assert_array_equal(labels.plain, label)
    methods = {"x": OwnClass(cls=LabelsAlone, spec="m:x", title="x").as_method()}
    assert keys(["x"], [0, 1], routed=True, own=methods) == [Key("x", False, 0)]


class Seeded(LabelsAlone):
    def __init__(self, seed=0):
        self.seed = seed

    def predict(self, X, unseen_prototypes, unseen_classes):
        return np.random.default_rng(self.seed).choice([self.first, *unseen_classes], len(X))


def test_a_class_that_takes_a_seed_is_run_with_each(rows):
    found = rows(Seeded, seeds=(3, 4))
    assert [row["seed"] for row in found] == [3, 4] and found[0]["H"] != found[1]["H"]
    assert [row["seed"] for row in rows(LabelsAlone, seeds=(3, 4))] == [3]


def test_the_grid_is_searched_on_the_folds(module, tiny_dataset):
    name = module(
        CENTRES.replace("    def __init__", "    grid = {'ridge': (1e3, 0.01)}\n\n    def __init__")
    )
    own, folds = load(f"{name}:Centres"), validation_folds(tiny_dataset().training())
    params, best = search(own, folds)
    assert params == {"ridge": 0.01}
    assert max(choose_offset(own(ridge=r), folds).H for r in (1e3, 0.01)) == best.H
    labels = OwnClass(cls=LabelsAlone, spec="m:x", title="x")
    by_fold = []
    for fold in folds:
        label = np.where(np.arange(len(fold.y_test)) % 2, fold.unseen_classes[0], fold.y_train[0])
        is_seen = np.isin(fold.y_test, fold.seen_classes)
        by_fold.append(accuracies(fold.y_test, label, is_seen)["H"])
    params, best = search(labels, folds)
    assert params == {} and best.offset == 0 and best.H_by_fold == by_fold
    assert best.H == best.H_without == pytest.approx(np.mean(by_fold))


def test_behind_the_router_its_scores_label(tiny_dataset, small_model, fit):
    ours = {k: v for k, v in small_model().get_params().items() if v is not None}
    ours = {k: v for k, v in ours.items() if k not in ("seed", "device", "dtype")}
    ours |= {"vsmm_weight_es": 0.0, "router_delta_low": 0.1, "router_delta_high": 0.6}
    methods = {"Wrapped": OwnClass(cls=Wrapped, spec="m:W", title="Wrapped").as_method()}
    chosen = {"Wrapped": Chosen({}), "ESZSL": Chosen({"regularize_features": 0.0})}
    comparison = Comparison(
        tiny_dataset(),
        {**chosen, "ours": Chosen(ours)},
        own=methods,
        offsets={"ESZSL": 0.5, "Wrapped": 0.5},
    )
    own, built_in = comparison.rows([Key(name, True, 0) for name in chosen])
    for name in ("S", "U", "H", "calibrated_H", "supervised"):
        assert own[name] == built_in[name] and own[name] is not None
    assert own["parameters"] is None and built_in["parameters"] > 0


def test_a_subclass_of_a_baseline_is_taken_as_it_is(module, own_rows, tiny_dataset):
    name = module("from tinygzsl.baselines import ESZSL\nclass Mine(ESZSL):\n    title = 'mine'\n")
    own = load(f"{name}:Mine")
    assert own.has_seed and own.grid == ESZSL.grid
    found = own_rows(own, seeds=(0, 1))
    (built_in,) = Comparison(tiny_dataset(), {"ESZSL": Chosen({})}).rows([Key("ESZSL", False, 0)])
    for row in found:
        assert row["error"] is None
        for name in ("S", "U", "H", "calibrated_H", "ausuc", "offset"):
            assert row[name] == built_in[name]


def test_with_an_offset_of_0_labels_are_by_scores(tiny_dataset):
    data = tiny_dataset()
    kind = OwnClass(cls=ByLabels, spec="m:B", title="B")
    asked = data.X_test, data.unseen_prototypes, data.unseen_classes
    plain, zero = (
        kind(offset=offset).fit(data.X_train, data.y_train, data.seen_prototypes)
        for offset in (None, 0.0)
    )
    assert set(plain.predict(*asked)) == {data.unseen_classes[-1]}
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    f = zero.decision_function(*asked[:2])
    np.testing.assert_array_equal(zero.predict(*asked), classes[f.argmax(axis=1)])
