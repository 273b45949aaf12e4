"""The similarity to the nearest training samples, beside a loop that is plain."""

import numpy as np
import pytest

from tinygzsl.gates import neighbours
from tinygzsl.gates.neighbours import NEAREST, Neighbours, fit_neighbours
from tinygzsl.runtime.threads import workers


def samples(n=60, d=7, classes=4, dtype="float64"):
    rng = np.random.default_rng(n)
    index = np.arange(n) % classes
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 2 * rng.normal(size=(classes, d))[index]
    return x.astype(dtype), index


def naive(x, index, new, *, rows, nearest=5):
    """Cosines of one pair after the other, with a Cholesky factor and a solver of NumPy."""
    x, new, d = x.astype(float), new.astype(float), x.shape[1]
    deviations = x - np.stack([x[index == c].mean(axis=0) for c in index])
    c = deviations.T @ deviations / len(x)
    low = np.linalg.cholesky(c + 0.3 * np.trace(c) / d * np.eye(d))
    found = []
    for row in new:
        u = np.linalg.solve(low, row - x.mean(axis=0))
        cosines = []
        for other in x[rows]:
            v = np.linalg.solve(low, other - x.mean(axis=0))
            cosines.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
        found.append(np.mean(sorted(cosines)[-nearest:]))
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-5)])
@pytest.mark.parametrize("rows", [slice(None), slice(None, None, 3)])
def test_the_mean_cosine_with_the_nearest_by_a_plain_loop(dtype, tolerance, rows):
    x, index = samples(dtype=dtype)
    new = samples(23, dtype=dtype)[0]
    found = fit_neighbours(x, index, rows=rows)
    similarity = found.similarity(new)
    assert (similarity.shape, similarity.dtype, found.directions.dtype) == ((23,), dtype, dtype)
    np.testing.assert_allclose(similarity, naive(x, index, new, rows=rows), atol=tolerance)


@pytest.mark.parametrize("kept", [1, 3, NEAREST, NEAREST + 1])
def test_fewer_rows_than_neighbours_all_count(kept):
    x, index = samples()
    rows = slice(0, kept)
    found = fit_neighbours(x, index, rows=rows).similarity(x[:9])
    np.testing.assert_allclose(found, naive(x, index, x[:9], rows=rows, nearest=min(5, kept)))


def test_the_whitening_is_of_all_samples_whatever_is_kept():
    x, index = samples()
    few, all_of_them = (fit_neighbours(x, index, rows=rows) for rows in (slice(0, 4), slice(None)))
    np.testing.assert_array_equal(few.whitening.inverse, all_of_them.whitening.inverse)
    np.testing.assert_array_equal(few.directions, all_of_them.directions[:4])


def test_a_sample_does_not_depend_on_its_batch_nor_on_blocks(monkeypatch):
    x, index = samples()
    found = fit_neighbours(x, index, rows=slice(None))
    whole = found.similarity(x)
    alone = np.concatenate([found.similarity(x[i : i + 1]) for i in range(len(x))])
    monkeypatch.setattr(neighbours, "ROWS", 7)
    np.testing.assert_allclose(alone, whole, rtol=1e-12)
    np.testing.assert_allclose(found.similarity(x), whole, rtol=1e-12)


def test_the_mean_itself_is_like_nothing():
    x, index = samples()
    found = fit_neighbours(x, index, rows=slice(None))
    assert found.similarity(found.whitening.mean[None]).tolist() == [0]


def test_the_same_threads_give_the_same_bits_and_others_nearly():
    x, index = samples(4000, 9, dtype="float32")
    found = []
    for count in (2, 2, 1):
        with workers(count):
            found.append(fit_neighbours(x, index, rows=slice(None)).similarity(x[:500]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)


def test_what_is_stored_is_all_that_is_needed(sentence):
    x, index = samples()
    found = fit_neighbours(x, index, rows=slice(None))
    state = found.state("near")
    assert sorted(state.arrays) == ["near_directions", "near_inverse", "near_mean"]
    again = Neighbours.from_state("near", arrays=state.arrays)
    again.check("near", n=7, dtype=np.dtype("float64"))
    np.testing.assert_array_equal(again.similarity(x), found.similarity(x))
    with pytest.raises(KeyError):
        Neighbours.from_state("other", arrays=state.arrays)
    for changed in (found.directions[:, 1:], found.directions * np.nan):
        with pytest.raises(ValueError, match="near_directions"):
            found._replace(directions=changed).check("near", n=7, dtype=np.dtype("float64"))


def test_samples_that_do_not_differ_are_refused(sentence):
    with sentence(ValueError, "all samples of a class are equal"):
        fit_neighbours(np.ones((6, 3)), np.arange(6) % 2, rows=slice(None))
