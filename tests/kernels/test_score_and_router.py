import numpy as np
import pytest

SHAPES = [(1, 1), (1, 6), (20, 1), (37, 2), (50, 33), (70, 150)]
ERROR = {"float32": 1e-5, "float64": 1e-12}


# Confidence score


def weights_of(rng, n, dtype):
    weights = rng.random(n)
    return (weights / weights.sum()).astype(dtype)


@pytest.mark.wheel
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.1, 3, 1e4])
def test_confidence_score(compare, rng, dtype, shape, scale):
    logits = (scale * rng.normal(size=shape)).astype(dtype)
    score = compare("confidence_score", logits, weights_of(rng, shape[0], dtype), rtol=ERROR[dtype])
    assert score.shape == ()
    assert 1 <= score <= shape[1] * (1 + 1e-5)


@pytest.mark.wheel
def test_scores_by_hand(fused, dtype):
    score = fused("confidence_score")
    sharp = np.where(np.eye(5)[np.arange(40) % 5] > 0, 0, -1e4).astype(dtype)
    even = np.full(40, 1 / 40, dtype)
    assert score(sharp, even) == pytest.approx(5, rel=1e-6)
    assert score(sharp[:, ::-1].copy(), even) == pytest.approx(5, rel=1e-6)
    assert score(np.tile(sharp[:1], (40, 1)), even) == 1
    assert score(np.zeros((40, 5), dtype), even) == pytest.approx(1, abs=1e-6)


def test_logits_and_log_probabilities_score_the_same(fused, rng, dtype):
    logits = (4 * rng.normal(size=(60, 17))).astype(dtype)
    log_p, _ = fused("log_softmax_entropy")(logits)
    weights = weights_of(rng, 60, dtype)
    score = fused("confidence_score")
    assert score(logits, weights) == pytest.approx(float(score(log_p, weights)), rel=ERROR[dtype])


def test_rows_without_weight_do_not_count(fused, rng, dtype):
    logits, weights = rng.normal(size=(60, 7)).astype(dtype), weights_of(rng, 60, dtype)
    weights[40:] = 0
    score = fused("confidence_score")
    assert score(logits, weights) == pytest.approx(float(score(logits[:40], weights[:40])))


# Router


def inputs_for(rng, n, n_seen, n_unseen, dtype):
    """Logits from vague to certain, and F."""
    sharpness = np.resize([0.3, 2.0, 20.0], n)[:, None]
    logits = sharpness * rng.normal(size=(n, n_seen))
    return logits.astype(dtype), -5 * rng.random((n, n_seen + n_unseen)).astype(dtype)


@pytest.mark.wheel
@pytest.mark.parametrize(("n_seen", "n_unseen"), [(1, 1), (4, 1), (5, 3), (40, 10), (150, 50)])
@pytest.mark.parametrize("temperature", [1.0, 0.2])
@pytest.mark.parametrize("n", [0, 1, 61])
def test_routes(compare, rng, dtype, n, n_seen, n_unseen, temperature):
    logits, f = inputs_for(rng, n, n_seen, n_unseen, dtype)
    low, high = 0.31 * np.log(n_seen + 1), 0.83 * np.log(n_seen)
    args = logits, f, low, high, temperature
    result = compare("route_rows", *args, rtol=ERROR[dtype], atol=ERROR[dtype])
    label, code, _, _ = result
    assert [r.dtype for r in result] == [np.int64, np.int8, dtype, dtype]
    assert ((label < n_seen) | (code > 0)).all()
    assert ((label >= n_seen) | (code < 2)).all()
    if n > 1 and n_seen > 4:
        assert set(code.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(("low", "high", "code"), [(9.0, 9.0, 0), (0.0, 9.0, 1), (0.0, 0.0, 2)])
def test_labels_and_scores_of_one_route(compare, rng, dtype, low, high, code):
    logits, f = inputs_for(rng, 50, 6, 4, dtype)
    label, codes, _, score = compare("route_rows", logits, f, low, high, 0.5, rtol=ERROR[dtype])
    values, offset = {0: (logits, 0), 1: (f / 0.5, 0), 2: (f[:, 6:] / 0.5, 6)}[code]
    p = np.exp(values - values.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    assert set(codes.tolist()) == {code}
    assert label.tolist() == (offset + values.argmax(axis=1)).tolist()
    assert score == pytest.approx(p.max(axis=1), rel=1e-5)


def test_the_largest_logit_counts_where_rounding_makes_log_p_equal(compare, dtype):
    tiny = {"float32": 1e-9, "float64": 1e-18}[dtype]
    logits, f = np.array([[-tiny, 0], [0, -tiny]], dtype), np.zeros((2, 4), dtype)
    label, code, *_ = compare("route_rows", logits, f, 0.7, 0.8, 1.0, rtol=1e-6)
    assert (label.tolist(), code.tolist()) == ([1, 0], [0, 0])
    label, code, *_ = compare("soft_route_rows", logits, f, 2.0, 0.1, 1.0, rtol=1e-5)
    assert (label.tolist(), code.tolist()) == ([1, 0], [0, 0])


@pytest.mark.wheel
def test_the_first_of_equal_ones_is_taken(compare, dtype):
    logits = np.array([[0, 50, 50, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype)
    f = np.array([[0, 0, 0, 0, 1, 1], [-9, -2, -9, -2, -9, -2], [0, 0, 0, 0, -3, -3]], dtype)
    result = compare("route_rows", logits, f, 0.7, 1.0, 1.0, rtol=1e-6)
    assert result[0].tolist() == [1, 5, 4]
    assert result[1].tolist() == [0, 2, 2]
    assert compare("route_rows", logits, f, 0.1, 9.0, 1.0, rtol=1e-6)[0].tolist() == [4, 1, 0]


def test_ties_with_the_thresholds_go_to_gzsl(compare, dtype):
    logits = np.zeros((20, 1), dtype)  # entropy 0 exactly
    f = np.arange(40, dtype=dtype).reshape(20, 2)
    assert compare("route_rows", logits, f, 0.0, 0.0, 1.0, rtol=1e-6)[1].tolist() == [1] * 20


def test_logits_and_distances_of_ten_thousand(compare, dtype):
    logits = np.array([[1e4, -1e4], [1e4, 1e4], [-1e4, -1e4]], dtype)
    f = np.array([[-1e4, -2e4, -3e4], [-3e4, -2e4, -1e4], [-2e4, -1e4, -2e4]], dtype)
    args = logits, f, 0.5, 1.0, 0.2
    label, code, entropy, score = compare("route_rows", *args, rtol=ERROR[dtype])
    assert (label.tolist(), code.tolist(), score.tolist()) == ([0, 2, 1], [0, 1, 1], [1, 1, 1])
    assert entropy == pytest.approx([0, np.log(2), np.log(2)])


def test_rows_of_nan_do_not_crash(fused, dtype):
    nan = np.full((3, 4), np.nan, dtype)
    _, _, entropy, score = fused("route_rows")(nan, nan, 0.5, 1.0, 1.0)
    assert np.isnan(entropy).all()
    assert np.isnan(score).all()
