"""A stack of strict experts is trained without a value of an unseen class or of a test sample."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.baselines import ESZSL, GGM
from tinygzsl.stacking import StackedGZSL
from tinygzsl.stacking import experts as experts_module
from tinygzsl.tuning.folds import disjoint_folds


@pytest.fixture
def arrays(experts):
    """arrays(dataset) -> header and arrays of a stack that was fitted on its training set."""

    def fit(dataset):
        training = dataset.training()
        model = StackedGZSL(experts=experts)
        return model.fit(training.X, training.y, training.prototypes).state()

    return fit


@pytest.mark.parametrize("change", [lambda a: a[:, ::-1], lambda a: a * np.nan])
def test_nothing_trained_depends_on_unseen_or_test_data(arrays, data, change):
    other = replace(
        data, unseen_prototypes=change(data.unseen_prototypes), X_test=change(data.X_test)
    )
    one, two = arrays(data), arrays(other)
    assert one.header == two.header
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name], err_msg=name)


def test_no_unseen_prototype_is_in_the_model(arrays, data):
    data.unseen_prototypes[:] = 12345.5
    data.X_test[:] = 12345.5
    for name, array in arrays(data).arrays.items():
        assert array.dtype.kind != "f" or not (array == 12345.5).any(), name


def test_experts_of_a_fold_see_neither_its_group_nor_its_test_samples(data, monkeypatch):
    met = []

    class Spy(ESZSL):
        def fit(self, X, y, seen_prototypes):
            met.append((X.copy(), y.copy(), seen_prototypes.copy()))
            return super().fit(X, y, seen_prototypes)

    training = data.training()
    StackedGZSL(experts=[Spy()], seed=2).fit(training.X, training.y, training.prototypes)
    folds = disjoint_folds(training, seed=2)
    assert len(met) == len(folds) + 1
    for (X, y, a), fold in zip(met[:-1], folds, strict=True):
        assert not np.isin(y, fold.unseen_classes).any()
        np.testing.assert_array_equal(X, fold.X_train)
        np.testing.assert_array_equal(a, fold.seen_prototypes)
        test = {row.tobytes() for row in fold.X_test}
        assert not test & {row.tobytes() for row in X}
    np.testing.assert_array_equal(met[-1][0], training.X)
    played = np.sort(np.concatenate([fold.unseen_classes for fold in folds]))
    np.testing.assert_array_equal(played, training.classes)


def test_a_strict_fit_refuses_unseen_prototypes(data, sentence):
    with sentence(ValueError, "all experts are strict"):
        StackedGZSL(experts=[ESZSL()]).fit(
            data.X_train,
            data.y_train,
            data.seen_prototypes,
            unseen_prototypes=data.unseen_prototypes,
        )


def test_experts_that_are_not_strict_must_be_named(make, data, unseen, sentence):
    training = data.X_train, data.y_train, data.seen_prototypes
    experts = {"made up": make("GGM"), "ESZSL": make("ESZSL")}
    with sentence(ValueError, "made up is not strict", "allow_non_strict=('made up',)"):
        StackedGZSL(experts=experts).fit(*training)
    with sentence(ValueError, "allow_non_strict names 'DEM'", "made up, ESZSL"):
        StackedGZSL(experts=experts, allow_non_strict=("GGM", "DEM")).fit(*training)
    with sentence(ValueError, "allow_non_strict is 'GGM'"):
        StackedGZSL(experts=experts, allow_non_strict="GGM").fit(*training)
    model = StackedGZSL(experts=experts, allow_non_strict=("GGM",))
    assert not model.strict and "allow_non_strict=('GGM',)" in repr(model)
    with sentence(ValueError, "made up is not strict and needs unseen_prototypes"):
        model.fit(*training)
    model.fit(*training, unseen_prototypes=unseen[0])
    assert not model.strict and model.state().header["strict"] is False
    assert (model.predict(data.X_test, *unseen) == data.y_test).mean() > 0.5
    assert StackedGZSL().strict and StackedGZSL(experts=[ESZSL()]).strict


def test_a_decision_with_experts_that_are_not_strict_is_of_pseudo_unseen_classes(
    make, data, unseen
):
    experts = {"GGM": make("GGM"), "ESZSL": make("ESZSL")}
    model = StackedGZSL(experts=experts, allow_non_strict=("GGM",))
    training = data.X_train, data.y_train, data.seen_prototypes
    decisions = [
        model.fit(*training, unseen_prototypes=a).decision_ for a in (unseen[0], unseen[0][:, ::-1])
    ]
    assert decisions[0] == decisions[1]


def test_default_experts_are_strict_and_share_no_seed():
    methods = experts_module.default_experts()
    given = {"seed": 3, "device": "cpu", "dtype": "float32", "threads": None}
    found = experts_module.with_views(methods, ["att", "sent"], given=given)
    assert all(expert.strict for expert in found)
    seeds = [expert.method.seed for expert in found]
    assert len(set(seeds)) == len(found) == 2 * len(methods)
    assert seeds[0] == 3 and not any(0 < abs(a - b) < 1000 for a in seeds for b in seeds)
    assert GGM not in map(type, methods.values())
