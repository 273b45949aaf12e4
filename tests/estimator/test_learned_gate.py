"""The estimator with router_gate="learned": what fit finds, what route does, what is kept."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

import tinygzsl as tz
from tinygzsl.datasets import scaling
from tinygzsl.gates import panel
from tinygzsl.storage import arrays_file
from tinygzsl.tuning import learned_gate
from tinygzsl.tuning.folds import disjoint_folds
from tinygzsl.tuning.gate_choice import as_folds, fit_learned
from tinygzsl.tuning.learned_gate import FITTED
from tinygzsl.tuning.trials import FoldTrainer

FEATURES = [("entropy", "gap"), ("entropy", "gap", "neighbours"), ("neighbours",)]
GATE = {"router_gate": "learned", "vsmm_weight_es": 0.0}
ALL_THREE = {**GATE, "router_features": FEATURES[1]}


@pytest.fixture
def learned(fit):
    return fit(**ALL_THREE)


def numbers(model):
    return {name: getattr(model.settings_, name) for name in FITTED}


def training_arrays(data):
    return data.X_train, data.y_train, data.seen_prototypes


# What it decides


@pytest.mark.wheel
@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_kernel_decides_as_the_formulas_do(fit, data, unseen, features, dtype):
    model = fit(**GATE, router_features=features, dtype=dtype)
    result = model.route(data.X_test, *unseen)
    decided = panel.decide(model.decision_, model.panel(data.X_test, unseen[0]))
    labels = np.concatenate([data.seen_classes, data.unseen_classes])
    clear = np.abs(decided.margin) > 1e-4
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(result.label[clear], labels[decided.index[clear]])
    tolerance = 2e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(result.gate, decided.gate, rtol=tolerance)
    np.testing.assert_allclose(result.score, decided.score, rtol=tolerance)
    assert np.array_equal(result.route == "SL", np.isin(result.label, data.seen_classes))


@pytest.mark.wheel
def test_the_scores_of_all_classes_by_hand(fit, data, unseen):
    model = fit(**GATE)
    s, result = model.settings_, model.route(data.X_test, *unseen)
    p, h = model.predict_proba(data.X_test), model.entropy(data.X_test)
    f = model.compatibility(data.X_test, unseen[0]).astype(float) / model.gap_scale_
    phi = np.stack([h / math.log(5), f[:, :5].max(axis=1) - f[:, 5:].max(axis=1)], axis=1)
    g = ((phi - s.router_means) / s.router_deviations) @ s.router_weights + s.router_intercept
    rho = 1 / (1 + np.exp(-(s.router_kappa * g - s.router_offset)))
    q = np.exp((f[:, 5:] - f[:, 5:].max(axis=1, keepdims=True)) / s.router_tau)
    q /= q.sum(axis=1, keepdims=True)
    scores = np.concatenate([rho[:, None] * p, (1 - rho)[:, None] * q], axis=1)
    labels = np.concatenate([data.seen_classes, data.unseen_classes])
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(result.label, labels[scores.argmax(axis=1)])
    assert result.score == pytest.approx(scores.max(axis=1), rel=1e-3)
    assert result.gate == pytest.approx(rho, rel=1e-3)


def test_the_unit_of_the_gap_is_the_spread_of_training_scores_within_a_sample(learned, data):
    f = learned.compatibility(data.X_train, data.seen_prototypes[:1])[:, :5].astype(float)
    expected = (f - f.mean(axis=1, keepdims=True)).std()
    assert learned.gap_scale_ == pytest.approx(expected, rel=1e-5)


def test_it_is_better_than_entropy_alone(learned, fit, data):
    """On data whose prototypes predict the features well."""
    soft = fit(router_gate="soft", vsmm_weight_es=0.0)
    assert tz.evaluate(learned, data)["H"] > tz.evaluate(soft, data)["H"]


@pytest.mark.wheel
def test_rows_one_at_a_time_in_another_order_and_in_chunks(learned, data, unseen, monkeypatch):
    whole = learned.route(data.X_test, *unseen)
    order = np.random.default_rng(0).permutation(len(data.X_test))
    shuffled = learned.route(data.X_test[order], *unseen)
    few = [learned.route(data.X_test[i : i + 1], *unseen) for i in range(20)]
    alone = [np.concatenate(column) for column in zip(*few, strict=True)]
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 7)
    chunked = learned.route(data.X_test, *unseen)
    expected = [column[order] for column in whole], whole, [column[:20] for column in whole]
    for other, columns in zip((shuffled, chunked, alone), expected, strict=True):
        for mine, theirs in zip(other[:2], columns[:2], strict=True):
            assert np.array_equal(mine, theirs)
        for mine, theirs in zip(other[2:], columns[2:], strict=True):
            assert np.allclose(mine, theirs, atol=1e-5)


def test_without_unseen_prototypes_every_class_is_seen(learned, data):
    result = learned.route(data.X_test)
    assert set(result.gate.tolist()) == {1.0}
    assert np.array_equal(
        result.label, learned.classes_[learned.predict_proba(data.X_test).argmax(1)]
    )


def test_is_unseen_is_a_gate_below_a_half_and_needs_prototypes(learned, data, unseen, sentence):
    gate = learned.route(data.X_test, *unseen).gate
    assert np.array_equal(learned.is_unseen(data.X_test, unseen[0]), gate < 0.5)
    with sentence(ValueError, "is_unseen got no unseen_prototypes", "pass them"):
        learned.is_unseen(data.X_test)


def test_other_gates_have_nothing_learned(model, data, unseen, sentence):
    with sentence(ValueError, "router_gate is 'hard'", "router_gate='learned'"):
        model.decision_  # noqa: B018
    assert model.panel(data.X_test, unseen[0]).similarities == {}
    np.testing.assert_array_equal(
        model.is_unseen(data.X_test, unseen[0]), model.is_unseen(data.X_test)
    )


def test_far_more_or_fewer_unseen_classes_than_on_the_folds_are_said(fit, data):
    model = fit(**GATE)
    assert sorted(model.settings_.router_fold_unseen) == [2, 3]
    prototypes = np.random.default_rng(1).random((7, 6))
    for count in (1, 6):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.predict(data.X_test, prototypes[:count], np.arange(10, 10 + count))
    with pytest.warns(UserWarning, match="there are 7 unseen classes.*with 2 to 3 pseudo") as said:
        model.predict(data.X_test, prototypes, np.arange(10, 17))
    assert said[0].filename == __file__


# What fit finds


def test_the_numbers_are_those_of_the_folds(learned, data, small_model):
    """The folds alone, by the parts of the search."""
    params = {k: v for k, v in small_model(**ALL_THREE).get_params().items() if v is not None}
    params.pop("preset")
    seed = params.pop("seed")
    settings = tz.settings.settings_for(
        "small", {n: v for n, v in params.items() if hasattr(learned.settings_, n)}
    )
    settings = replace(settings, router_delta_low=0.3, router_delta_high=0.8)
    folds = disjoint_folds(data.training(), seed=seed)
    found, near = [], []
    for fold in folds:
        trainer = FoldTrainer(fold, seed=seed, device="cpu", dtype="float32")
        found.append(trainer.scores_of(settings))
        near.append(trainer.similarity(settings))
    assert fit_learned(as_folds(found, near), FEATURES[1]) == numbers(learned)
    assert learned.settings_.router_fold_unseen == tuple(len(f.unseen_classes) for f in folds)


@pytest.mark.wheel
def test_the_same_seed_finds_the_same_bits_and_another_does_not(fit):
    one, other, third = (numbers(fit(**ALL_THREE, seed=seed)) for seed in (3, 3, 4))
    assert one == other
    assert one["router_weights"] != third["router_weights"]


@pytest.mark.wheel
def test_the_number_of_threads_changes_no_bit_of_little_data(fit):
    one, two = (numbers(fit(**ALL_THREE, threads=threads)) for threads in (1, 2))
    assert one == two


@pytest.mark.wheel
def test_numbers_given_as_settings_give_the_same_model_without_folds(
    learned, fit, data, unseen, monkeypatch
):
    monkeypatch.setattr(learned_gate, "disjoint_folds", lambda *_, **__: 1 / 0)
    again = fit(**{**ALL_THREE, **numbers(learned)})
    assert again.settings_ == learned.settings_
    results = (model.route(data.X_test, *unseen) for model in (learned, again))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_found_is_kept_as_given(learned, small_model):
    """A saved model says all that repeats its training; the parameters stay what was passed."""
    assert learned.router_weights is None
    assert {name: learned._fit_params[name] for name in FITTED} == numbers(learned)


@pytest.mark.filterwarnings("ignore:the classifier gets")
def test_folds_look_at_nothing_but_training_data(data):
    """Unseen prototypes and test samples are replaced by others and by NaN."""
    found = []
    for change in (lambda a: a, lambda a: a[::-1] * 100 + 7, lambda a: np.full_like(a, np.nan)):
        other = replace(
            data,
            X_test=change(data.X_test),
            unseen_prototypes=change(data.unseen_prototypes),
        )
        training = other.training()
        model = tz.EntropySeparationGZSL(
            preset="small", vsmm_latent=16, vsmm_epochs=3, vsmm_lr=1e-2, **ALL_THREE
        )
        model.fit(training.X, training.y, training.prototypes)
        arrays = [*model.vsmm_.params, *model._neighbours.state("n").arrays.values()]
        found.append((numbers(model), [a.tobytes() for a in arrays]))
    assert found[0] == found[1] == found[2]


def test_folds_have_proxies_where_the_model_has(fit, monkeypatch):
    asked, of_fold = [], FoldTrainer.scores_of

    def spy(trainer, settings, *, proxies=None):
        asked.append((settings.vsmm_weight_es, proxies))
        return of_fold(trainer, settings, proxies=proxies)

    monkeypatch.setattr(FoldTrainer, "scores_of", spy)
    fit(router_gate="learned", cs_low=0.002, cs_high=0.5)
    assert asked == [(1.0, None)] * len(asked)
    assert len(asked) == 2


def test_proxies_passed_to_fit_are_those_of_the_folds(fit, data, monkeypatch):
    proxies, asked, of_vsmm = data.X_train[:40] + 1, [], FoldTrainer.vsmm

    def spy(trainer, settings, *, proxies=None, **watching):
        asked.append(proxies)
        return of_vsmm(trainer, settings, proxies=proxies, **watching)

    monkeypatch.setattr(FoldTrainer, "vsmm", spy)
    monkeypatch.setattr(FoldTrainer, "windows", lambda *_: 1 / 0)  # no CWGAN
    model = fit(proxies=proxies, router_gate="learned")
    assert [scaled.shape for scaled in asked] == [(40, 12)] * 2
    assert not np.array_equal(asked[0], asked[1])  # each with the scaler of its fold
    assert numbers(model) != numbers(fit(proxies=proxies + 1, router_gate="learned"))


def test_a_fold_without_a_model_is_said_and_one_alone_is_not_enough(
    fit, data, small_model, monkeypatch, sentence
):
    of_fold, calls = FoldTrainer.scores_of, []

    def second_fails(trainer, settings, *, proxies=None):
        calls.append(trainer)
        return None if len(calls) == 2 else of_fold(trainer, settings, proxies=proxies)

    monkeypatch.setattr(FoldTrainer, "scores_of", second_fails)
    with (
        pytest.warns(UserWarning, match="fold 2 of 2 doesn't count for the learned gate") as said,
        sentence(ValueError, "only 1 of 2 folds could be trained", "router_gate='soft'"),
    ):
        fit(**GATE)
    assert len(said) == 1


def test_the_work_on_folds_is_reported(fit):
    logs = []
    fit(**GATE, callback=lambda step, log: logs.append((step, log["phase"], log.get("total"))))
    of_gate = [log for log in logs if log[1] == "gate"]
    assert list(dict.fromkeys(of_gate)) == [(i, "gate", 2) for i in range(3)]
    assert [log[1] for log in logs].index("vsmm") > 2


def test_too_few_classes_for_folds_are_said(data, small_model, sentence):
    few = np.isin(data.y_train, data.seen_classes[:3])
    with sentence(ValueError, "at least 4 seen classes", "have 3"):
        small_model(**GATE).fit(data.X_train[few], data.y_train[few], data.seen_prototypes[:3])


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"router_weights": (1.0,)}, ("router_weights has 1 numbers for 2 router_features",)),
        ({"router_means": (1.0, 2.0)}, ("router_means has 2 numbers", "none in all three")),
        ({"router_features": ("gap", "gap")}, ("gap, gap", "name each once")),
        ({"router_features": ("gaps",)}, ("router_features is ('gaps',)", "neighbours")),
        ({"router_kappa": 0.0}, ("router_kappa is 0.0",)),
        ({"router_deviations": (0.0, 1.0)}, ("router_deviations is (0.0, 1.0)",)),
        ({"router_unit": "measured", "vsmm_weight_es": 1.0}, ("router_unit is 'measured'",)),
    ],
)
def test_numbers_that_do_not_fit_are_one_sentence(fit, sentence, changes, parts):
    with sentence(ValueError, *parts):
        fit(**{**GATE, **changes})


def test_scikit_learn_can_clone_it(small_model, learned):
    model = small_model(**{**ALL_THREE, **numbers(learned)})
    assert clone(model).get_params() == model.get_params()
    assert clone(learned).get_params() == learned.get_params()


# What is kept


@pytest.mark.wheel
@pytest.mark.parametrize("features", FEATURES)
def test_a_saved_model_routes_the_same(fit, data, unseen, tmp_path, features):
    model = fit(**GATE, router_features=features)
    model.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    assert loaded.settings_ == model.settings_
    assert (loaded.gap_scale_, loaded.decision_) == (model.gap_scale_, model.decision_)
    results = (m.route(data.X_test, *unseen) for m in (model, loaded))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()


def test_training_samples_are_kept_with_neighbours_alone(fit, learned):
    plain = fit(**GATE).state().arrays
    more = set(learned.state().arrays) - set(plain)
    assert more == {"neighbours_mean", "neighbours_inverse", "neighbours_directions"}
    assert learned.state().arrays["neighbours_directions"].shape == (150, 12)
    assert 150 not in {shape for array in plain.values() for shape in array.shape}


@pytest.mark.parametrize("part", ["neighbours_directions", "neighbours_inverse"])
def test_a_file_whose_neighbours_do_not_fit_is_refused(learned, tmp_path, part):
    path = tmp_path / "model.npz"
    learned.save(path)
    header, arrays = arrays_file.read_npz(path, "model")
    for changed in ({**arrays, part: arrays[part][:, 1:]}, {**arrays, part: arrays[part] * np.nan}):
        arrays_file.write_npz(path, arrays_file.State(json.loads(json.dumps(header)), changed))
        with pytest.raises(ValueError, match=part):
            tz.load_model(path)
    del arrays[part]
    arrays_file.write_npz(path, arrays_file.State(json.loads(json.dumps(header)), arrays))
    with pytest.raises(ValueError, match=part):
        tz.load_model(path)


@pytest.mark.wheel
def test_a_file_from_before_the_learned_gate_loads(fit, data, unseen, tmp_path, sentence):
    model, path = fit(router_gate="soft", vsmm_weight_es=0.0), tmp_path / "model.npz"
    model.save(path)
    header, arrays = arrays_file.read_npz(path, "model")
    del header["gap_scale"]
    for name in FITTED:
        if name not in ("router_gate", "router_tau"):
            del header["settings"][name]
    arrays_file.write_npz(path, arrays_file.State(json.loads(json.dumps(header)), arrays))
    loaded = tz.load_model(path)
    assert loaded.gap_scale_ is None
    results = (m.route(data.X_test, *unseen) for m in (model, loaded))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    with sentence(ValueError, "no gap_scale", "fit the model again"):
        loaded.panel(data.X_test, unseen[0])


def test_a_sample_far_from_all_others_has_finite_features(learned, unseen):
    """So no weight is multiplied by NaN, whichever side wins."""
    X = np.array([[1e6] * 12, [-1e6] * 12, [0.0] * 12], "float32")
    result = learned.route(X, *unseen)
    assert np.isfinite(result.gate).all()
    assert np.isfinite(result.score).all()
    phi = learned.panel(X, unseen[0]).phi(FEATURES[1])
    assert np.isfinite(phi).all()


def test_a_fold_that_does_not_count_leaves_the_others_with_their_own_similarities(monkeypatch):
    rng = np.random.default_rng(0)
    a, y = rng.random((6, 8), dtype="float32"), np.repeat(np.arange(6), 20)
    X = a[y] @ rng.normal(size=(8, 12)) + 0.3 * rng.normal(size=(120, 12))
    training = tz.datasets.TrainingSet(X.astype("float32"), y, a, np.arange(6))
    given = {"vsmm_latent": 16, "vsmm_epochs": 3, "vsmm_lr": 1e-2, **ALL_THREE}
    settings, how = tz.settings.settings_for("small", given), {"device": "cpu", "dtype": "float32"}
    of_fold, calls, met = FoldTrainer.scores_of, [], []

    def second_fails(trainer, settings, *, proxies=None):
        calls.append(trainer)
        return None if len(calls) == 2 else of_fold(trainer, settings, proxies=proxies)

    def spy(scores, near):
        met.extend(zip(scores, near, strict=True))
        return as_folds(scores, near)

    monkeypatch.setattr(FoldTrainer, "scores_of", second_fails)
    monkeypatch.setattr(learned_gate, "as_folds", spy)
    with pytest.warns(UserWarning, match="fold 2 of 3 doesn't count"):
        learned_gate.with_fitted_gate(training, settings, seed=0, **how)
    first, _, third = disjoint_folds(training)
    for (scores, near), fold in zip(met, (first, third), strict=True):
        assert len(scores.y) == len(fold.y_test)
        trainer = FoldTrainer(fold, seed=0, **how)
        np.testing.assert_array_equal(near, trainer.similarity(settings))
