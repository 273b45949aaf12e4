"""A panel of experts: its features, what it decides, and that a fold judges what it didn't fit."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.gates import learned
from tinygzsl.gates.learned import gate_of
from tinygzsl.gates.panel import (
    LEAST_WEIGHT,
    Decision,
    Fold,
    Panel,
    decide,
    expert_scores,
    fit_decision,
    fold_features,
    held_out_h,
    score_unit,
)
from tinygzsl.metrics import harmonic_mean, mean_class_accuracy
from tinygzsl.settings import Settings

N_SEEN, N_UNSEEN = 6, 3
BOTH, ALL = ("entropy", "gap"), ("entropy", "gap", "neighbours")


def raw(seed=0, n=150, *, quality=1.5):
    """logits (n, S), F (n, S + U), similarity (n,) and labels (n,)."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(9), rng.integers(0, 9, n - 9)])
    is_seen = y < N_SEEN
    logits, f = rng.normal(size=(n, N_SEEN)), 2.5 * rng.normal(size=(n, 9))
    f[np.arange(n), y] += 2.5 * quality
    logits[np.flatnonzero(is_seen), y[is_seen]] += 2 * quality
    return logits, f, rng.normal(size=n) + is_seen, y


def log_softmax(z):
    return (
        z
        - z.max(axis=1, keepdims=True)
        - np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    )


def expert(logits, f, unit=2.5):
    log_p = log_softmax(logits)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    return expert_scores(f, n_seen=N_SEEN, unit=unit, log_p=log_p, entropy=entropy)


def fold(seed=0, *, names=("",), **options):
    logits, f, similarity, y = raw(seed, **options)
    noise = np.random.default_rng([seed, 5])
    experts = {
        name: expert(
            logits + i * noise.normal(size=logits.shape), f + i * noise.normal(size=f.shape)
        )
        for i, name in enumerate(names)
    }
    return Fold(panel=Panel(experts=experts, similarities={"": similarity}), y=y)


@pytest.fixture
def folds():
    return [fold(seed, n=120 + 20 * seed) for seed in range(3)]


# Scores and features


def test_the_unit_is_the_deviation_within_samples_and_never_zero():
    f = np.array([[1.0, 3.0], [101.0, 103.0]])
    assert score_unit(f) == 1  # of -1, 1, -1, 1: the 100 between the rows doesn't count
    assert score_unit(3 * f) == 3
    assert score_unit(np.ones((3, 2))) == 1
    shifted = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    assert score_unit(shifted + np.float32(1000)) == pytest.approx(score_unit(shifted), rel=1e-3)


def test_the_features_of_a_sample_by_hand():
    f = np.array([[-1.0, -2.0, -3.0, -3.5]])
    one = expert_scores(f, n_seen=2, unit=0.5, log_p=np.log([[0.5, 0.5]]), entropy=np.log([2.0]))
    panel = Panel(experts={"": one}, similarities={"": np.array([0.25])})
    assert panel.phi(ALL).tolist() == [[1.0, 4.0, -0.25]]
    assert panel.phi(("neighbours", "gap")).tolist() == [[-0.25, 4.0]]
    assert one.unseen.tolist() == [[-6.0, -7.0]]
    assert expert_scores(f, n_seen=2, unit=1.0).seen.tolist() == [[-1.0, -2.0]]


def test_an_expert_without_a_classifier_has_a_gap_alone():
    logits, f, similarity, _ = raw()
    plain = expert_scores(f, n_seen=N_SEEN, unit=2.5)
    panel = Panel(experts={"a": expert(logits, f), "b": plain}, similarities={"x": similarity})
    assert list(panel.features(ALL)) == ["entropy of a", "gap of a", "gap of b", "neighbours of x"]
    assert list(panel.features(("gap",))) == ["gap of a", "gap of b"]


def test_a_single_seen_class_has_entropy_0():
    one = expert_scores(
        -np.ones((2, 3)), n_seen=1, unit=1.0, log_p=np.zeros((2, 1)), entropy=np.zeros(2)
    )
    assert one.entropy.tolist() == [0, 0]


