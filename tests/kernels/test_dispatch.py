"""Which version of a kernel runs, and that the answer does not depend on it."""

import os
import subprocess
import sys
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

import tinygzsl
from tinygzsl import kernels
from tinygzsl.kernels import dispatch, is_reference_only, reference, reference_only
from tinygzsl.kernels.cuda import launch


@pytest.fixture
def chosen(monkeypatch):
    """chosen(kernel, *args) -> "numba" or "reference"."""

    def run(kernel, *args):
        calls = []
        monkeypatch.setattr(dispatch, "version", lambda *name: lambda *args: calls.append(name))
        result = kernel(*args)
        assert (result is None) == bool(calls)
        return "numba" if calls else "reference"

    return run


def matrix(rows, columns, dtype="float32"):
    return np.random.default_rng(0).normal(size=(rows, columns)).astype(dtype)


def problems_of_version(folder, definition):
    """What is wrong with the version of a definition that dispatch finds in a folder."""
    file, name = definition.__module__.rpartition(".")[2], definition.__name__
    try:
        found = dispatch.version(folder, file, name)
    except (ImportError, AttributeError) as error:
        return [f"{folder}/{file}.py: {error}"]
    problems = []
    if found.__module__ != f"tinygzsl.kernels.{folder}.{file}":
        problems.append(f"{name} comes from {found.__module__}")
    if list(signature(found).parameters) != list(signature(definition).parameters):
        problems.append(f"{folder}/{file}.py: {name} takes {signature(found)}")
    if folder == "cuda" and name not in launch.signatures(file, "float32"):
        problems.append(f"cuda/{file}.cu has no {name}")
    return problems


@pytest.mark.wheel
@pytest.mark.parametrize("folder", ["cpu", "cuda"])
def test_every_kernel_has_every_version(all_kernels, folder):
    """A version has the definition's name and arguments, and its file the definition's name."""
    assert all_kernels
    for name in all_kernels:
        assert problems_of_version(folder, getattr(reference, name)) == []


@pytest.mark.parametrize("folder", ["cpu", "cuda"])
def test_the_folders_hold_the_same_files(folder):
    home = Path(kernels.__file__).parent
    defined = {path.stem for path in (home / "reference").glob("[!_]*.py")}
    found = {path.stem for path in (home / folder).glob("[!_]*.py")}
    assert found - defined == {"cpu": {"fastexp"}, "cuda": {"launch", "reduce"}}[folder]
    assert defined <= found
    if folder == "cuda":
        assert defined <= {path.stem for path in (home / folder).glob("*.cu")}


@pytest.mark.parametrize("folder", ["cpu", "cuda"])
def test_a_version_that_is_missing_or_takes_other_arguments_is_noticed(folder):
    def planted(module, name):
        def definition(x, center, more):
            """Stands for the definition of a kernel."""

        definition.__module__, definition.__name__ = f"tinygzsl.kernels.reference.{module}", name
        return definition

    assert "no_file" in problems_of_version(folder, planted("no_file", "adam_update"))[0]
    assert "no_kernel" in problems_of_version(folder, planted("adam", "no_kernel"))[0]
    (takes,) = problems_of_version(folder, planted("distance", "centered_rows"))
    assert "centered_rows takes (x, center)" in takes
    borrowed = {"cpu": "exponentials", "cuda": "softmax_loss_forward"}[folder]
    assert "comes from" in problems_of_version(folder, planted("confidence", borrowed))[0]


@pytest.mark.wheel
def test_large_contiguous_arrays_of_one_dtype_go_to_numba(chosen, dtype):
    x = matrix(64, 32, dtype)
    assert x.size == dispatch.SMALL
    assert chosen(kernels.log_softmax_entropy, x) == "numba"
    assert chosen(kernels.squared_error, x, x, 0.5, 1.0) == "numba"
    assert chosen(kernels.gather_rows, x, np.array([1]), np.empty((1, 32), dtype)) == "numba"
    assert chosen(kernels.philox_words, np.empty(2048, np.uint32), 1, 2, 3) == "numba"
    assert chosen(kernels.philox_normal, np.empty(2048, dtype), 1, 2, 3) == "numba"


@pytest.mark.wheel
def test_all_else_goes_to_the_reference(chosen):
    x = matrix(64, 64)
    assert chosen(kernels.log_softmax_entropy, matrix(89, 23)) == "reference"  # 2047 elements
    assert chosen(kernels.log_softmax_entropy, x.T) == "reference"
    assert chosen(kernels.log_softmax_entropy, x[:, ::2]) == "reference"
    assert chosen(kernels.log_softmax_entropy, x[::-1]) == "reference"
    assert chosen(kernels.log_softmax_entropy, x.astype(">f4")) == "reference"
    assert chosen(kernels.log_softmax_entropy, x.astype("float16")) == "reference"
    assert chosen(kernels.squared_error, x, x.astype("float64"), 0.5, 1.0) == "reference"
    assert chosen(kernels.squared_error, x, x.T, 0.5, 1.0) == "reference"


