"""The stand-in for CuPy: what it refuses, and that it computes what NumPy does otherwise."""

import copy
import pickle
import sys

import numpy as np
import pytest
from ladder import standin
from ladder.standin_machine import NotInStandinError

from tinygzsl.runtime.backend import array_module, cuda_status, device_module, to_device, to_host


@pytest.fixture
def cupy():
    with standin.installed() as module:
        yield module


HOST = np.ones(3, np.float32)

REFUSED = [
    # (what, kind of error, expression of cupy, a = device array of 3 float32, i = [2, 0])
    ("np.asarray of it", TypeError, lambda cp, a, i: np.asarray(a)),
    ("a ufunc of NumPy", TypeError, lambda cp, a, i: np.sqrt(a)),
    ("a function of NumPy", TypeError, lambda cp, a, i: np.concatenate([a, a])),
    ("NumPy's sum", TypeError, lambda cp, a, i: np.sum(a)),
    ("host array on the right", TypeError, lambda cp, a, i: a + HOST),
    ("host array on the left", TypeError, lambda cp, a, i: HOST * a),
    ("0-d host array", TypeError, lambda cp, a, i: a * np.array(2.0)),
    ("host array in place", TypeError, lambda cp, a, i: a.__iadd__(HOST)),
    ("in place on the host", TypeError, lambda cp, a, i: HOST.copy().__iadd__(a)),
    ("host array in a product", TypeError, lambda cp, a, i: a @ HOST),
    ("host array in a ufunc", TypeError, lambda cp, a, i: cp.maximum(a, HOST)),
    ("host array in where", TypeError, lambda cp, a, i: cp.where(a > 0, a, HOST)),
    ("host array to join", TypeError, lambda cp, a, i: cp.concatenate([a, HOST])),
    ("host array to reduce", TypeError, lambda cp, a, i: cp.sum(HOST)),
    ("host array assigned", TypeError, lambda cp, a, i: a.__setitem__(slice(None), HOST)),
    ("host array for out", TypeError, lambda cp, a, i: cp.exp(a, out=HOST)),
    ("assigned to the host", TypeError, lambda cp, a, i: HOST.copy().__setitem__(..., a)),
    ("list as operand", TypeError, lambda cp, a, i: a * [1.0]),
    ("None as operand", TypeError, lambda cp, a, i: a == None),  # noqa: E711
    ("long double", TypeError, lambda cp, a, i: a * np.longdouble(2)),
    ("long double array", ValueError, lambda cp, a, i: cp.zeros(2, np.longdouble)),
    ("list as index", TypeError, lambda cp, a, i: a[[0, 1]]),
    ("host array as index", TypeError, lambda cp, a, i: a[np.array([0, 1])]),
    ("host mask as index", TypeError, lambda cp, a, i: a[HOST > 0]),
    ("index too large", IndexError, lambda cp, a, i: a[i + 1]),
    ("index too small", IndexError, lambda cp, a, i: a[i - 4]),
    ("take out of range", IndexError, lambda cp, a, i: a.take(i + 1)),
    ("assigned out of range", IndexError, lambda cp, a, i: a.__setitem__(i + 1, 0)),
    ("index twice", ValueError, lambda cp, a, i: a.__setitem__(i * 0, a[:2])),
    ("device array in range", TypeError, lambda cp, a, i: range(i[0])),
    ("device array in a slice", TypeError, lambda cp, a, i: a[: i[0]]),
    ("device array in a shape", TypeError, lambda cp, a, i: cp.zeros(i[0])),
    ("device array in a tuple as shape", TypeError, lambda cp, a, i: cp.empty((i[0], 2))),
    ("device array in reshape", TypeError, lambda cp, a, i: a.reshape(i[0], -1)),
    ("device array in arange", TypeError, lambda cp, a, i: cp.arange(i[0])),
    ("where= of a reduction", TypeError, lambda cp, a, i: a.sum(where=a > 0)),
    ("initial= of a reduction", TypeError, lambda cp, a, i: cp.max(a, initial=0)),
    ("where= of a ufunc", TypeError, lambda cp, a, i: cp.log(a, where=a > 0)),
    ("mode= of take", TypeError, lambda cp, a, i: cp.take(a, i, mode="clip")),
    ("quicksort", ValueError, lambda cp, a, i: cp.argsort(a, kind="quicksort")),
    ("kind= of the method", TypeError, lambda cp, a, i: a.argsort(kind="stable")),
    ("too many arguments", TypeError, lambda cp, a, i: a.sum(0, None, None, True, 0)),
    ("product over an operand", ValueError, lambda cp, a, i: cp.matmul(a[:1], a[None], out=a)),
    ("text", ValueError, lambda cp, a, i: cp.asarray(["a", "b"])),
    ("objects", ValueError, lambda cp, a, i: cp.asarray(np.array([None, 1], object))),
    ("a mixed list", TypeError, lambda cp, a, i: cp.asarray([a[0], 1.0])),
    ("iteration over 0-d", TypeError, lambda cp, a, i: list(a[0])),
    ("float of many", TypeError, lambda cp, a, i: float(a)),
    ("bool of many", ValueError, lambda cp, a, i: bool(a)),
    ("float into int in place", TypeError, lambda cp, a, i: i.__iadd__(0.5)),
    ("a hash", TypeError, lambda cp, a, i: hash(a)),
    ("a pickle", TypeError, lambda cp, a, i: pickle.dumps(a)),
    ("a name only NumPy has", AttributeError, lambda cp, a, i: cp.block),
    ("a method only NumPy has", AttributeError, lambda cp, a, i: a.setflags),
    ("a name only CuPy 14 has", AttributeError, lambda cp, a, i: cp.concat),
    ("a name the stand-in lacks", NotInStandinError, lambda cp, a, i: cp.fft),
    ("a method the stand-in lacks", NotInStandinError, lambda cp, a, i: a.scatter_add),
]


