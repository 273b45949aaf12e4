import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tinygzsl import ptc
from tinygzsl.nn.adam import Adam
from tinygzsl.nn.lbfgs import minimize
from tinygzsl.ptc import PTC, ptc_loss, train_ptc
from tinygzsl.settings import Settings

CLASSES, D = 3, 4


@pytest.fixture
def make_data():
    """make_data(n, noise) -> x (n, D), y (n,): the share `noise` of the labels is random."""

    def make(n, noise=0.0, seed=0, dtype="float64"):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, CLASSES, n)
        x = 2 * np.eye(CLASSES, D)[y] + rng.normal(size=(n, D))
        wrong = rng.random(n) < noise
        return x.astype(dtype), np.where(wrong, rng.integers(0, CLASSES, n), y)

    return make


@pytest.fixture
def tried(monkeypatch):
    """The l2 of every L-BFGS fit, in order."""
    seen, fit = [], ptc._fit_lbfgs

    def spy(w, b, x, y, *, l2):
        seen.append(l2)
        return fit(w, b, x, y, l2=l2)

    monkeypatch.setattr(ptc, "_fit_lbfgs", spy)
    return seen


def train(data, held, seed=0, **settings):
    (x, y), (x_held, y_held) = data, held
    chosen = Settings(**settings)
    return train_ptc(x, y, x_held, y_held, n_classes=CLASSES, settings=chosen, seed=seed)


def held_out_loss(model, x, y):
    return -model.log_proba(x)[np.arange(len(y)), y].mean()


def test_the_objective_by_hand():
    w, b, x, y = np.zeros((2, 1)), np.zeros(2), np.array([[1.0], [3.0]]), np.array([0, 1])
    loss, dw, db = ptc_loss(w, b, x, y, l2=0.5)
    assert loss == pytest.approx(np.log(2))
    assert dw == pytest.approx(np.array([[0.5], [-0.5]]))
    assert db == pytest.approx(0)
    w = np.array([[2.0], [-4.0]])
    plain, dw_plain, db_plain = ptc_loss(w, b, x, y, l2=0.0)
    loss, dw, db = ptc_loss(w, b, x, y, l2=0.5)
    assert loss == pytest.approx(plain + 0.25 * 20)
    assert dw == pytest.approx(dw_plain + 0.5 * w)
    assert db == pytest.approx(db_plain)


def test_the_bias_is_not_penalised(make_data):
    x, y = make_data(20)
    w, b = np.zeros((CLASSES, D)), np.array([9.0, -3.0, 1.0])
    weak, strong = (ptc_loss(w, b, x, y, l2=l2) for l2 in (0.0, 100.0))
    assert weak[0] == strong[0]
    assert np.array_equal(weak[2], strong[2])


@pytest.mark.wheel
@pytest.mark.parametrize("l2", [1e-1, 1e-3])
def test_lbfgs_finds_the_minimum_that_scikit_learn_finds(make_data, l2):
    x, y = make_data(150, noise=0.1)
    model = train((x, y), (x, y), ptc_l2=(l2,))
    _, dw, db = ptc_loss(model.w, model.b, x, y, l2=l2)
    assert np.abs(dw).max() < 1e-4
    assert np.abs(db).max() < 1e-4
    other = LogisticRegression(C=1 / (l2 * len(y)), tol=1e-8, max_iter=10_000).fit(x, y)
    assert np.allclose(np.exp(model.log_proba(x)), other.predict_proba(x), atol=2e-3)
    assert np.allclose(model.w, other.coef_, atol=0.02)
    theirs = ptc_loss(other.coef_, other.intercept_, x, y, l2=l2)[0]
    assert ptc_loss(model.w, model.b, x, y, l2=l2)[0] == pytest.approx(theirs, abs=1e-6)


@pytest.mark.wheel
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_l2_with_the_least_held_out_loss_wins(make_data, solver, noise):
    data, held = make_data(60, noise), make_data(200, noise, seed=1)
    grid = (3.0, 1e-1, 1e-2, 1e-3)
    few = {"ptc_solver": solver, "ptc_epochs": 20, "ptc_lr": 0.05}
    model = train(data, held, ptc_l2=grid, **few)
    losses = {l2: train(data, held, ptc_l2=(l2,), **few).held_out_loss for l2 in grid}
    assert model.l2 == min(losses, key=losses.get)
    assert model.held_out_loss == pytest.approx(losses[model.l2], abs=1e-4)
    assert model.held_out_loss == pytest.approx(held_out_loss(model, *held))


def test_lbfgs_goes_from_strong_to_weak_and_stops_once_the_held_out_loss_turns(make_data, tried):
    data, held = make_data(12, 0.5), make_data(200, 0.5, seed=1)
    model = train(data, held, ptc_l2=(1e-4, 10.0, 1e-5, 1.0, 1e-1, 1e-6, 1e-2))
    assert tried == sorted(tried, reverse=True)
    assert model.l2 == tried[-2]  # the last one tried was worse
    assert len(tried) < 7


def test_lbfgs_tries_every_l2_while_the_held_out_loss_falls(make_data, tried):
    data = make_data(60, 0.2)
    assert train(data, data, ptc_l2=(1e-3, 1e-1, 1e-2)).l2 == 1e-3
    assert tried == [1e-1, 1e-2, 1e-3]


