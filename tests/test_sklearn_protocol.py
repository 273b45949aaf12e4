"""Columns with names, and prototypes by class: the same in every method of every model."""

import numpy as np
import pytest
from fast_methods import fast_params, fit, make  # noqa: F401
from frames import Frame

import tinygzsl as tz
from tinygzsl.stacking import RoutedGZSL, StackedGZSL
from tinygzsl.storage.arrays_file import State, write_npz

FEATURES, ATTRIBUTES = [f"f{i}" for i in range(12)], [f"a{i}" for i in range(6)]
SWAPPED = [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
every = pytest.mark.parametrize("kind", ["vsmm", "stack", "views", "routed", "ESZSL", "GGM"])


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


@pytest.fixture
def unfitted(make, small_model):  # noqa: F811
    """unfitted(kind) -> a model that is fitted in a blink."""

    def unfitted(kind):
        if kind == "vsmm":
            return small_model(vsmm_weight_es=0.0, vsmm_epochs=6)
        if kind == "routed":
            return RoutedGZSL(router=unfitted("vsmm"), expert=make("ESZSL"))
        if kind in ("stack", "views"):
            return StackedGZSL(experts=[make("ESZSL"), make("PrototypeRidge")])
        return make(kind)

    return unfitted


@pytest.fixture
def fitted(unfitted, data):
    """fitted(kind) -> a model, fitted on data frames or on arrays, or on the prototypes `seen`."""

    def fitted(kind, *, frames=True, seen=None):
        model, t = unfitted(kind), data.training()
        X = Frame(t.X, FEATURES) if frames else t.X
        seen = of_kind(kind, t.prototypes, frames=frames) if seen is None else seen
        unseen = of_kind(kind, data.unseen_prototypes, frames=frames)
        more = {"unseen_prototypes": unseen} if kind == "GGM" else {}
        return model.fit(X, t.y, seen, **more)

    return fitted


def of_kind(kind, a, index=None, *, frames=True):
    """Prototypes a (C, 6) as the kind of model takes them: data frames or arrays, or two views."""
    views = {"att": a, "sent": a[:, :4] ** 2}
    if frames:
        views = {n: Frame(v, ATTRIBUTES[: v.shape[1]], index) for n, v in views.items()}
    return views if kind == "views" else views["att"]


def each(function, prototypes):
    """function(frame), of several views of each."""
    if isinstance(prototypes, dict):
        return {view: function(frame) for view, frame in prototypes.items()}
    return function(prototypes)


def answers(model, X, y, unseen, classes):
    """(method, whether it looks at the prototypes, a call of it) of a model's methods."""
    calls = {
        "predict": (True, lambda: model.predict(X, unseen, classes)),
        "route": (True, lambda: model.route(X, unseen, classes)),
        "decision_function": (True, lambda: model.decision_function(X, unseen)),
        "compatibility": (True, lambda: model.compatibility(X, unseen)),
        "scores": (True, lambda: model.scores(X, unseen)),
        "panel": (True, lambda: model.panel(X, unseen)),
        "is_unseen": (True, lambda: model.is_unseen(X, unseen)),
        "predict_proba": (False, lambda: model.predict_proba(X)),
        "entropy": (False, lambda: model.entropy(X)),
        "score": (False, lambda: model.score(X, y)),
    }
    there = {name: call for name, call in calls.items() if hasattr(model, name)}
    if "decision_function" in there:  # a baseline
        there["predict_proba"] = True, lambda: model.predict_proba(X, unseen)
    if "scores" in there:  # EntropySeparationGZSL's eq. 10 needs no prototypes here
        there["is_unseen"] = False, lambda: model.is_unseen(X)
    assert len(there) >= 4
    return [(name, *call) for name, call in there.items()]


def loaded(model, tmp_path):
    model.save(tmp_path / "model.npz")
    return tz.load_model(tmp_path / "model.npz")


@every
def test_the_names_of_columns_are_kept_and_saved(kind, fitted, tmp_path):
    model = fitted(kind)
    again = type(model).from_state(model.state())
    for found in (model, again, loaded(model, tmp_path)):
        assert found.feature_names_in_.dtype == object
        assert found.feature_names_in_.tolist() == FEATURES
        names = found.attribute_names_in_
        if kind == "views":
            assert {view: list(n) for view, n in names.items()} == {
                "att": ATTRIBUTES,
                "sent": ATTRIBUTES[:4],
            }
        else:
            assert names.tolist() == ATTRIBUTES


@every
def test_arrays_leave_no_names(kind, fitted, data):
    model = fitted(kind, frames=False)
    assert not hasattr(model, "feature_names_in_") and not hasattr(model, "attribute_names_in_")
    assert "names" not in str(model.state().header)  # so files are the same as without this
    named = fitted(kind)
    more = {"unseen_prototypes": data.unseen_prototypes} if kind == "GGM" else {}
    named.fit(data.X_train, data.y_train, of_kind(kind, data.seen_prototypes, frames=False), **more)
    assert not hasattr(named, "feature_names_in_")


@every
def test_a_fit_that_fails_keeps_the_names(kind, fitted, data):
    model = fitted(kind)
    more = {"unseen_prototypes": data.unseen_prototypes} if kind == "GGM" else {}
    seen = of_kind(kind, data.seen_prototypes, frames=False)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(data.X_train, np.nan), data.y_train, seen, **more)
    assert model.feature_names_in_.tolist() == FEATURES


