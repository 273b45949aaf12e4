"""Every name that the project takes from CuPy is in all the versions that it supports."""

import ast
import json
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from ladder import cupy_names, standin

from tinygzsl.runtime.array import ArrayModule, DeviceArray, Flags

ROOT = Path(__file__).parents[2]
FOLDERS = ("tinygzsl", "kernels", "cli")
MODULES = ("xp", "cupy")  # the variables that CuPy is in
GIVE_MODULES = ("array_module", "device_module")
OF_UFUNCS = ["*args", "out", "casting", "dtype"]


def problems(text, file):
    """What CuPy has not in a program's text: "file:line: cupy.name ..."."""
    found = []
    for node in ast.walk(ast.parse(text)):
        problem = None
        if isinstance(node, ast.Attribute):
            problem = _unknown_name(node)
        elif isinstance(node, ast.Call):
            problem = _unsuitable_call(node)
        if problem:
            found.append((node.lineno, f"{file}:{node.lineno}: {problem}"))
    return [line for _, line in sorted(found)]


def _path(node):
    """cupy.linalg.norm for xp.linalg.norm; None for what doesn't begin with CuPy."""
    if isinstance(node, ast.Attribute):
        owner = _path(node.value)
        return owner and f"{owner}.{node.attr}"
    if isinstance(node, ast.Call):
        is_module = isinstance(node.func, ast.Name) and node.func.id in GIVE_MODULES
        return "cupy" if is_module else None
    return "cupy" if isinstance(node, ast.Name) and node.id in MODULES else None


def _unknown_name(node):
    known = cupy_names.load()["names"].get(_path(node.value), ())
    if known and node.attr not in known and not node.attr.startswith("__"):
        return f"CuPy has no {_path(node)}"
    return None


def _unsuitable_call(node):
    path = _path(node.func)
    names = [keyword.arg for keyword in node.keywords]
    if path is None or None in names or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    if path.removeprefix("cupy.") in cupy_names.load()["ufuncs"]:
        unknown = set(names) - set(OF_UFUNCS)
        return f"{path}() has no {', '.join(sorted(unknown))}" if unknown else None
    try:
        cupy_names.check_call(path, node.args, dict.fromkeys(names))
    except TypeError as error:
        return str(error)
    return None


def test_all_names_and_keywords_exist():
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 50
    found = [p for f in files for p in problems(f.read_text(encoding="utf-8"), f.relative_to(ROOT))]
    assert not found, "\n".join(found)


def test_it_looks_at_the_names_that_are_used():
    files = sorted((ROOT / "kernels/reference").glob("*.py"))
    text = "\n".join(f.read_text(encoding="utf-8") for f in files)
    paths = {_path(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    assert {"cupy.sqrt", "cupy.where", "cupy.concatenate", "cupy.isfinite"} <= paths


def names_of(protocol):
    """The names that a protocol adds to those of every class."""
    common = {*dir(object), *vars(type("Empty", (Protocol,), {}))} - {"__eq__", "__ne__"}
    return {name for name in vars(protocol) if name not in common}


def test_cupy_has_what_the_types_name():
    known = cupy_names.load()["names"]
    assert {"exp", "where", "matmul"} <= names_of(ArrayModule) <= set(known["cupy"])
    methods = {name for name in names_of(DeviceArray) if not name.startswith("__")}
    assert {"shape", "sum", "get"} <= methods <= set(known["cupy.ndarray"])


def test_the_stand_in_and_numpy_have_what_the_types_name():
    with standin.installed() as cupy:
        assert not [name for name in names_of(ArrayModule) if not hasattr(cupy, name)]
        array = cupy.zeros((2, 3))
        assert not [name for name in names_of(DeviceArray) if not hasattr(type(array), name)]
        assert not [name for name in names_of(Flags) if not hasattr(array.flags, name)]
    only_cupys = {"get", "set"}
    assert not [name for name in names_of(ArrayModule) if not hasattr(np, name)]
    assert {name for name in names_of(DeviceArray) if not hasattr(np.ndarray, name)} == only_cupys


PLANTED = [
    ("y = xp.in1d_not_there(x)", "CuPy has no cupy.in1d_not_there"),
    ("y = array_module(x).block(x)", "CuPy has no cupy.block"),
    ("y = xp.concat([x, x])", "CuPy has no cupy.concat"),  # since CuPy 14
    ("cupy.cuda.Device().mem", None),  # the type of a result is not known
    ("cupy.cuda.is_there()", "CuPy has no cupy.cuda.is_there"),
    ("device_module('cuda').linalg.nrm(x)", "CuPy has no cupy.linalg.nrm"),
    ("xp.sum(x, where=y)", "cupy.sum() got an unexpected keyword argument 'where'"),
    ("xp.take(x, i, 0, None, 'clip')", "cupy.take() takes at most 4 arguments (5 given)"),
    ("xp.exp(x, where=y)", "cupy.exp() has no where"),
    ("xp.asarray(x, copy=False)", "cupy.asarray() got an unexpected keyword argument 'copy'"),
    ("xp.exp(x, out=x, dtype='float32')", None),
    ("xp.sum(x, axis=0, keepdims=True)", None),
    ("xp.einsum('i,i', x, y, optimize=True)", None),
    ("xp.empty(*shape, dtype=x.dtype)", None),
    ("np.block(x)", None),
]


@pytest.mark.parametrize(("text", "problem"), PLANTED)
def test_planted_mistakes_are_found(text, problem):
    assert problems(f"\n{text}", "file.py") == ([f"file.py:2: {problem}"] if problem else [])


def test_what_two_versions_have_in_common():
    old = {
        "versions": ["1"],
        "ufuncs": ["exp", "gone"],
        "names": {"cupy": ["exp", "gone", "sort", "sum"]},
        "parameters": {"cupy.gone": ["x"], "cupy.sum": ["*args", "**kw"], "cupy.sort": ["a"]},
    }
    new = {
        "versions": ["2"],
        "ufuncs": ["exp"],
        "names": {"cupy": ["exp", "new", "sort", "sum"]},
        "parameters": {"cupy.sum": ["a", "*", "out"], "cupy.sort": ["a", "axis"], "cupy.new": []},
    }
    common = cupy_names.intersect([old, new])
    assert common == {
        "versions": ["1", "2"],
        "ufuncs": ["exp"],
        "names": {"cupy": ["exp", "sort", "sum"]},
        "parameters": {"cupy.sum": ["a", "*", "out"], "cupy.sort": ["a"]},
    }
    assert json.loads(cupy_names.as_text(common)) == common


def test_the_list_is_of_the_versions_that_are_supported():
    known = cupy_names.load()
    assert [version.split(".")[0] for version in known["versions"]] == ["13", "14"]
    assert cupy_names.PATH.read_text() == cupy_names.as_text(known)