# Decisions


@pytest.mark.parametrize("features", [BOTH, ALL, ("neighbours",), ("gap", "entropy")])
def test_the_router_s_kernel_decides_the_same(folds, features):
    logits, f, similarity, _ = raw(9)
    decision = fit_decision(folds, features)
    weight = decision.unseen_weights[0]
    decision = replace(decision, gate=replace(decision.gate, features=tuple(features)))
    settings = Settings(**learned.as_settings(decision.gate, tau=1 / weight, fold_unseen=(3, 3, 3)))
    near = similarity if "neighbours" in features else None
    label, code, _, score, gate = learned.route(logits, f, settings, unit=2.5, similarity=near)
    panel = Panel(experts={"": expert(logits, f)}, similarities={"": similarity})
    found = decide(replace(decision, gate=gate_of(settings)), panel)
    np.testing.assert_array_equal(label, found.index)
    np.testing.assert_array_equal(code == 0, found.margin >= 0)
    np.testing.assert_allclose(gate, found.gate, rtol=1e-10)
    np.testing.assert_allclose(score, found.score, rtol=1e-10)


def test_the_joint_probabilities_sum_to_one_and_the_largest_wins(folds):
    decision, panel = fit_decision(folds, BOTH), fold(7).panel
    found = decide(decision, panel)
    rho = found.gate[:, None]
    joint = np.concatenate([rho * np.exp(found.log_p), (1 - rho) * np.exp(found.log_q)], axis=1)
    np.testing.assert_allclose(joint.sum(axis=1), 1)
    np.testing.assert_array_equal(found.index, joint.argmax(axis=1))
    np.testing.assert_allclose(found.score, joint.max(axis=1))
    np.testing.assert_allclose(found.gate, 1 / (1 + np.exp(-found.theta)))


def test_a_sample_s_decision_does_not_depend_on_the_others(folds):
    decision, one = fit_decision(folds, ALL), fold(7)
    whole = decide(decision, one.panel)
    for i in range(0, 150, 10):
        alone = decide(decision, rows(one.panel, slice(i, i + 1)))
        assert alone.index[0] == whole.index[i]
        np.testing.assert_allclose(alone.score[0], whole.score[i], rtol=1e-12)


def rows(panel, part):
    experts = {
        name: type(scores)(**{k: v[part] for k, v in vars(scores).items()})
        for name, scores in panel.experts.items()
    }
    return Panel(experts=experts, similarities={k: v[part] for k, v in panel.similarities.items()})


def test_h_of_a_fold_is_that_of_its_labels(folds):
    decision, one = fit_decision(folds, ALL), fold(7)
    v, w = np.array(decision.seen_weights), np.array(decision.unseen_weights)
    label, is_seen = decide(decision, one.panel).index, one.y < N_SEEN
    s, u = (mean_class_accuracy(one.y[mine], label[mine]) for mine in (is_seen, ~is_seen))
    found = learned.h_at(decision.gate, fold_features(one, v, w, ALL))
    assert found == pytest.approx(harmonic_mean(s, u))


def test_the_probabilities_of_a_single_expert_are_taken_as_they_are(folds):
    assert fit_decision(folds, BOTH).seen_weights == (1.0,)


def test_several_experts_have_weights_of_their_own_on_either_side():
    folds = [fold(seed, names=("a", "b")) for seed in range(3)]
    decision = fit_decision(folds, BOTH)
    assert len(decision.seen_weights) == len(decision.unseen_weights) == 2
    assert decision.seen_weights != decision.unseen_weights
    assert decision.gate.features == ("entropy of a", "gap of a", "entropy of b", "gap of b")
    assert min(decision.seen_weights + decision.unseen_weights) >= 0


def test_without_the_features_there_are_no_similarities_needed(folds):
    bare = [replace(one, panel=replace(one.panel, similarities={})) for one in folds]
    assert fit_decision(bare, BOTH) == fit_decision(folds, BOTH)