def test_a_warm_start_ends_where_a_cold_one_does(make_data):
    data, held = make_data(80, 0.2), make_data(80, 0.2, seed=1)
    warm = train(data, held, ptc_l2=(1.0, 1e-1, 1e-2))
    cold = train(data, held, ptc_l2=(warm.l2,))
    assert np.allclose(warm.w, cold.w, atol=5e-3)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_solvers_learn_and_keep_the_dtype(make_data, solver, dtype):
    data, held = make_data(300, dtype=dtype), make_data(300, seed=1, dtype=dtype)
    model = train(data, held, ptc_solver=solver, ptc_lr=0.02, ptc_epochs=20)
    assert (model.w.shape, model.b.shape) == ((CLASSES, D), (CLASSES,))
    assert model.w.dtype == model.b.dtype == model.log_proba(held[0]).dtype == dtype
    assert (model.log_proba(held[0]).argmax(axis=1) == held[1]).mean() > 0.75


def test_adam_follows_its_seed_its_rate_and_its_epochs(make_data):
    data = make_data(50)
    few = {"ptc_solver": "adam", "ptc_l2": (1e-3,), "ptc_epochs": 2, "ptc_batch": 20}
    model = train(data, data, **few)
    assert np.array_equal(model.w, train(data, data, **few).w)
    assert not np.array_equal(model.w, train(data, data, seed=1, **few).w)
    for change in ({"ptc_lr": 1e-2}, {"ptc_epochs": 4}, {"ptc_batch": 10}):
        assert np.abs(train(data, data, **{**few, **change}).w).max() > np.abs(model.w).max()


def test_adam_goes_through_all_samples_in_a_new_order_in_every_epoch(make_data, monkeypatch):
    (x, y), batches = make_data(50), []

    def spy(w, b, x, y, l2):
        batches.append(x)
        return ptc_loss(w, b, x, y, l2=l2)

    monkeypatch.setattr(ptc, "ptc_loss", spy)
    train((x, y), (x, y), ptc_solver="adam", ptc_l2=(0.1,), ptc_epochs=2, ptc_batch=20)
    assert [len(batch) for batch in batches] == [20, 20, 10] * 2 + [50]
    first, second = np.concatenate(batches[:3]), np.concatenate(batches[3:6])
    assert not np.array_equal(first, second)
    for epoch in (first, second):
        assert np.array_equal(np.sort(epoch, axis=0), np.sort(x, axis=0))


def test_adam_has_the_betas_of_the_gan(make_data):
    x, y = make_data(20)
    whole = {"ptc_solver": "adam", "ptc_l2": (0.1,), "ptc_epochs": 4, "ptc_batch": 20}
    w, b = np.zeros((CLASSES, D)), np.zeros(CLASSES)
    adam = Adam([w, b], lr=1e-3, betas=(0.5, 0.999))
    for _ in range(4):
        adam.step(ptc_loss(w, b, x, y, l2=0.1)[1:])
    assert np.allclose(train((x, y), (x, y), **whole).w, w, rtol=1e-10)


def test_log_proba_is_the_log_of_a_softmax(make_data):
    x, _ = make_data(10)
    rng = np.random.default_rng(0)
    model = PTC(rng.normal(size=(CLASSES, D)), rng.normal(size=CLASSES), l2=0.1, held_out_loss=0.5)
    e = np.exp(x @ model.w.T + model.b)
    assert np.allclose(np.exp(model.log_proba(x)), e / e.sum(axis=1, keepdims=True))
    assert np.isfinite(model.log_proba(1e4 * x)).all()


def test_a_class_without_held_out_samples_is_still_a_class(make_data):
    data = make_data(60)
    x, y = make_data(40, seed=1)
    model = train(data, (x[y > 0], y[y > 0]))
    assert model.b.shape == (CLASSES,)


@pytest.fixture
def fits(monkeypatch):
    """(objective, start, minimum) of every fit by L-BFGS, in order."""
    seen = []

    def spy(objective, start, **rules):
        seen.append((objective, start.copy(), minimize(objective, start, **rules)))
        return seen[-1][2]

    monkeypatch.setattr(ptc, "minimize", spy)
    return seen


def test_lbfgs_starts_from_the_weights_and_has_the_gradient_of_its_objective(make_data, fits):
    x, y = make_data(40, 0.2)
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(CLASSES, D)), rng.normal(size=CLASSES)
    ptc._fit_lbfgs(w, b, x + 5, y, l2=0.1)  # features far from 0, so that the centre counts
    ((objective, start, _),) = fits
    assert objective(start)[0] == pytest.approx(ptc_loss(w, b, x + 5, y, l2=0.1)[0], rel=1e-12)
    for v in 1e-6 * np.eye(start.size):
        slope = (objective(start + v)[0] - objective(start - v)[0]) / 2e-6
        assert objective(start)[1] @ v / 1e-6 == pytest.approx(slope, abs=1e-7)


def test_lbfgs_takes_no_more_steps_where_features_lie_far_from_zero(make_data, fits):
    x, y = make_data(60, 0.2)
    w, b = np.zeros((CLASSES, D)), np.zeros(CLASSES)
    found = [ptc._fit_lbfgs(w, b, x + shift, y, l2=0.01)[0] for shift in (0, 30)]
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
    near, far = (minimum.evaluations for *_, minimum in fits)
    assert far <= near + 3