@every
def test_frames_give_the_labels_of_arrays(kind, fitted, data):
    frames, arrays = fitted(kind), fitted(kind, frames=False)
    found = frames.predict(
        Frame(data.X_test, FEATURES), of_kind(kind, data.unseen_prototypes), data.unseen_classes
    )
    expected = arrays.predict(
        data.X_test, of_kind(kind, data.unseen_prototypes, frames=False), data.unseen_classes
    )
    np.testing.assert_array_equal(found, expected)
    y, X = data.y_test_seen, Frame(data.X_test_seen, FEATURES)
    assert frames.score(X, y) == arrays.score(data.X_test_seen, y)


@every
def test_other_columns_are_refused_by_every_method(kind, fitted, data, sentence, tmp_path):
    X, unseen = Frame(data.X_test_seen, FEATURES), of_kind(kind, data.unseen_prototypes)
    y, classes = data.y_test_seen, data.unseen_classes
    swapped, renamed = X.permuted(SWAPPED), X.renamed(f3="new")
    shorter = X.permuted(range(11))
    order = [1, 0, 2, 3]
    by_name = each(lambda f: f.permuted([*order, *range(4, len(f.columns))]), unseen)
    new = each(lambda f: f.renamed(a1="new"), unseen)
    for model in (fitted(kind), loaded(fitted(kind), tmp_path)):
        for name, _, call in answers(model, swapped, y, unseen, classes):
            with sentence(ValueError, "X has its columns in another order", "'f1', not 'f0'"):
                pytest.fail(f"{name} took {call()}")
        for _, _, call in answers(model, renamed, y, unseen, classes):
            with sentence(ValueError, "X has the column 'new'", "no column 'f3'"):
                call()
        for _, _, call in answers(model, shorter, y, unseen, classes):
            with sentence(ValueError, "X has no column 'f11'"):
                call()
        for _, looks, call in answers(model, X, y, by_name, classes):
            if looks:
                with sentence(ValueError, "unseen_prototypes", "another order", "'a1', not 'a0'"):
                    call()
        for _, looks, call in answers(model, X, y, new, classes):
            if looks:
                with sentence(ValueError, "unseen_prototypes", "'new'", "no column 'a1'"):
                    call()


@every
def test_names_on_one_side_only_are_warned_about(kind, fitted, data):
    X, frame = data.X_test_seen, Frame(data.X_test_seen, FEATURES)
    with pytest.warns(UserWarning, match="X has no names of columns, but the training data had"):
        found = fitted(kind).predict(X)
    model = fitted(kind, frames=False)
    with pytest.warns(UserWarning, match="X has names of columns, but the training data had none"):
        np.testing.assert_array_equal(model.predict(frame), model.predict(X))
    np.testing.assert_array_equal(found, model.predict(X))
    unseen = of_kind(kind, data.unseen_prototypes)
    with pytest.warns(UserWarning, match=r"unseen_prototypes.* has names of columns, but"):
        model.predict(X, unseen, data.unseen_classes)


