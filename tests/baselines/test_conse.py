"""ConSE against the paper's sum, sample by sample, and with scikit-learn's classifier."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tinygzsl import ptc
from tinygzsl.baselines import ConSE

PLAIN = {"prototypes": "none", "dtype": "float64"}


@pytest.fixture
def problem():
    """x (120, 5), y (120,), seen prototypes (6, 3) and unseen ones (2, 3)."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 6
    x = rng.normal(size=(6, 5))[y] + rng.normal(size=(120, 5))
    return x, y, rng.normal(size=(6, 3)), rng.normal(size=(2, 3))


def expected(p, seen, every, candidates):
    """Cosines (n, C) of the paper's convex combinations, one sample after the other."""
    rows = []
    for q in p:
        top = sorted(range(len(q)), key=lambda c: -q[c])[:candidates]
        f = sum(q[c] * seen[c] for c in top) / sum(q[c] for c in top)
        rows.append([f @ s / np.linalg.norm(f) / np.linalg.norm(s) for s in every])
    return np.array(rows)


@pytest.mark.parametrize("candidates", [1, 3, 6, 10])
def test_scores_are_the_papers_with_scikit_learns_classifier(problem, candidates):
    x, y, seen, unseen = problem
    model = ConSE(candidates=candidates, ptc_l2=(1e-2,), **PLAIN).fit(x, y, seen)
    other = LogisticRegression(C=1 / (1e-2 * len(y)), tol=1e-10, max_iter=10_000).fit(x, y)
    p, every = other.predict_proba(x), np.concatenate([seen, unseen])
    assert np.allclose(
        model.decision_function(x, unseen), expected(p, seen, every, candidates), atol=0.01
    )
    p = np.exp(model._classifier.log_proba(x))
    np.testing.assert_allclose(
        model.decision_function(x, unseen), expected(p, seen, every, candidates), atol=1e-12
    )


def test_one_candidate_is_the_plain_classifier_and_never_says_unseen(problem):
    x, y, seen, unseen = problem
    model = ConSE(candidates=1, **PLAIN).fit(x, y, seen)
    label = model._classifier.log_proba(x).argmax(axis=1)
    assert np.array_equal(model.predict(x), label)
    assert np.array_equal(model.predict(x, unseen, [6, 7]), label)


def test_the_weights_are_a_convex_combination(problem):
    x, y, _, unseen = problem
    model = ConSE(candidates=3, **PLAIN).fit(x, y, np.eye(6))
    weights = model.embed(x)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.all((weights > 0).sum(axis=1) == 3)
    assert unseen.shape[1] == 3


def test_held_out_samples_choose_the_l2_and_all_train_the_classifier(problem, monkeypatch):
    x, y, seen, _ = problem
    trained = []

    def spy(model, x, y):
        trained.append((model.l2, len(x)))
        return ptc.refit(model, x, y)

    monkeypatch.setattr("tinygzsl.baselines.conse.refit", spy)
    model = ConSE(ptc_l2=(1e-1, 1e-3, 10.0), **PLAIN).fit(x, y, seen)
    assert trained == [(model._classifier.l2, 120)]
    assert model._classifier.l2 in (1e-1, 1e-3)  # 10 makes all classes alike
    w, b = model._classifier.w, model._classifier.b
    _, dw, db = ptc.ptc_loss(w, b, x, y, l2=model._classifier.l2)
    assert max(np.abs(dw).max(), np.abs(db).max()) < 1e-4


def test_bad_settings(problem, sentence):
    for candidates in (0, 2.5, "all"):
        with sentence(ValueError, f"candidates is {candidates!r}"):
            ConSE(candidates=candidates).fit(*problem[:3])
    for value in ((-1.0,), 0.1, (), "x", None):
        with sentence(ValueError, "ptc_l2 is"):
            ConSE(ptc_l2=value).fit(*problem[:3])