@pytest.mark.parametrize(("what", "kind", "expression"), REFUSED)
def test_refused(cupy, what, kind, expression):
    a, i = cupy.asarray(HOST), cupy.asarray(np.array([2, 0]))
    with pytest.raises(kind):
        expression(cupy, a, i)


def test_it_is_there_only_inside_the_block():
    before = sys.modules.get("cupy")
    with standin.installed() as cupy:
        import cupy as found
        from cupy.cuda import runtime

        assert found is cupy
        assert runtime is cupy.cuda.runtime
        assert cuda_status() == (True, "Stand-in")
        assert device_module("cuda") is cupy
    assert sys.modules.get("cupy") is before
    assert not [name for name in sys.modules if name.startswith("cupy.") and before is None]


EQUAL = [
    lambda xp, a, b, i: a + 1,
    lambda xp, a, b, i: 1 / a,
    lambda xp, a, b, i: a * np.float32(2),
    lambda xp, a, b, i: np.float32(2) - a,
    lambda xp, a, b, i: a * np.float64(2),
    lambda xp, a, b, i: i * 0.5,
    lambda xp, a, b, i: i / 2,
    lambda xp, a, b, i: i.astype("uint32") >> 1,
    lambda xp, a, b, i: a.sum(),
    lambda xp, a, b, i: i.sum(axis=0),
    lambda xp, a, b, i: (a > 1).sum(),
    lambda xp, a, b, i: (a > 1).all(),
    lambda xp, a, b, i: i.mean(),
    lambda xp, a, b, i: a.mean(axis=1, keepdims=True),
    lambda xp, a, b, i: a.sum() * a,
    lambda xp, a, b, i: a * b.sum(),
    lambda xp, a, b, i: a[0, 1] + b[0, 0],
    lambda xp, a, b, i: xp.maximum(a, 0),
    lambda xp, a, b, i: xp.where(a > 1, a, b),
    lambda xp, a, b, i: xp.where(a > 1, xp.asarray(1, a.dtype), xp.asarray(0, a.dtype)),
    lambda xp, a, b, i: a @ b.T,
    lambda xp, a, b, i: a[i],
    lambda xp, a, b, i: a[i, i],
    lambda xp, a, b, i: a[a > 1],
    lambda xp, a, b, i: xp.concatenate([a, b]),
    lambda xp, a, b, i: xp.stack([a, b], axis=1),
    lambda xp, a, b, i: xp.log(a * 0),
    lambda xp, a, b, i: xp.arange(4),
    lambda xp, a, b, i: xp.zeros_like(a, dtype="int64"),
    lambda xp, a, b, i: xp.full(3, 2.5),
    lambda xp, a, b, i: xp.split(a, [1])[1],
    lambda xp, a, b, i: xp.linalg.norm(b, axis=1),
    lambda xp, a, b, i: a.argmax(axis=1),
]


