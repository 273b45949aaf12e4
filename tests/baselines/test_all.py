"""What holds for every baseline."""

import warnings
from dataclasses import fields, replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import baselines
from tinygzsl.baselines import METHODS
from tinygzsl.baselines.methods import DETERMINISTIC, method

every = pytest.mark.parametrize("name", METHODS)
STRICT = [name for name in METHODS if method(name).strict]
OTHERS = [name for name in METHODS if name not in STRICT]

GAN = {"gan_max_epochs": 120, "gan_lr": 1e-2, "per_class": 400, "classifier_epochs": 10}
LONGER = {
    "DSEN": {"epochs": 40},
    "FCLSWGAN": GAN,
    "SEGZSL": {"epochs": 40},
    "FVAEGAN": GAN,
    "CEWGANOD": GAN,
    "ClassNormalization": {"hidden": 512, "lr": 2e-3, "epochs": 40, "gamma": 3.0},
}


def unseen(data):
    return data.unseen_prototypes, data.unseen_classes


@pytest.mark.wheel
def test_the_methods_are_there():
    assert len(METHODS) == 18
    assert OTHERS == ["DSEN", "GGM", "FCLSWGAN", "SEGZSL", "FVAEGAN", "CEWGANOD"]
    assert {getattr(baselines, name).__name__ for name in METHODS} == set(METHODS)
    assert len({method(name).title for name in METHODS}) == 18


@every
def test_it_beats_chance_among_the_unseen(name, fit, tiny_dataset):
    data = tiny_dataset()
    model = fit(name, **LONGER.get(name, {}))
    metrics = tz.evaluate(model, data)
    assert metrics["zsl"] > 0.7  # chance is 0.5, with 80 samples
    assert metrics["supervised"] > 0.35  # chance is 0.2
    labels = model.predict(data.X_test, *unseen(data))
    assert metrics["S"] == pytest.approx(
        np.mean([(labels[data.y_test == c] == c).mean() for c in data.seen_classes])
    )


@every
def test_rows_are_labelled_one_by_one(name, fit, tiny_dataset):
    data = tiny_dataset()
    model, X = fit(name), data.X_test
    before = model.decision_function(X, data.unseen_prototypes)
    assert before.shape == (len(X), 7)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = model.decision_function(X[order], data.unseen_prototypes)
    scale = before.std()
    np.testing.assert_allclose(shuffled / scale, before[order] / scale, atol=1e-4)
    one = model.decision_function(X[:1], data.unseen_prototypes)
    np.testing.assert_allclose(one / scale, before[:1] / scale, atol=1e-4)
    assert model.predict(X[:1], *unseen(data)).shape == (1,)
    assert model.predict(X[:1])[0] in data.seen_classes


@every
def test_same_seed_same_bits_and_other_seeds_other_ones(name, fit, tiny_dataset):
    data = tiny_dataset()
    a, b, c = (
        fit(name, seed=seed).decision_function(data.X_test, data.unseen_prototypes)
        for seed in (3, 3, 4)
    )
    assert a.tobytes() == b.tobytes()
    assert (a.tobytes() == c.tobytes()) == (name in DETERMINISTIC)


@pytest.mark.parametrize("name", STRICT)
def test_strict_methods_never_see_unseen_classes_or_test_samples(name, fit, tiny_dataset):
    data = tiny_dataset()
    changed = replace(
        data, X_test=data.X_test[::-1] * np.nan, unseen_prototypes=3 * data.unseen_prototypes
    )
    a, b = (
        fit(name, data=d).decision_function(data.X_test, data.unseen_prototypes)
        for d in (data, changed)
    )
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", OTHERS)
def test_other_methods_know_the_prototypes_they_were_trained_for(name, fit, tiny_dataset, sentence):
    data = tiny_dataset()
    model = fit(name)
    with sentence(ValueError, model.title, "are different"):
        model.predict(data.X_test, data.unseen_prototypes + 1, data.unseen_classes)
    other = replace(data, X_test=data.X_test[::-1] * np.nan)
    a, b = (
        m.decision_function(data.X_test, data.unseen_prototypes) for m in (model, fit(name, other))
    )
    assert a.tobytes() == b.tobytes()


@every
def test_scores_are_of_its_dtype(name, fit, tiny_dataset):
    data = tiny_dataset()
    for dtype in ("float32", "float64"):
        f = fit(name, dtype=dtype).decision_function(data.X_test, data.unseen_prototypes)
        assert f.dtype == dtype


@every
def test_any_layout_of_the_arrays_gives_the_same(name, fit, tiny_dataset):
    data = tiny_dataset()
    wide = np.zeros((len(data.X_train), 24), np.float32)
    wide[:, ::2] = data.X_train
    awkward = replace(
        data,
        X_train=wide[:, ::2],
        seen_prototypes=np.asfortranarray(data.seen_prototypes),
        y_train=data.y_train.astype(np.int16),
    )
    for array in (awkward.X_train, awkward.seen_prototypes, awkward.y_train):
        array.flags.writeable = False
    a, b = (
        fit(name, data=d).decision_function(data.X_test, data.unseen_prototypes)
        for d in (data, awkward)
    )
    np.testing.assert_allclose(a / a.std(), b / a.std(), atol=1e-4)


