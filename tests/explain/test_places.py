"""What `tinygzsl gradcheck` runs: which kernels, in which dtype, on both sides of the threshold."""

from collections import defaultdict

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.explain.checks import NO_KERNEL, NO_NUMBA, PLACES, SHARES, gradient_row
from tinygzsl.explain.draw import LARGE, SMALL, Draw
from tinygzsl.explain.plan import FLOAT32, plan
from tinygzsl.explain.precision import EPS, TIMES, Precision, error, precision_row, tolerance
from tinygzsl.kernels import dispatch
from tinygzsl.runtime.pool import SharesInTurn

# Every kernel that is dispatched is in one of these.
IN_GRADIENTS = {
    "bias_activation",
    "activation_gradient",
    "segment_sum",
    "critic_epilogue",
    "gradient_penalty",
    "penalty_epilogue",
    "squared_error",
    "log_softmax_entropy",
    "softmax_loss_forward",
    "softmax_loss_backward",
    "softmax_loss",
    "entropy_hinge",
}
NO_GRADIENT = {"philox_normal", "philox_uniform", "gather_rows", "adam_update", "confidence_score"}
INTEGERS = {"philox_words", "philox_integers"}
NOT_IN_A_STEP = {
    "scale_rows",
    "centered_rows",
    "negative_distances",
    "route_rows",
    "soft_route_rows",
    "learned_route_rows",
}


def versions_called(calls):
    """A dispatch.version that writes down (name, dtypes, largest size) of each call."""
    find = dispatch.version

    def version(folder, file, name):
        kernel = find(folder, file, name)

        def run(*args, **kwargs):
            arrays = [a for a in (*args, *kwargs.values()) if isinstance(a, np.ndarray)]
            dtypes = {str(a.dtype) for a in arrays if a.dtype.kind == "f"}
            calls.append((folder, name, dtypes, max(a.size for a in arrays)))
            return kernel(*args, **kwargs)

        return run

    return version


@pytest.fixture(scope="module")
def whole():
    """A whole gradcheck: its rows by group, and every call of a compiled kernel by place."""
    calls, rows = defaultdict(list), defaultdict(list)
    for place in PLACES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dispatch, "version", versions_called(calls[place]))
            for task in plan(places=[place]):
                rows[task.group].append(task.run())
    return rows, calls


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setattr(dispatch, "numba_version", lambda: None)


def called(calls, dtype):
    return {name for _, name, dtypes, _ in calls if dtypes == {dtype}}


# What runs


def test_every_kernel_has_its_place_in_these_lists():
    found = {name for name in vars(kernels) if callable(getattr(kernels.reference, name, None))}
    listed = [IN_GRADIENTS, NO_GRADIENT, INTEGERS, NOT_IN_A_STEP]
    assert found == set().union(*listed)
    assert len(found) == sum(map(len, listed))


def test_nothing_fails(whole):
    rows, _ = whole
    assert [row.name for group in rows.values() for row in group if row.failed] == []


@pytest.mark.parametrize("size", ["small", "large"])
def test_every_kernel_of_training_runs_compiled_in_float64(whole, size):
    _, calls = whole
    (place,) = (p for p in PLACES if (p.version, p.size) == ("compiled", size))
    assert {folder for folder, *_ in calls[place]} == {"cpu"}
    assert called(calls[place], "float64") == IN_GRADIENTS
    assert called(calls[place], "float32") == IN_GRADIENTS | NO_GRADIENT


def test_small_arrays_are_below_the_threshold_and_large_ones_above(whole):
    _, calls = whole
    for place in PLACES:
        sizes = [size for *_, size in calls[place]]
        if place.version == "reference":
            assert sizes == []
        elif place.size == "small":
            assert max(sizes) < dispatch.SMALL
        else:
            assert min(sizes) >= dispatch.SMALL


@pytest.fixture
def shares(monkeypatch):
    """The number of shares of each call that is split, by the file that calls."""
    found, run = defaultdict(set), SharesInTurn.run

    def watched(pool, part, given):
        found[part.__module__.rpartition(".")[2]].add(len(given))
        return run(pool, part, given)

    monkeypatch.setattr(SharesInTurn, "run", watched)
    return found


@pytest.mark.parametrize("version", ["reference", "compiled"])
def test_work_on_large_arrays_is_done_in_shares(shares, version):
    (place,) = (p for p in PLACES if (p.version, p.size) == (version, "large"))
    for task in plan(["LayerCritic", "one pass", "squared", "penalty", "adam"], places=[place]):
        task.run()
    files = {"matmul", "critic"}
    if version == "compiled":
        files |= {"activation", "adam", "softmax", "squared"}
    assert files <= set(shares)
    assert set().union(*shares.values()) == {SHARES}


def test_work_on_small_arrays_is_not_split(shares):
    places = [place for place in PLACES if place.size == "small"]
    for task in plan(["LayerCritic", "squared"], places=places):
        task.run()
    assert not shares


def test_the_cells_name_the_kernels_that_ran(whole):
    rows, calls = whole
    for place in PLACES:
        cells = [c for group in rows.values() for r in group for c in r.cells if c.place == place]
        named = {name for cell in cells for name in cell.kernels} - {"ranking_epoch"}
        assert named == {name for _, name, _, _ in calls[place]}