@pytest.mark.parametrize("number", range(len(EQUAL)))
def test_values_shapes_and_dtypes_are_numpys(cupy, number):
    expression = EQUAL[number]
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    b, i = a.astype(np.float64) - 2, np.array([1, 0])
    with np.errstate(all="ignore"):
        want = np.asarray(expression(np, a, b, i))
    got = expression(cupy, *map(cupy.asarray, (a, b, i)))
    assert type(got) is cupy.ndarray
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    assert got.get().tobytes() == want.tobytes()


def test_copies_are_apart_and_views_share(cupy):
    host = np.zeros((2, 3), np.float32)
    a = cupy.asarray(host)
    host += 1
    assert a.sum().item() == 0
    row, element, same = a[1], a[0, 0], cupy.asarray(a)
    a += 2
    assert same is a
    assert row.get().tolist() == [2, 2, 2]
    assert float(element) == 2  # NumPy's a[0, 0] would be a copy
    a.T[0] = 5
    assert a[:, 0].get().tolist() == [5, 5]
    chosen = a[cupy.asarray(np.array(0))]
    a[...] = 0
    assert chosen.get().tolist() == [5, 2, 2]
    for other in (copy.copy(a), copy.deepcopy(a), a.copy(), cupy.array(a)):
        other += 1
    assert not a.get().any()


def test_what_was_never_written_to_shows(cupy):
    assert np.isnan(cupy.empty((2, 2), "float32").get()).all()
    assert cupy.empty_like(cupy.arange(2)).get().tolist() == [np.iinfo(np.int64).max] * 2
    assert cupy.ndarray(3, "bool").get().all()


def test_in_place_keeps_the_array_and_products_do_not(cupy):
    a = cupy.asarray(np.eye(2, dtype=np.float32))
    before, out = a, cupy.empty((2, 2), "float32")
    a *= 3
    assert a is before
    assert cupy.matmul(a, a, out=out) is out
    assert out.get().tolist() == [[9, 0], [0, 9]]
    assert cupy.add(a, 1, a) is a
    assert a.get().tolist() == [[4, 1], [1, 4]]
    a @= a  # CuPy has no @= of its own
    assert a is not before


def test_facts_of_arrays(cupy):
    a = cupy.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    part = a[:, 1:]
    assert len(a) == 2
    assert (a.flags.c_contiguous, part.flags.c_contiguous) == (True, False)
    assert part.data.ptr == a.data.ptr + 4
    assert part.__cuda_array_interface__ == {
        "shape": (2, 2),
        "typestr": "<f4",
        "descr": [("", "<f4")],
        "stream": 1,
        "version": 3,
        "strides": (12, 4),
        "data": (part.data.ptr, False),
    }
    assert a.__cuda_array_interface__["strides"] is None
    assert [row.tolist() for row in a] == [[0, 1, 2], [3, 4, 5]]


def test_the_project_moves_arrays(cupy):
    a = to_device(HOST, cupy, dtype="float64")
    assert array_module(a, a) is cupy
    assert to_host(a).tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="different devices"):
        array_module(a, HOST)