@every
def test_text_labels_and_whole_numbers_as_features(name, fit, tiny_dataset):
    data = tiny_dataset()
    names = np.array([f"class {label}" for label in range(7)])
    scale = 100 / np.abs(data.X_train).max()
    whole = replace(
        data,
        X_train=(scale * data.X_train).astype(np.int8),
        y_train=names[data.y_train],
        X_test=np.clip(scale * data.X_test, -127, 127).astype(np.int8),
        y_test=names[data.y_test],
        seen_classes=names[data.seen_classes],
        unseen_classes=names[data.unseen_classes],
    )
    model = fit(name, data=whole, features="minmax")
    labels = model.predict(whole.X_test, whole.unseen_prototypes, list(whole.unseen_classes))
    assert set(labels) <= set(names)
    assert 0 <= tz.evaluate(model, whole)["H"] <= 1


@every
def test_constant_features_are_no_trouble(name, fit, tiny_dataset):
    data = tiny_dataset()
    X = data.X_train.copy()
    X[:, 3:5] = 7
    for kind in ("minmax", "standard"):
        model = fit(name, data=replace(data, X_train=X), features=kind)
        assert np.isfinite(model.decision_function(X, data.unseen_prototypes)).all()


@every
@pytest.mark.parametrize("sizes", [{"seen": 2, "unseen": 1}, {"d": 1}, {"k": 1}])
def test_the_smallest_problems(name, sizes, make, drawn):
    X, y, seen, others = drawn(**sizes)
    model = make(name)
    more = {} if model.strict else {"unseen_prototypes": others}
    model.fit(X, y, seen, **more)
    f = model.decision_function(X[:3], others)
    assert f.shape == (3, len(seen) + len(others))
    assert np.isfinite(f).all()


@every
def test_bad_arrays_are_a_sentence(name, make, fit, tiny_dataset, sentence):
    data = tiny_dataset()
    X, y, a = data.X_train, data.y_train, data.seen_prototypes
    bad = X.copy()
    bad[2, 5] = np.nan
    more = {} if make(name).strict else {"unseen_prototypes": data.unseen_prototypes}
    for arguments, parts in (
        ((bad, y, a), ("X", "1 values", "row 2, column 5")),
        ((X, y[:-1], a), ("y has 149 labels", "150")),
        ((X, y, a[:-1]), ("4 rows", "5 classes")),
        ((X[0], y, a), ("shape (12,)",)),
        ((X, np.zeros(len(X), int), a[:1]), ("only the class 0",)),
        ((X, y, a * np.inf), ("prototypes", "NaN or inf")),
    ):
        with sentence(ValueError, *parts), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            make(name).fit(*arguments, **more)
    for params, part in (({"seed": -1}, "seed"), ({"dtype": "int8"}, "int8")):
        with sentence(ValueError, part):
            fit(name, **params)
    with sentence(ValueError, "fit first"):
        make(name).predict(X)
    model = fit(name)
    with sentence(ValueError, "X has 11 columns"):
        model.predict(X[:, 1:])
    with sentence(ValueError, "X has 1 values", "row 2, column 5"):
        model.predict(bad, *unseen(data))
    with sentence(ValueError, "both seen and unseen"):
        model.predict(X, data.unseen_prototypes, data.seen_classes[:2])


@every
def test_it_is_an_estimator(name, make, fit, tiny_dataset):
    clone = pytest.importorskip("sklearn.base").clone
    model = make(name, seed=5)
    assert {f.name for f in fields(model)} == set(model.get_params())
    other = clone(model)
    assert other is not model and other.get_params() == model.get_params()
    assert other.set_params(offset=0.5).offset == 0.5
    assert "offset=0.5" in repr(other)
    with pytest.raises(ValueError, match="no parameter 'nothing'"):
        other.set_params(nothing=1)
    with pytest.raises(TypeError):
        type(model)(1)  # keywords only


@every
def test_what_its_docstring_and_grid_say(name):
    kind = method(name)
    first = kind.__doc__.splitlines()[0]
    assert ":" in first and ("," in first), first  # authors: title, venue and year
    names = {f.name for f in fields(kind)}
    assert kind.grid and set(kind.grid) <= names
    assert all(len(values) > 0 for values in kind.grid.values())


@every
def test_an_unknown_parameter_suggests_the_nearest(name, sentence):
    words = f"{name} has no parameter 'offst'; did you mean offset? known are features, prototypes"
    with sentence(TypeError, words):
        method(name)(offst=1)
