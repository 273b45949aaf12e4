"""StackedGZSL: what its decision is made of, and that nothing else decides."""

import warnings

import numpy as np
import pytest

from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.gates.panel import Fold, Panel, decide, expert_scores, fit_decision, held_out_h
from tinygzsl.stacking import StackedGZSL
from tinygzsl.stacking import stack as stack_module
from tinygzsl.tuning.folds import disjoint_folds


@pytest.fixture
def fitted(stack):
    return stack()


def test_the_decision_is_that_of_experts_fitted_apart(data, unseen, make):
    params = {"ESZSL": make("ESZSL"), "ridge": make("PrototypeRidge", features="standard")}
    training, panels = data.training(), []
    for fold in disjoint_folds(training, seed=3):
        models = {
            name: type(model)(**model.get_params()).fit(
                fold.X_train, fold.y_train, fold.seen_prototypes
            )
            for name, model in params.items()
        }
        scores = {
            name: apart(model, fold.X_train, fold.X_test, fold.unseen_prototypes)
            for name, model in models.items()
        }
        order = np.concatenate([fold.seen_classes, fold.unseen_classes]).tolist()
        y = np.array([order.index(label) for label in fold.y_test])
        panels.append(Fold(panel=Panel(experts=scores, similarities={}), y=y))
    expected = fit_decision(panels, ("gap",))
    model = StackedGZSL(experts=params, features=("gap",), seed=3)
    model.fit(training.X, training.y, training.prototypes)
    assert model.decision_ == expected
    assert model.held_out_h_ == {("gap",): held_out_h(panels, ("gap",))}
    assert model.fold_unseen_ == tuple(len(f.unseen_classes) for f in disjoint_folds(training))

    scores = {
        name: apart(
            m.fit(training.X, training.y, training.prototypes), training.X, data.X_test, unseen[0]
        )
        for name, m in params.items()
    }
    found = decide(expected, Panel(experts=scores, similarities={}))
    result = model.route(data.X_test, *unseen)
    labels = np.concatenate([data.seen_classes, data.unseen_classes])[found.index]
    np.testing.assert_array_equal(result.label, labels)
    np.testing.assert_array_equal(result.route == "SL", np.isin(labels, data.seen_classes))
    np.testing.assert_allclose(result.score, found.score, rtol=1e-12)
    np.testing.assert_allclose(result.gate, found.gate, rtol=1e-12)
    p = model.predict_proba(data.X_test)
    np.testing.assert_allclose(result.entropy, -(p * np.log(p)).sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(model.entropy(data.X_test), result.entropy, rtol=1e-5)


def apart(model, X_train, X, unseen_prototypes):
    """The scores of an expert without a classifier, in its unit on training samples."""
    f = model.decision_function(X_train).astype(float)
    unit = (f - f.mean(axis=1, keepdims=True)).std()
    f = model.decision_function(X, unseen_prototypes)
    return expert_scores(f, n_seen=len(model.classes_), unit=unit)


def test_a_panel_has_what_route_decides_by(fitted, data, unseen):
    panel = fitted.panel(data.X_test, unseen[0])
    found, result = decide(fitted.decision_, panel), fitted.route(data.X_test, *unseen)
    labels = np.concatenate([data.seen_classes, data.unseen_classes])
    np.testing.assert_array_equal(labels[found.index], result.label)
    np.testing.assert_array_equal(found.gate, result.gate)
    np.testing.assert_array_equal(fitted.is_unseen(data.X_test, unseen[0]), result.gate < 0.5)
    assert list(panel.experts) == list(fitted.experts_) == ["VSMM", "ESZSL", "DEM"]
    assert panel.experts["ESZSL"].entropy is None
    vsmm = fitted.experts_["VSMM"]
    np.testing.assert_allclose(
        panel.experts["VSMM"].entropy * np.log(5), vsmm.entropy(data.X_test), rtol=1e-6
    )


def test_one_expert_is_the_estimators_own_learned_gate(small_model, data, unseen):
    params = {"vsmm_weight_es": 0.0, "seed": 5}
    alone = small_model(**params, router_gate="learned", router_features=("entropy", "gap"))
    alone.fit(data.X_train, data.y_train, data.seen_prototypes)
    stacked = StackedGZSL(
        experts={"VSMM": small_model(**params)}, features=("entropy", "gap"), seed=5
    ).fit(data.X_train, data.y_train, data.seen_prototypes)
    assert stacked.decision_.seen_weights == (1.0,)
    one, other = alone.decision_, stacked.decision_
    np.testing.assert_allclose(one.unseen_weights, other.unseen_weights, rtol=1e-4)
    np.testing.assert_allclose(one.gate.weights, other.gate.weights, rtol=1e-4)
    assert (one.gate.kappa, one.gate.offset) == (other.gate.kappa, other.gate.offset)
    mine, theirs = stacked.route(data.X_test, *unseen), alone.route(data.X_test, *unseen)
    np.testing.assert_array_equal(mine.label, theirs.label)
    np.testing.assert_allclose(mine.gate, theirs.gate, rtol=1e-3, atol=1e-5)


def test_without_unseen_prototypes_the_seen_classes_are_candidates(fitted, data):
    result, p = fitted.route(data.X_test), fitted.predict_proba(data.X_test)
    np.testing.assert_array_equal(result.label, data.seen_classes[p.argmax(axis=1)])
    np.testing.assert_array_equal(fitted.predict(data.X_test), result.label)
    np.testing.assert_allclose(result.score, p.max(axis=1))
    assert set(result.route) == {"SL"} and set(result.gate) == {1.0}
    np.testing.assert_allclose(p.sum(axis=1), 1)
    y = data.y_test_seen
    right = fitted.predict(data.X_test_seen) == y
    assert fitted.score(data.X_test_seen, y) == right.mean() > 0.9


def test_it_is_good_on_the_tiny_dataset(fitted, data, unseen):
    assert (fitted.predict(data.X_test, *unseen) == data.y_test).mean() > 0.9


def test_no_sample_depends_on_others(fitted, data, unseen, monkeypatch):
    whole = fitted.route(data.X_test, *unseen)
    order = np.random.default_rng(0).permutation(len(data.X_test))
    monkeypatch.setattr(stack_module, "CHUNK_ROWS", 7)
    parts = fitted.route(data.X_test[order], *unseen)
    np.testing.assert_array_equal(whole.label[order], parts.label)
    np.testing.assert_allclose(whole.gate[order], parts.gate, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(whole.score[order], parts.score, rtol=1e-4, atol=1e-6)
    one = fitted.route(data.X_test[3:4], *unseen)
    assert one.label[0] == whole.label[3]


def test_one_row_at_a_time_gives_the_same_to_rounding(stack, data, unseen):
    model = stack(features=("entropy", "gap", "neighbours"))
    whole = model.route(data.X_test, *unseen)
    rows = [model.route(row[None], *unseen) for row in data.X_test]
    for name in ("label", "route"):
        one_by_one = np.concatenate([getattr(row, name) for row in rows])
        np.testing.assert_array_equal(one_by_one, getattr(whole, name))
    for name in ("entropy", "score", "gate"):
        one_by_one = np.concatenate([getattr(row, name) for row in rows])
        np.testing.assert_allclose(one_by_one, getattr(whole, name), rtol=0, atol=1e-5)


def test_a_panel_is_computed_in_chunks(stack, data, unseen, monkeypatch):
    model, sizes = stack(features=("entropy", "gap", "neighbours")), []
    whole, panel = model.panel(data.X_test, unseen[0]), type(model._scorer).panel

    def counted(self, X, unseen):
        sizes.append(len(X))
        return panel(self, X, unseen)

    monkeypatch.setattr(stack_module, "CHUNK_ROWS", 7)
    monkeypatch.setattr(type(model._scorer), "panel", counted)
    parts = model.panel(data.X_test, unseen[0])
    assert max(sizes) == 7 and sum(sizes) == len(data.X_test)
    assert list(parts.experts) == list(whole.experts)
    assert list(parts.similarities) == list(whole.similarities) == ["standard", "none"]
    assert parts.experts["ESZSL"].entropy is None
    kinds = ("entropy", "gap", "neighbours")
    for one, other in (
        (parts.seen, whole.seen),
        (parts.unseen, whole.unseen),
        (parts.phi(model.decision_.gate.features), whole.phi(model.decision_.gate.features)),
        *zip(parts.features(kinds).values(), whole.features(kinds).values(), strict=True),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(stack, fitted, same_results):
    same_results(fitted, stack())
    other = stack(seed=1)
    assert other.decision_ != fitted.decision_
    assert not np.array_equal(
        other.experts_["VSMM"].vsmm_.f_v.params[0], fitted.experts_["VSMM"].vsmm_.f_v.params[0]
    )


def test_one_and_two_threads_give_the_same_labels(stack, data, unseen):
    one, two = (stack(threads=threads).predict(data.X_test, *unseen) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_features_can_be_given(stack, fitted):
    assert list(fitted.held_out_h_) == [("entropy", "gap"), ("entropy", "gap", "neighbours")]
    only = stack(features=("gap",)).decision_.gate.features
    assert only == ("gap of VSMM", "gap of ESZSL", "gap of DEM")
    every = stack(features=("entropy", "neighbours")).decision_.gate.features
    assert every == ("entropy of VSMM", "neighbours of standard", "neighbours of none")


@pytest.mark.parametrize(("gain", "expected"), [(0.004, 2), (0.006, 3)])
def test_neighbours_must_be_clearly_better(stack, monkeypatch, gain, expected):
    from tinygzsl.stacking import training

    monkeypatch.setattr(
        training, "held_out_h", lambda folds, kinds: [0.5 + gain * (len(kinds) > 2)] * 2
    )
    kinds = {name.split(" of ")[0] for name in stack().decision_.gate.features}
    assert len(kinds) == expected


def test_each_view_has_its_experts(data, unseen, sentence):
    seen = {"att": data.seen_prototypes, "sent": data.seen_prototypes[:, :4] ** 2}
    views = {"sent": unseen[0][:, :4] ** 2, "att": unseen[0]}  # in any order
    model = StackedGZSL(experts=[ESZSL(features="standard"), PrototypeRidge()])
    model.fit(data.X_train, data.y_train, seen)
    names = ["ESZSL, att", "ESZSL, sent", "PrototypeRidge, att", "PrototypeRidge, sent"]
    assert list(model.experts_) == names
    apart = ESZSL(features="standard").fit(data.X_train, data.y_train, seen["sent"])
    panel = model.panel(data.X_test, views)
    f = apart.decision_function(data.X_test, views["sent"])[:, 5:]
    scale = panel.experts["ESZSL, sent"].unseen / f
    np.testing.assert_allclose(scale, scale[0, 0], rtol=1e-3)
    assert (model.predict(data.X_test, views, unseen[1]) == data.y_test).mean() > 0.8
    with sentence(ValueError, "no view 'sent'"):
        model.predict(data.X_test, {"att": views["att"]}, unseen[1])
    with sentence(ValueError, "the view 'more'"):
        model.predict(data.X_test, {**views, "more": views["att"]}, unseen[1])
    with sentence(ValueError, "is one array"):
        model.predict(data.X_test, views["att"], unseen[1])
    with sentence(ValueError, "unseen_prototypes['sent'] has 3 columns"):
        model.predict(data.X_test, {**views, "sent": views["sent"][:, :3]}, unseen[1])


def test_other_numbers_of_unseen_classes_are_told(fitted, data):
    many = np.random.default_rng(0).random((9, 6))
    with pytest.warns(UserWarning, match="9 unseen classes"):
        fitted.predict(data.X_test, many, np.arange(100, 109))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(data.X_test, many[:4], np.arange(100, 104))


def test_progress_has_an_end_and_says_what_it_takes(stack):
    said = []
    stack(callback=lambda step, logs: said.append((step, logs)))
    assert [step for step, _ in said] == list(range(14))  # 2 folds x 5 and 3 at the end
    assert {(logs["phase"], logs["total"]) for _, logs in said} == {("stack", 13)}
    left = [logs["seconds_left"] for _, logs in said]
    assert left[:5] == [None] * 5 and left[5] > 0 and left[-1] == 0
    assert {logs["expected_bytes"] > 10_000 for _, logs in said} == {True}
    assert said[0][1]["piece"] == "" and said[2][1]["piece"] == "ESZSL, fold 1 of 2"
    assert said[-1][1]["piece"] == "DEM, all samples"


def test_parameters_are_those_of_scikit_learn(experts, data, unseen):
    sklearn = pytest.importorskip("sklearn.base")
    model = StackedGZSL(experts=experts, features=("gap",), seed=4)
    copied = sklearn.clone(model)
    assert copied.get_params()["seed"] == 4 and copied.features == ("gap",)
    assert list(copied.experts) == list(experts)
    assert copied.experts["ESZSL"] is not experts["ESZSL"]
    assert sklearn.is_classifier(model)
    assert repr(StackedGZSL()) == "StackedGZSL()" and "ESZSL(" in repr(model)
    assert model.set_params(features=None) is model and model.features is None
    listed = sklearn.clone(StackedGZSL(experts=list(experts.values())))
    assert [type(e) for e in listed.experts] == [type(e) for e in experts.values()]


def test_a_failed_fit_leaves_the_model_as_it_was(fitted, data, unseen, sentence):
    before = fitted.predict(data.X_test, *unseen)
    with sentence(ValueError, "y has"):
        fitted.fit(data.X_train, data.y_train[:-1], data.seen_prototypes)
    np.testing.assert_array_equal(fitted.predict(data.X_test, *unseen), before)


def test_labels_may_be_text(data, unseen):
    names = np.array([f"class {i}" for i in range(7)])
    model = StackedGZSL(experts=[ESZSL()]).fit(
        data.X_train, names[data.y_train], data.seen_prototypes
    )
    found = model.predict(data.X_test, unseen[0], names[unseen[1]])
    assert found.dtype.kind == "U" and (found == names[data.y_test]).mean() > 0.5


def test_errors_are_sentences(fitted, data, unseen, sentence):
    X, a, classes = data.X_test, *unseen
    with sentence(ValueError, "not fitted"):
        StackedGZSL().predict(X)
    for call in (fitted.predict, fitted.route):
        with sentence(ValueError, "unseen_classes came without"):
            call(X, unseen_classes=classes)
        with sentence(ValueError, "without unseen_classes"):
            call(X, a)
        with sentence(ValueError, "both seen and unseen"):
            call(X, a, data.seen_classes[:2])
        with sentence(ValueError, "X has 11 columns", "12"):
            call(X[:, 1:], a, classes)
    with sentence(ValueError, "X has 12 values that are NaN", "row 9"):
        fitted.predict(np.where(np.arange(len(X))[:, None] == 9, np.nan, X))
    with sentence(ValueError, "unseen_prototypes", "NaN"):
        fitted.is_unseen(X, a * np.nan)
    with sentence(ValueError, "unseen_prototypes has shape (0, 6)"):
        fitted.predict(X, a[:0], classes[:0])
    training = data.X_train, data.y_train, data.seen_prototypes
    with sentence(ValueError, "features is ('gap', 'gap')"):
        StackedGZSL(features=("gap", "gap")).fit(*training)
    with sentence(ValueError, "features is 'gap'"):
        StackedGZSL(features="gap").fit(*training)
    with sentence(ValueError, "only EntropySeparationGZSL has an entropy"):
        StackedGZSL(experts=[ESZSL()], features=("entropy",)).fit(*training)
    for features in (("entropy", "gap"), ("neighbours", "entropy")):
        with sentence(ValueError, "features is " + str(features), "leave out 'entropy'"):
            StackedGZSL(experts=[untrained(ESZSL)()], features=features).fit(*training)
    with sentence(ValueError, "no expert has neighbours", "leave out 'neighbours'"):
        odd = untrained(ESZSL)(features="whitened")
        StackedGZSL(experts=[odd], features=("gap", "neighbours")).fit(*training)
    with sentence(ValueError, "seed is -1"):
        StackedGZSL(seed=-1).fit(*training)
    with sentence(ValueError, "seen_prototypes['sent'] has 4 rows"):
        views = {"att": data.seen_prototypes, "sent": data.seen_prototypes[1:]}
        StackedGZSL(experts=[ESZSL()]).fit(data.X_train, data.y_train, views)
    few = data.y_train < 4
    with sentence(ValueError, "at least 4 seen classes"):
        StackedGZSL(experts=[ESZSL()]).fit(
            data.X_train[few], data.y_train[few], data.seen_prototypes[:3]
        )


def untrained(method):
    """A subclass of the method that can't be trained."""

    class Untrained(method):
        def fit(self, X, y, seen_prototypes):
            raise AssertionError("it was trained")

    return Untrained


def test_the_neighbours_of_a_fold_are_its_training_samples_in_each_scaling(data, monkeypatch):
    from tinygzsl.stacking import training as stack_training
    from tinygzsl.stacking.similarity import fit_similarity

    panels, decide_on = [], stack_training.fit_decision
    monkeypatch.setattr(
        stack_training,
        "fit_decision",
        lambda folds, kinds: panels.extend(f.panel for f in folds) or decide_on(folds, kinds),
    )
    training = data.training()
    experts = [ESZSL(features="standard"), PrototypeRidge(features="minmax")]
    model = StackedGZSL(experts=experts, features=("gap", "neighbours"))
    model.fit(training.X, training.y, training.prototypes)

    def check(similarities, X, y, X_test):
        assert list(similarities) == ["standard", "minmax"]
        index = np.unique(y, return_inverse=True)[1]
        for scaling, found in similarities.items():
            near = fit_similarity(X, index, scaling=scaling, dtype="float32")
            np.testing.assert_array_equal(found, near.of(X_test))

    for panel, fold in zip(panels, disjoint_folds(training), strict=True):
        check(panel.similarities, fold.X_train, fold.y_train, fold.X_test)
    panel = model.panel(data.X_test, data.unseen_prototypes)
    check(panel.similarities, training.X, training.y, data.X_test)