def test_proxies_with_other_columns_than_the_samples(small_model, data, sentence):
    t, model = data.training(), small_model()
    X, proxies = Frame(t.X, FEATURES), Frame(data.X_test_unseen, FEATURES)
    with sentence(ValueError, "proxies has its columns in another order", "order of X"):
        model.fit(X, t.y, t.prototypes, proxies=proxies.permuted(SWAPPED))
    model.fit(X, t.y, t.prototypes, proxies=proxies)


def test_names_in_a_file_that_do_not_fit_it(fitted, tmp_path, sentence):
    state = fitted("ESZSL").state()
    for names in ({"features": ["a"], "attributes": {}}, {"features": None}, {"features": 3}):
        header = {**state.header, "names": {"attributes": {"more": ["a"]}, **names}}
        write_npz(tmp_path / "bad.npz", State(header, state.arrays))
        with sentence(ValueError, "bad.npz is a damaged model file"):
            tz.load_model(tmp_path / "bad.npz")


# Prototypes by class


@every
@pytest.mark.parametrize("form", ["frame", "dict"])
def test_seen_prototypes_are_aligned_by_class(kind, form, fitted, data):
    def by_class(frame):
        frame = frame.rows([3, 0, 4, 1, 2])
        return frame if form == "frame" else dict(zip(frame.index, frame.values, strict=True))

    seen = each(by_class, of_kind(kind, data.seen_prototypes, data.seen_classes))
    X, model = Frame(data.X_test, FEATURES), fitted(kind, seen=seen)
    np.testing.assert_array_equal(model.predict(X), fitted(kind).predict(X))
    assert hasattr(model, "attribute_names_in_") == (form == "frame")


@pytest.mark.parametrize("kind", ["vsmm", "stack", "views", "routed", "ESZSL"])
def test_unseen_prototypes_bring_their_classes(kind, fitted, data):
    a, classes, X = data.unseen_prototypes, data.unseen_classes, Frame(data.X_test, FEATURES)
    model = fitted(kind)
    expected = model.predict(X, of_kind(kind, a), classes)
    by_class = each(lambda f: f.rows([1, 0]), of_kind(kind, a, classes))
    assert set(expected) > set(classes)
    for given in (None, classes, classes[::-1]):
        np.testing.assert_array_equal(model.predict(X, by_class, given), expected)
        if hasattr(model, "route"):
            np.testing.assert_array_equal(model.route(X, by_class, given).label, expected)


@every
def test_a_class_without_prototype_or_twice_is_named(kind, fitted, data, sentence):
    a, classes = data.seen_prototypes, data.seen_classes
    with sentence(ValueError, "prototypes", "no row for the class 6 of y"):
        fitted(kind, seen=of_kind(kind, a[:4], classes[:4]))
    with sentence(ValueError, "prototypes", "the class 3 twice"):
        fitted(kind, seen=of_kind(kind, a, np.array([0, 1, 3, 3, 6])))
    with sentence(ValueError, "prototypes", "a row for the class 2, which is not in y"):
        both = np.concatenate([a, data.unseen_prototypes])
        fitted(kind, seen=of_kind(kind, both, np.array([*classes, 2, 5])))
    with sentence(ValueError, "prototypes", "labelled '0' and y has 0", "the same kind"):
        fitted(kind, seen=of_kind(kind, a, classes.astype(str)))


@pytest.mark.parametrize("kind", ["vsmm", "stack", "views", "routed", "ESZSL"])
def test_unseen_classes_that_the_rows_do_not_have(kind, fitted, data, sentence):
    a, X = data.unseen_prototypes, Frame(data.X_test, FEATURES)
    model = fitted(kind)
    with sentence(ValueError, "unseen_prototypes", "no row for the class 9 of unseen_classes"):
        model.predict(X, of_kind(kind, a, data.unseen_classes), np.array([2, 9]))
    with sentence(ValueError, "unseen_prototypes", "a row for the class 5", "unseen_classes"):
        model.predict(X, of_kind(kind, a, data.unseen_classes), np.array([2]))
    with sentence(ValueError, "unseen_prototypes", "the class 2 twice"):
        model.predict(X, of_kind(kind, a, np.array([2, 2])))
    with sentence(ValueError, "class 6 is both seen and unseen"):
        model.predict(X, of_kind(kind, a, np.array([6, 2])))