def test_a_cell_without_a_kernel_says_so_and_has_no_error(whole):
    rows, _ = whole
    for row in (row for group in rows.values() for row in group):
        for cell in row.cells:
            if cell.place.version == "reference":
                assert cell.why_not is None
            elif not cell.kernels:
                assert (cell.error, cell.why_not) == (None, NO_KERNEL)
    without = {r.name for r in rows["baselines"] for c in r.cells if c.why_not == NO_KERNEL}
    plain = {"SYNC objective", "CEWGAN, cosine embedding"}
    plain |= {"Class Normalization, normalisation over classes"}
    assert without == plain | {f"{m}, ranking loss" for m in ("ALE", "DeViSE", "SJE")}
    assert not any(cell.kernels for row in rows["the learned gate"] for cell in row.cells)


def test_without_numba_compiled_cells_are_not_run_and_do_not_pass(without_numba):
    for task in plan(["squared"]):
        for cell in task.run().cells:
            if cell.place.version == "compiled":
                assert (cell.error, cell.why_not, cell.kernels) == (None, NO_NUMBA, ())
            else:
                assert cell.error < cell.tolerance


def test_names_choose_rows_whatever_the_case_of_letters():
    assert [task.name for task in plan(["ENTROPY hinge", "adam"])] == [
        "entropy hinge (eq. 8)",
        "adam_update",
    ]
    assert len({task.name for task in plan()}) == len(plan())


def test_a_name_of_nothing_is_one_sentence_with_the_nearest(sentence):
    with sentence(ValueError, "'squared eror' in its name", "did you mean squared_error?"):
        plan(["squared eror"])
    with sentence(ValueError, "'nosuch' in its name; `tinygzsl gradcheck` without a name lists"):
        plan(["nosuch"])


# Random arrays


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_a_draw_of_float32_has_the_numbers_of_one_of_float64(sizes):
    single, double = (Draw(3, sizes, dtype=dtype) for dtype in ("float32", "float64"))
    for draw in (
        lambda d: d.normal(sizes.n, sizes.d),
        lambda d: d.uniform(sizes.n),
        lambda d: d.mlp([sizes.d, sizes.units, 1], "tanh").params[1],
    ):
        ours, theirs = draw(single), draw(double)
        assert (ours.dtype, theirs.dtype) == ("float32", "float64")
        assert np.array_equal(ours, theirs)
    assert np.array_equal(single.labels(sizes.n), double.labels(sizes.n))


# float32


def rounded(factor):
    """A computation that is off by this factor in float32."""

    def compute(draw):
        x = draw.normal(draw.sizes.n, draw.sizes.d)
        _, y = kernels.squared_error(x, 0 * x, 1.0, 1.0)
        return {"y": y * np.float32(factor) if draw.dtype == "float32" else y}

    return Precision(name="rounded", compute=compute)


def test_the_tolerance_of_float32_grows_like_the_root_of_the_terms():
    one = Precision(name="one", compute=dict)
    many = Precision(name="many", compute=dict, terms=lambda sizes: sizes.n)
    assert np.finfo("float32").eps == EPS
    assert tolerance(one, LARGE) == TIMES * EPS
    assert tolerance(many, LARGE) == TIMES * EPS * LARGE.n**0.5


def test_an_error_of_float32_above_the_tolerance_fails_in_every_place():
    assert not precision_row(rounded(1), 0).failed
    assert all(cell.failed for cell in precision_row(rounded(1 + 3e-6), 0).cells)
    assert all(cell.failed for cell in precision_row(rounded(np.nan), 0).cells)


def test_the_error_of_float32_by_hand():
    b = np.array([1.0, -3.0])
    assert error(np.array([1.0, -3.0]), b) == 0
    assert error(np.array([1.0, -3.5]), b) == 0.5 / (3 + 2)
    assert error(np.array([1.5, -3.0]), b, scale=1.0) == 0.5 / (1 + 1)
    assert error(np.zeros(2), np.zeros(2)) == 0
    assert np.isnan(error(np.array([np.nan, -3.0]), b))


def test_logits_of_ten_thousand_and_ties_are_among_those_of_float32(monkeypatch):
    seen, find = [], dispatch.version

    def version(folder, file, name):
        def watched(logits):
            seen.append(logits)
            return find(folder, file, name)(logits)

        return watched

    monkeypatch.setattr(dispatch, "version", version)
    (task,) = (task for task in plan(["log_softmax"]) if task.group == FLOAT32)
    assert not task.run().failed
    assert [logits.shape for logits in seen] == [(s.n, s.classes) for s in (SMALL, LARGE)]
    for logits in seen:
        largest = logits == logits.max(axis=1, keepdims=True)
        assert logits.dtype == "float32"
        assert abs(logits).max() > 1e4
        assert (largest.sum(axis=1) == 2).any()
        assert largest.all(axis=1).any()


def test_a_row_is_the_same_whatever_ran_before():
    from tinygzsl.explain.cases import hinge_case

    assert gradient_row(hinge_case, 5) == gradient_row(hinge_case, 5)