# Folds that did not fit


def garbage(one):
    """The same fold with scores that say the contrary, and other labels."""
    experts = {
        name: type(scores)(**{k: 7 - 50 * v for k, v in vars(scores).items()})
        for name, scores in one.panel.experts.items()
    }
    similarities = {name: 100 * s for name, s in one.panel.similarities.items()}
    return Fold(panel=Panel(experts=experts, similarities=similarities), y=one.y[::-1])


def spied(monkeypatch, folds):
    """What held_out_h fits, in order, and H of each fold."""
    found, fit = [], fit_decision

    def spy(parts, kinds):
        found.append(fit(parts, kinds))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr("tinygzsl.gates.panel.fit_decision", spy)
        h = held_out_h(folds, ALL)
    return found, h


@pytest.mark.parametrize("i", [0, 1, 2])
def test_a_fold_is_judged_by_what_the_others_fit(folds, monkeypatch, i):
    decisions, h = spied(monkeypatch, folds)
    changed = [garbage(one) if j == i else one for j, one in enumerate(folds)]
    others, worse = spied(monkeypatch, changed)
    assert isinstance(decisions[i], Decision)
    assert others[i] == decisions[i]  # standardisation, weights, tau, kappa and o
    assert all(others[j] != decisions[j] for j in range(3) if j != i)
    assert worse[i] != h[i]


def test_h_of_folds_left_out_by_hand(folds):
    for i, h in enumerate(held_out_h(folds, BOTH)):
        decision = fit_decision([one for j, one in enumerate(folds) if j != i], BOTH)
        label, y = decide(decision, folds[i].panel).index, folds[i].y
        s, u = (mean_class_accuracy(y[m], label[m]) for m in (y < N_SEEN, y >= N_SEEN))
        assert h == pytest.approx(harmonic_mean(s, u))


def without_classifier(one):
    experts = {name: replace(e, entropy=None) for name, e in one.panel.experts.items()}
    return Fold(panel=Panel(experts=experts, similarities={}), y=one.y)


def test_the_scores_of_a_sole_expert_without_classifier_get_a_weight():
    folds = [without_classifier(fold(seed)) for seed in range(3)]
    assert fit_decision(folds, ("gap",)).seen_weights != (1.0,)


def test_where_no_expert_tells_unseen_classes_apart_the_best_score_still_decides():
    def blind(seed):
        one = fold(seed)
        flipped = {n: replace(e, unseen=-e.unseen) for n, e in one.panel.experts.items()}
        return Fold(panel=Panel(experts=flipped, similarities={}), y=one.y)

    decision = fit_decision([blind(seed) for seed in range(3)], ("gap",))
    assert set(decision.unseen_weights) == {LEAST_WEIGHT}
    log_q = decide(decision, blind(7).panel).log_q
    assert len(np.unique(log_q.argmax(axis=1))) > 1


def test_of_equal_scores_the_seen_class_wins():
    one = expert_scores(np.zeros((1, 4)), n_seen=2, unit=1.0)
    numbers = {"means": (0.0,), "deviations": (1.0,), "weights": (1.0,), "intercept": 0.0}
    gate = learned.LearnedGate(features=("gap",), **numbers)
    decision = Decision(seen_weights=(1.0,), unseen_weights=(1.0,), gate=gate)
    found = decide(decision, Panel(experts={"": one}, similarities={}))
    assert (found.margin.tolist(), found.index.tolist()) == ([0], [0])


def test_classes_without_samples_on_a_fold_do_not_count():
    one = fold()
    kept = (one.y != 2) & (one.y != 7)
    part = Fold(panel=rows(one.panel, kept), y=one.y[kept])
    found = fold_features(part, np.ones(1), np.ones(1), BOTH)
    assert found.weight_seen.sum() == pytest.approx(1)
    assert found.weight_unseen.sum() == pytest.approx(1)
