"""The learned gate's kernel: its Numba version against the definition, both against a formula."""

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.kernels import reference, reference_only
from tinygzsl.kernels.cpu import router
from tinygzsl.runtime.threads import workers

ERROR = {"float32": 2e-5, "float64": 1e-11}
OF_ENTROPY, OF_GAP, BIAS, TAU = -3.0, 0.9, 1.2, 0.7


def inputs_for(rng, n, n_seen, n_unseen, dtype):
    """Logits from vague to certain, F, and the part of theta that has other features."""
    sharpness = np.resize([0.3, 2.0, 20.0], n)[:, None]
    logits = sharpness * rng.normal(size=(n, n_seen))
    f = -5 * rng.random((n, n_seen + n_unseen))
    return [a.astype(dtype) for a in (logits, f, rng.normal(size=n))]


def softmax(values):
    e = np.exp(values - values.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_formula(logits, f, rest, of_entropy, of_gap, bias, tau):
    """Label, entropy, score and gate from the matrix of all S + U probabilities, in float64."""
    logits, f, rest = (a.astype("float64") for a in (logits, f, rest))
    n_seen = logits.shape[1]
    p, q = softmax(logits), softmax(f[:, n_seen:] / tau)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    gap = f[:, :n_seen].max(axis=1) - f[:, n_seen:].max(axis=1)
    eta = entropy / np.log(n_seen) if n_seen > 1 else 0 * entropy
    g = 1 / (1 + np.exp(-(of_entropy * eta + of_gap * gap + rest + bias)))
    joint = np.concatenate([g[:, None] * p, (1 - g)[:, None] * q], axis=1)
    assert joint.sum(axis=1) == pytest.approx(1)
    return joint.argmax(axis=1), entropy, joint.max(axis=1), g


@pytest.mark.wheel
@pytest.mark.parametrize(("n_seen", "n_unseen"), [(1, 1), (4, 1), (1, 4), (5, 3), (150, 50)])
@pytest.mark.parametrize("n", [0, 1, 61])
def test_definition_and_numba_are_the_formula(compare, rng, dtype, n, n_seen, n_unseen):
    arrays, numbers = inputs_for(rng, n, n_seen, n_unseen, dtype), (OF_ENTROPY, OF_GAP, BIAS, TAU)
    result = compare("learned_route_rows", *arrays, *numbers, rtol=ERROR[dtype], atol=ERROR[dtype])
    label, code, *measured = result
    assert [r.dtype for r in result] == [np.int64, np.int8, dtype, dtype, dtype]
    expected, *values = by_formula(*arrays, *numbers)
    assert label.tolist() == expected.tolist()
    assert code.tolist() == np.where(expected < n_seen, 0, 2).tolist()
    for got, value in zip(measured, values, strict=True):
        assert got == pytest.approx(value, rel=ERROR[dtype], abs=ERROR[dtype])
    if n > 1:
        assert set(code.tolist()) == {0, 2}


@pytest.mark.parametrize("tau", [3.0, 0.1])
def test_every_term_of_theta_counts(compare, rng, tau):
    arrays = inputs_for(rng, 60, 6, 4, "float64")
    for term in range(3):
        numbers = [0.0, 0.0, 0.0]
        numbers[term] = 1.3
        _, _, *measured = compare("learned_route_rows", *arrays, *numbers, tau, rtol=1e-11)
        _, *values = by_formula(*arrays, *numbers, tau)
        for got, value in zip(measured, values, strict=True):
            assert got == pytest.approx(value, abs=1e-9)


def test_without_a_gap_it_is_the_soft_gate(compare, rng, dtype):
    logits, f, rest = inputs_for(rng, 200, 6, 4, dtype)
    soft = compare("soft_route_rows", logits, f, 0.4, 0.25, TAU, rtol=ERROR[dtype])
    learned = compare(
        "learned_route_rows", logits, f, 0 * rest, -4.0, 0.0, 1.6, TAU, rtol=ERROR[dtype]
    )
    for ours, theirs in zip(learned[:2], soft[:2], strict=True):
        assert np.array_equal(ours, theirs)
    for ours, theirs in zip(learned[2:], soft[2:], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_the_first_of_equal_ones_is_taken_and_seen_before_unseen(compare, dtype):
    logits = np.array([[0, 50, 50, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype)
    f = np.array([[0, 0, 0, 0, 1, 1], [9, 9, 9, 9, -9, -2], [0, 0, 0, 0, -3, -3]], dtype)
    rest = np.array([9, -9, -9], dtype)
    args = logits, f, rest, 0.0, 0.0, 0.0, 0.5
    label, code, *_ = compare("learned_route_rows", *args, rtol=1e-5)
    assert (label.tolist(), code.tolist()) == ([1, 5, 4], [0, 2, 2])


@pytest.mark.parametrize("classes", range(1, 12))
def test_of_equal_probabilities_the_seen_one_is_taken(compare, dtype, classes):
    even = np.zeros((5, classes), dtype), np.zeros((5, 2 * classes), dtype)
    for above, route in [(0.0, 0), (1e-30, 0), (-1e-30, 2)]:  # theta has all its digits at 0
        rest = np.full(5, above, dtype)
        args = *even, rest, 0.0, 0.7, 0.0, 1.0
        label, code, _, score, gate = compare("learned_route_rows", *args, rtol=1e-5)
        assert set(code.tolist()) == {route}
        assert set(label.tolist()) == {0 if route == 0 else classes}
        assert score == pytest.approx(0.5 / classes)
        assert gate == pytest.approx(0.5)


def test_the_largest_logit_counts_where_rounding_makes_log_p_equal(compare, dtype):
    tiny = {"float32": 1e-9, "float64": 1e-18}[dtype]
    logits, f = np.array([[-tiny, 0], [0, -tiny]], dtype), np.zeros((2, 4), dtype)
    args = logits, f, np.zeros(2, dtype), 0.0, 0.0, 5.0, 1.0
    label, code, *_ = compare("learned_route_rows", *args, rtol=1e-5)
    assert (label.tolist(), code.tolist()) == ([1, 0], [0, 0])


@pytest.mark.parametrize("theta", [1e4, -1e4])
@pytest.mark.parametrize("where", ["entropy", "gap", "rest", "bias"])
def test_a_theta_of_ten_thousand_decides_alone(compare, rng, dtype, theta, where):
    logits = 20 * rng.normal(size=(8, 3)).astype(dtype) if where != "entropy" else np.zeros((8, 3))
    f = rng.integers(-4, 4, (8, 5)).astype(dtype)
    f[:, 0], f[:, 3:] = 4, [2, 3]  # the gap is 1
    rest = np.full(8, theta if where == "rest" else 0, dtype)
    numbers = [theta if where == name else 0.0 for name in ("entropy", "gap", "bias")]
    args = logits.astype(dtype), f, rest, *numbers, 1.0
    label, code, _, score, gate = compare("learned_route_rows", *args, rtol=ERROR[dtype])
    assert set(code.tolist()) == {0 if theta > 0 else 2}
    assert gate.tolist() == [theta > 0] * 8
    of_route = softmax(logits if theta > 0 else f[:, 3:]).max(axis=1)
    assert score == pytest.approx(of_route, rel=1e-5)
    assert label.tolist() == (logits.argmax(axis=1).tolist() if theta > 0 else [4] * 8)


@pytest.mark.parametrize("tau", [1e-320, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("of_gap", [0.0, 1e-3, 1e4])
def test_no_number_is_too_large_or_too_small(compare, dtype, of_gap, tau):
    logits = np.array([[1e4, -1e4], [1e4, 1e4], [-1e30, -1e30]], dtype)
    f = np.array([[-1e4, -2e4, -3e4, 0], [-3e4, -2e4, -1e4, 5], [1e8, 0, -1e8, -1e8]], dtype)
    args = logits, f, np.zeros(3, dtype), -2.0, of_gap, 0.5, tau
    label, _, entropy, score, gate = compare("learned_route_rows", *args, rtol=ERROR[dtype])
    assert entropy == pytest.approx([0, np.log(2), np.log(2)])
    assert ((gate >= 0) & (gate <= 1) & np.isfinite(score)).all()
    assert score.min() >= 0.2
    if of_gap == 1e4:
        assert label.tolist() == [3, 3, 0]


def test_large_work_has_the_same_bits_on_one_and_two_threads(rng, dtype, monkeypatch):
    arrays = inputs_for(rng, 20_001, 30, 10, dtype)
    shares, part = [], router._learned_route
    monkeypatch.setattr(router, "_learned_route", lambda *a: shares.append(len(a[0])) or part(*a))
    results = []
    for threads in (1, 2):
        with workers(threads):
            results.append(
                kernels.learned_route_rows(*arrays, OF_ENTROPY, OF_GAP, bias=BIAS, tau=TAU)
            )
    assert len(shares) == 3
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)
    expected = reference.learned_route_rows(*arrays, OF_ENTROPY, OF_GAP, BIAS, TAU)
    for ours, theirs in zip(results[0], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_arguments_may_be_named(rng, dtype):
    arrays = inputs_for(rng, 300, 30, 10, dtype)
    numbers = {"of_entropy": OF_ENTROPY, "of_gap": OF_GAP, "bias": BIAS, "tau": TAU}
    compiled = kernels.learned_route_rows(*arrays, **numbers)
    with reference_only():
        plain = kernels.learned_route_rows(*arrays, **numbers)
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_rows_of_nan_do_not_crash(fused, dtype):
    nan = np.full((3, 4), np.nan, dtype)
    args = nan, np.full((3, 6), np.nan, dtype), np.zeros(3, dtype)
    _, code, *numbers = fused("learned_route_rows")(*args, OF_ENTROPY, OF_GAP, BIAS, TAU)
    assert all(np.isnan(column).all() for column in numbers)
    assert set(code.tolist()) == {2}
