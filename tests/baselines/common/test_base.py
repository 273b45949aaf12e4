"""What every baseline checks before it trains, and what a fit that fails leaves behind."""

import numpy as np
import pytest

from tinygzsl.baselines import METHODS
from tinygzsl.baselines.common.checks import check_numbers, check_power
from tinygzsl.baselines.methods import method
from tinygzsl.comparison.chosen import STORED, read_settings

every = pytest.mark.parametrize("name", METHODS)


def scores(model, data):
    return model.decision_function(data.X_test, data.unseen_prototypes)


def test_defaults_grids_and_stored_settings_pass_their_checks():
    for name in METHODS:
        method(name)().check()
        for key, values in method(name).grid.items():
            for value in values:
                method(name)(**{key: value}).check()
    for (name, _), chosen in read_settings(STORED).items():
        if name != "ours":
            method(name)(**chosen.params).check()


@every
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("features", "bogus"),
        ("features", 3),
        ("prototypes", None),
        ("prototypes", ["l2"]),
        ("offset", np.nan),
        ("offset", "x"),
        ("offset", None),
        ("offset", True),
        ("seed", -1),
        ("dtype", "int8"),
    ],
)
def test_settings_of_all_methods_are_checked(name, key, value, make, sentence):
    with sentence(ValueError, key, str(value)):
        make(name, **{key: value}).check()


def test_a_scaler_there_is_none_of_is_refused_by_fit(fit, sentence):
    with sentence(ValueError, "features is 'bogus'", "none or minmax or standard or l2"):
        fit("ESZSL", features="bogus")


@pytest.mark.parametrize("offset", [np.nan, -np.inf, "x", None])
def test_an_offset_set_after_fit_is_checked_too(offset, fit, tiny_dataset, sentence):
    data, model = tiny_dataset(), fit("ESZSL")
    model.offset = offset
    with sentence(ValueError, f"offset is {offset!r}", "finite number"):
        model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)


def test_negative_offsets_are_offsets(fit, tiny_dataset):
    data = tiny_dataset()
    labels = fit("ESZSL", offset=-100).predict(
        data.X_test, data.unseen_prototypes, data.unseen_classes
    )
    assert np.isin(labels, data.seen_classes).all()


@pytest.mark.parametrize(("name", "bad"), [("DEM", {"lr": 1e30}), ("SEGZSL", {"lr": 1e30})])
def test_a_first_fit_that_fails_leaves_no_model(name, bad, make, tiny_dataset, sentence):
    data, model = tiny_dataset(), make(name, **bad)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        train(model, data)
    with sentence(ValueError, "fit first"):
        scores(model, data)
    assert set(vars(model)) == set(model.get_params())


def train(model, data, **changes):
    arrays = {"X": data.X_train, "y": data.y_train, "seen_prototypes": data.seen_prototypes}
    if not model.strict:
        arrays["unseen_prototypes"] = data.unseen_prototypes
    return model.fit(**{**arrays, **changes})


@every
def test_a_second_fit_that_fails_leaves_the_first_model(name, fit, tiny_dataset, monkeypatch):
    data, model = tiny_dataset(), fit(name)
    before = scores(model, data)

    def infinite(self, x, a):
        return np.full((len(x), len(a)), np.inf)

    with monkeypatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(type(model), "_scores", infinite)
        other = {} if model.strict else {"unseen_prototypes": 2 * data.unseen_prototypes}
        with pytest.raises(FloatingPointError, match="its scores are not finite"):
            train(model, data, X=7 * data.X_train + 3, **other)
    assert scores(model, data).tobytes() == before.tobytes()
    labels = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert len(labels) == len(data.X_test)


def test_an_interrupted_fit_leaves_the_first_model(fit, tiny_dataset):
    data, model = tiny_dataset(), fit("DEM")
    before = scores(model, data)

    def interrupt(step, logs):
        raise KeyboardInterrupt

    model.callback = interrupt
    with pytest.raises(KeyboardInterrupt):
        train(model, data, X=2 * data.X_train)
    assert scores(model, data).tobytes() == before.tobytes()


def test_unseen_prototypes_are_copied(make, tiny_dataset):
    data, model = tiny_dataset(), make("GGM")
    mine = data.unseen_prototypes.copy()
    train(model, data, unseen_prototypes=mine)
    before = scores(model, data)
    mine[...] = 0
    assert scores(model, data).tobytes() == before.tobytes()


@pytest.mark.parametrize("name", ["ESZSL", "GGM"])
def test_prototypes_that_are_no_matrix_are_a_sentence(name, make, fit, tiny_dataset, sentence):
    data = tiny_dataset()
    for bad in (3.0, data.seen_prototypes[0]):
        with sentence(ValueError, "prototypes", "matrix"):
            train(make(name), data, seen_prototypes=bad)
        with sentence(ValueError, "unseen_prototypes", "matrix"):
            fit(name).decision_function(data.X_test, bad)


class Settings:
    """One parameter of each kind."""

    def __init__(self, **changes):
        self.whole, self.rate, self.weight, self.widths, self.power = 1, 0.1, 0, (8,), -2
        vars(self).update(changes)

    def check(self):
        kinds = {"whole": ("whole",), "positive": ("rate",), "weights": ("weight",)}
        check_numbers(self, **kinds, widths=("widths",))
        check_power(self, "power", base=10, most=9)


def test_numbers_of_each_kind(sentence):
    Settings().check()
    Settings(whole=np.int64(3), rate=1, weight=np.float32(0.5), widths=[4, 4], power=9).check()
    for key, values in {
        "whole": (0, -1, 1.0, True, "x", None),
        "rate": (0, -0.1, np.inf, np.nan, "x", True, 1j),
        "weight": (-1, np.nan, np.inf, False, None),
        "widths": (8, (0,), (1.5,), (True,), ("x",), None),
        "power": (9.5, -10, np.nan, "x", False, None),
    }.items():
        for value in values:
            with sentence(ValueError, f"{key} is {value!r}", "pass"):
                Settings(**{key: value}).check()
