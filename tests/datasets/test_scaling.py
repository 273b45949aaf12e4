import numpy as np
import pytest

from tinygzsl.datasets.scaling import Scaler, fit_scaler

KINDS = ("minmax", "standard", "l2", "none")


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 4)) * [1, 10, 0.01, 100] + [0, 5, -3, 1000]


@pytest.mark.wheel
def test_minmax_maps_the_columns_to_the_unit_interval(x):
    scaled = fit_scaler(x, "minmax").apply(x)
    assert np.allclose(scaled, (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0)))
    assert scaled.min(axis=0) == pytest.approx(0)
    assert scaled.max(axis=0) == pytest.approx(1)


@pytest.mark.wheel
def test_standard_gives_columns_of_mean_zero_and_deviation_one(x):
    scaled = fit_scaler(x, "standard").apply(x)
    assert scaled.mean(axis=0) == pytest.approx(0, abs=1e-11)
    assert scaled.std(axis=0) == pytest.approx(1)


@pytest.mark.wheel
def test_l2_gives_rows_of_length_one_and_keeps_zero_rows(x):
    x[3] = 0
    scaled = fit_scaler(x, "l2").apply(x)
    norms = np.linalg.norm(scaled, axis=1)
    assert norms[3] == 0
    assert np.delete(norms, 3) == pytest.approx(1)
    assert np.allclose(scaled[0], x[0] / np.linalg.norm(x[0]))


def test_none_changes_nothing(x):
    assert np.array_equal(fit_scaler(x, "none").apply(x), x)


@pytest.mark.parametrize("kind", ["minmax", "standard"])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_columns_become_zero_and_come_back(x, kind, value, dtype):
    x = x.astype(dtype)
    x[:, 1] = value
    scaler = fit_scaler(x, kind)
    scaled = scaler.apply(x)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled[:, 1]).max() <= 4 * abs(value) * np.finfo(dtype).eps
    assert np.allclose(scaler.invert(scaled)[:, 1], value)
    shifted = x.copy()
    shifted[:, 1] += 0.5
    assert scaler.apply(shifted)[:, 1] == pytest.approx(0.5, abs=0.1)  # neither lost nor blown up


@pytest.mark.parametrize("kind", ["minmax", "standard"])
def test_many_rows_of_float32_are_scaled_without_rounding_errors(kind):
    x = np.random.default_rng(0).normal(size=(100_000, 3)).astype(np.float32)
    x[:, 1] = 0.1
    x[:, 2] += 3000
    scaler = fit_scaler(x, kind)
    scaled = scaler.apply(x).astype(float)
    assert np.abs(scaled[:, 1]).max() < 1e-7
    expected = fit_scaler(x.astype(float), kind).apply(x.astype(float))
    assert np.allclose(scaled, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.wheel
@pytest.mark.parametrize("kind", ["minmax", "standard", "none"])
def test_invert_undoes_apply(x, kind):
    scaler = fit_scaler(x, kind)
    assert np.allclose(scaler.invert(scaler.apply(x)), x, rtol=1e-12)
    assert np.allclose(scaler.invert(scaler.apply(3 * x)), 3 * x, rtol=1e-12)


def test_rows_of_length_one_cannot_be_scaled_back(x, sentence):
    with sentence(ValueError, "can't be scaled back"):
        fit_scaler(x, "l2").invert(x)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(x, kind):
    narrow = x.astype(np.float32)
    scaler = fit_scaler(narrow, kind)
    assert scaler.shift.dtype == scaler.scale.dtype == scaler.apply(narrow).dtype == np.float32
    expected = fit_scaler(narrow.astype(float), kind).apply(narrow.astype(float))
    assert np.allclose(scaler.apply(narrow), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.wheel
def test_values_outside_of_the_fitted_range_are_not_clipped(x):
    scaler = fit_scaler(x, "minmax")
    spread = x.max(axis=0) - x.min(axis=0)
    beyond = np.stack([x.min(axis=0) - 2 * spread, x.max(axis=0) + 3 * spread])
    assert scaler.apply(beyond) == pytest.approx(np.array([[-2.0] * 4, [4.0] * 4]))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_scaled_one_by_one_with_what_was_fitted(x, kind):
    scaler = fit_scaler(x, kind)
    whole = scaler.apply(x)
    assert all(np.array_equal(scaler.apply(x[i : i + 1])[0], whole[i]) for i in range(len(x)))


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_not_changed(x, kind):
    before = x.copy()
    scaler = fit_scaler(x, kind)
    scaler.apply(x)
    assert np.array_equal(x, before)


def test_a_scaler_is_shift_scale_and_rows():
    scaler = Scaler(np.array([1.0, 2.0]), np.array([10.0, 0.5]))
    assert scaler.apply(np.array([[2.0, 4.0]])).tolist() == [[10, 1]]
    assert scaler.invert(np.array([[10.0, 1.0]])).tolist() == [[2, 4]]
    rows = Scaler(np.zeros(2), np.ones(2), unit_rows=True)
    assert rows.apply(np.array([[3.0, 4.0]])) == pytest.approx(np.array([[0.6, 0.8]]))