def test_the_reference_runs_alone_on_request(chosen):
    x = matrix(64, 64)
    with reference_only():
        assert is_reference_only()
        assert chosen(kernels.log_softmax_entropy, x) == "reference"
    assert not is_reference_only()
    assert chosen(kernels.log_softmax_entropy, x) == "numba"


def test_the_request_ends_with_an_error():
    with pytest.raises(KeyError), reference_only():
        raise KeyError
    assert not is_reference_only()


VIEWS = {
    "turned": lambda x: x.T,
    "every other": lambda x: x[::2, ::2],
    "backwards": lambda x: x[::-1],
    "columns": lambda x: x[:, 3:-3],
}


def cases_of(x):
    """Arguments for kernels that read a matrix x."""
    n, c = x.shape
    y, w, shift = np.arange(n) % c, np.full(n, 1 / n, np.float32), x[0] * 1
    return {
        "log_softmax_entropy": (x,),
        "softmax_loss_forward": (x, y),
        "softmax_loss": (x, y, w, w),
        "softmax_loss_backward": (x, y, w, w, w, w, w),
        "squared_error": (x, x[::-1], 0.5, 2.0),
        "confidence_score": (x, w),
        "route_rows": (x[:, :9], x, 0.5, 1.5, 0.3),
        "soft_route_rows": (x[:, :9], x, 0.5, 0.4, 0.3),
        "learned_route_rows": (x[:, :9], x, x[:, 0] * 1, -1.5, 0.7, 0.4, 0.3),
        "segment_sum": (x, y[:5], c),
        "gather_rows": (x, y, np.empty_like(x)),
        "scale_rows": (x, shift, shift, True, np.empty_like(x)),
        "activation_gradient": (x, x, 0.2),
        "penalty_epilogue": (x, x, 0.2),
    }


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_non_contiguous_arrays_give_the_reference_s_result(view):
    for name, args in cases_of(view(matrix(128, 128))).items():
        result, expected = getattr(kernels, name)(*args), getattr(reference, name)(*args)
        for a, b in zip(parts(result), parts(expected), strict=True):
            assert np.array_equal(a, b), name


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_and_contiguous_ones_to_rounding(view):
    for name, args in cases_of(view(matrix(128, 128))).items():
        whole = [np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in args]
        result, expected = getattr(kernels, name)(*whole), getattr(reference, name)(*args)
        for a, b in zip(parts(result), parts(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5, err_msg=name)


def test_read_only_and_mapped_arrays(tmp_path):
    x = matrix(64, 64)
    np.save(tmp_path / "x.npy", x)
    mapped, rows = np.load(tmp_path / "x.npy", mmap_mode="r"), np.array([5, 0, 63, 5])
    frozen = x.copy()
    frozen.flags.writeable = False
    for source in (mapped, frozen):
        out = np.empty((4, 64), np.float32)
        assert kernels.gather_rows(source, rows, out) is out
        assert np.array_equal(out, x[rows])


@pytest.mark.wheel
def test_without_numba_there_is_one_warning_and_the_same_result():
    code = """
import sys, warnings
sys.modules["numba"] = None
import numpy as np
from tinygzsl import kernels
from tinygzsl.kernels import reference
x = np.random.default_rng(0).normal(size=(64, 64))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        for a, b in zip(kernels.log_softmax_entropy(x), reference.log_softmax_entropy(x)):
            assert np.array_equal(a, b)
    kernels.squared_error(x, x, 1.0, 1.0)
assert len(caught) == 1, len(caught)
print(caught[0].message)
"""
    path = [str(Path(tinygzsl.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert "numba can't be used" in done.stdout
    assert "pip install numba" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_compiled_from_sends_small_arrays_to_numba_and_names_what_ran(chosen):
    small, large = matrix(3, 4), matrix(64, 64)
    with dispatch.compiled_from(0) as ran:
        assert chosen(kernels.squared_error, small, small, 1.0, 1.0) == "numba"
    assert ran == {"squared_error"}
    with dispatch.compiled_from(dispatch.SMALL) as ran:
        assert chosen(kernels.squared_error, small, small, 1.0, 1.0) == "reference"
        assert ran == set()
        assert chosen(kernels.centered_rows, large, large[0]) == "numba"
        with reference_only():
            assert chosen(kernels.squared_error, large, large, 1.0, 1.0) == "reference"
    assert ran == {"centered_rows"}
    assert chosen(kernels.squared_error, small, small, 1.0, 1.0) == "reference"
