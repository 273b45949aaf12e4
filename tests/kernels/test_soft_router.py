"""The soft gate's kernel: its Numba version against the definition, and both against formulas."""

import numpy as np
import pytest

ERROR = {"float32": 2e-5, "float64": 1e-11}


def inputs_for(rng, n, n_seen, n_unseen, dtype):
    """Logits from vague to certain, and F."""
    sharpness = np.resize([0.3, 2.0, 20.0], n)[:, None]
    logits = sharpness * rng.normal(size=(n, n_seen))
    return logits.astype(dtype), -5 * rng.random((n, n_seen + n_unseen)).astype(dtype)


def softmax(values):
    e = np.exp(values - values.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.wheel
@pytest.mark.parametrize(("n_seen", "n_unseen"), [(1, 1), (4, 1), (5, 3), (40, 10), (150, 50)])
@pytest.mark.parametrize("n", [0, 1, 61])
def test_definition_and_numba_agree(compare, rng, dtype, n, n_seen, n_unseen):
    logits, f = inputs_for(rng, n, n_seen, n_unseen, dtype)
    args = logits, f, 0.3, 0.2, 0.7
    result = compare("soft_route_rows", *args, rtol=ERROR[dtype], atol=ERROR[dtype])
    label, code, _, score, gate = result
    assert [r.dtype for r in result] == [np.int64, np.int8, dtype, dtype, dtype]
    assert ((label < n_seen) == (code == 0)).all()
    assert ((score > 0) & (score <= 1) & (gate > 0) & (gate < 1)).all()
    if n > 1 and n_seen > 4:
        assert set(code.tolist()) == {0, 2}


@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_all_scores_by_hand(compare, rng, tau):
    logits, f = inputs_for(rng, 90, 6, 4, "float64")
    label, _, entropy, score, gate = compare(
        "soft_route_rows", logits, f, 0.2, 0.4, tau, rtol=1e-11
    )
    p, q = softmax(logits), softmax(f[:, 6:] / tau)
    h = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    g = 1 / (1 + np.exp(-(0.2 - h / np.log(6)) / 0.4))
    scores = np.concatenate([g[:, None] * p, (1 - g)[:, None] * q], axis=1)
    assert scores.sum(axis=1) == pytest.approx(1)
    assert entropy == pytest.approx(h, abs=1e-9)
    assert gate == pytest.approx(g)
    assert label.tolist() == scores.argmax(axis=1).tolist()
    assert score == pytest.approx(scores.max(axis=1))


def test_the_first_of_equal_ones_is_taken_and_seen_before_unseen(compare, dtype):
    logits = np.array([[0, 50, 50, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype)
    f = np.array([[0, 0, 0, 0, 1, 1], [9, 9, 9, 9, -9, -2], [0, 0, 0, 0, -3, -3]], dtype)
    args = logits, f, 0.6, 0.1, 0.5
    label, code, *_ = compare("soft_route_rows", *args, rtol=1e-5)
    assert (label.tolist(), code.tolist()) == ([1, 5, 4], [0, 2, 2])
    even = np.zeros((30, 2), dtype), np.zeros((30, 4), dtype), 1.0, 0.3, 1.0
    label, code, _, score, gate = compare("soft_route_rows", *even, rtol=1e-5)
    assert (set(label.tolist()), set(code.tolist())) == ({0}, {0})
    assert score == pytest.approx(0.25)
    assert gate == pytest.approx(0.5)


def test_a_narrow_gate_is_one_hard_threshold(fused, rng, dtype):
    logits, f = inputs_for(rng, 200, 6, 4, dtype)
    threshold = 0.3 * np.log(6)
    hard = fused("route_rows")(logits, f, threshold, threshold, 1.0)
    soft = fused("soft_route_rows")(logits, f, 0.3, 1e-6, 1.0)
    assert set(hard[1].tolist()) == {0, 2}
    for column, expected in zip(soft[:3], hard[:3], strict=True):
        assert np.array_equal(column, expected)
    assert soft[3] == pytest.approx(hard[3], rel=1e-5)
    assert soft[4].tolist() == (hard[1] == 0).tolist()


@pytest.mark.parametrize("tau", [1e-320, 1e-40, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("width", [1e-320, 1e-40, 1e-3, 1.0, 1e30])
def test_no_number_is_too_large_or_too_small(compare, dtype, width, tau):
    logits = np.array([[1e4, -1e4], [1e4, 1e4], [-1e30, -1e30]], dtype)
    f = np.array([[-1e4, -2e4, -3e4, 0], [-3e4, -2e4, -1e4, 5], [0, 0, 1e8, -1e8]], dtype)
    args = logits, f, 0.5, width, tau
    label, _, entropy, score, gate = compare("soft_route_rows", *args, rtol=ERROR[dtype])
    assert entropy == pytest.approx([0, np.log(2), np.log(2)])
    assert np.isfinite(score).all()
    assert ((gate >= 0) & (gate <= 1)).all()
    assert score.min() >= 0.2
    if width < 1:
        assert label.tolist() == [0, 3, 2]


def test_an_entropy_at_the_bias_of_the_narrowest_gate_is_no_nan(compare, dtype):
    certain = np.zeros((20, 1), dtype)  # entropy 0 exactly
    f = np.arange(40, dtype=dtype).reshape(20, 2)
    result = compare("soft_route_rows", certain, f, 0.0, 1e-320, 1.0, rtol=1e-6)
    assert result[4].tolist() == [0.5] * 20


def test_rows_of_nan_do_not_crash(fused, dtype):
    nan = np.full((3, 4), np.nan, dtype)
    _, _, *numbers = fused("soft_route_rows")(nan, nan, 0.5, 1.0, 1.0)
    assert all(np.isnan(column).all() for column in numbers)
