"""Files with a valid checksum whose numbers no training gives: refused, or finite answers.

Every number of a file becomes NaN, infinite and huge in turn.
"""

import json
import math
import os
from copy import deepcopy

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import METHODS
from tinygzsl.stacking import RoutedGZSL, StackedGZSL
from tinygzsl.storage.arrays_file import State, write_npz

pytestmark = pytest.mark.filterwarnings("ignore")  # of overflows, before the sentence
LISTS = ("history", "looks", "snapshots")  # of like entries, of which the first stands for all
LEARNED = ("entropy", "gap", "neighbours")
NUMBERS = (math.nan, math.inf, 1e300)


@pytest.fixture
def check(tmp_path, tiny_dataset, monkeypatch):
    """check(model) asserts it of every number in the model's file, and that some were refused."""
    data, path = tiny_dataset(), tmp_path / "model.npz"
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # thousands would take minutes

    def answer(header, arrays):
        write_npz(path, State(header, arrays))
        try:
            found = list(answers(tz.load_model(path), data))
        except (ValueError, FloatingPointError) as error:
            assert "\n" not in str(error) and len(str(error)) > 20
            return True
        for values in found:
            assert np.isfinite(values).all()
        return False

    def check(model):
        header, arrays = model.state()
        header, refused = json.loads(json.dumps(header)), []
        for name, array in arrays.items():
            if array.dtype.kind == "f":
                refused += [answer(header, arrays | {name: odd}) for odd in odd_arrays(array)]
        for place in places(header):
            refused += [answer(changed(header, place, odd), arrays) for odd in NUMBERS]
        assert refused.count(True) > len(arrays)  # NaN and inf in arrays at the least

    return check


def odd_arrays(array):
    """The array with one number that is NaN, infinite or huge, and of nothing but large ones."""
    top = np.finfo(array.dtype).max
    for number in (np.nan, np.inf, top):
        one = array.copy()
        one.flat[array.size // 2] = number
        yield one
    yield np.full_like(array, top / 1e8)  # whose squares overflow


def places(value, place=()):
    """The keys that lead to every number, as tuples; of LISTS to those of the first entry."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            if not (place and place[-1] in LISTS and key):
                yield from places(entry, (*place, key))
    elif isinstance(value, int | float) and not isinstance(value, bool) and place != ("format",):
        yield place


def changed(header, place, number):
    """A copy of the header with the number at that place."""
    header = deepcopy(header)
    inside = header
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = number
    return header


def answers(model, data):
    """All that the model says of four samples of each kind, in numbers."""
    X, unseen = data.X_test[::30], (data.unseen_prototypes, data.unseen_classes)
    if hasattr(model, "route"):
        found = model.route(X, *unseen)._asdict()
        yield from (values for name, values in found.items() if name not in ("label", "route"))
        yield model.entropy(X)
    else:
        yield model.predict_proba(X, unseen[0])
        yield model.calibrated(model.decision_function(X, unseen[0]))
    if hasattr(model, "compatibility"):
        yield model.compatibility(X, unseen[0])
    if getattr(model, "proxy_source_", None) is not None:
        yield model.sample_proxies(3)


@pytest.mark.parametrize("name", METHODS)
def test_numbers_in_the_file_of_a_baseline(name, fit, check):
    check(fit(name))


@pytest.mark.parametrize(
    "changes",
    [
        {"router_unit": "measured"},
        {"router_gate": "soft", "vsmm_weight_es": 0.0},
        {"router_gate": "learned", "router_features": LEARNED, "vsmm_weight_es": 0.0},
    ],
    ids=["measured", "soft", "learned"],
)
def test_numbers_in_the_file_of_an_estimator(changes, small_model, tiny_dataset, check):
    training = tiny_dataset().training()
    model = small_model(**changes).fit(training.X, training.y, training.prototypes)
    check(model)


def test_numbers_in_the_files_of_combined_models(small_model, make, tiny_dataset, check):
    training = tiny_dataset().training()
    arrays = training.X, training.y, training.prototypes
    router = small_model(vsmm_weight_es=0.0, vsmm_epochs=6)
    check(RoutedGZSL(router=router, expert=make("ESZSL")).fit(*arrays))
    experts = [make("PrototypeRidge"), make("ESZSL")]
    check(StackedGZSL(experts=experts, features=("gap", "neighbours")).fit(*arrays))
