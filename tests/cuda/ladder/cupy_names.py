"""The names that CuPy has and their parameters, kept in cupy_names.json for the stand-in.

Where CuPy is installed (a GPU is not needed), one version is described by

    python tests/cuda/ladder/cupy_names.py > tests/cuda/ladder/cupy_names.json

and what several versions have in common by giving the files of each:

    python tests/cuda/ladder/cupy_names.py 13.json 14.json > tests/cuda/ladder/cupy_names.json
"""

import importlib
import inspect
import json
import re
import sys
from functools import cache, reduce
from pathlib import Path
from types import ModuleType

MODULES = (
    "cupy",
    "cupy.cuda",
    "cupy.cuda.compiler",
    "cupy.cuda.memory",
    "cupy.cuda.nvrtc",
    "cupy.cuda.runtime",
    "cupy.linalg",
)
CLASSES = (
    "cupy.ndarray",
    "cupy.cuda.Device",
    "cupy.cuda.Event",
    "cupy.cuda.MemoryPointer",
    "cupy.cuda.MemoryPool",
    "cupy.cuda.PinnedMemory",
    "cupy.cuda.Stream",
    "cupy.cuda.UnownedMemory",
)
PATH = Path(__file__).with_name("cupy_names.json")


@cache
def load():
    """The content of cupy_names.json: versions, names, parameters and ufuncs."""
    return json.loads(PATH.read_text())


def check_call(path, args, kwargs):
    """Refuse what CuPy's function at path has no parameter for, as CuPy does: with TypeError."""
    names = load()["parameters"].get(path)
    if names is None:
        return
    plain = [n for n in names if not n.startswith("*")]
    positional = names.index("*") if "*" in names else len(plain)
    takes_any_number = any(n.startswith("*") and n != "*" and n[1] != "*" for n in names)
    if len(args) > positional and not takes_any_number:
        raise TypeError(f"{path}() takes at most {positional} arguments ({len(args)} given)")
    if any(n.startswith("**") for n in names):
        return
    for key in kwargs:
        if key not in plain:
            raise TypeError(f"{path}() got an unexpected keyword argument {key!r}")


def describe():
    """The same for the installed CuPy."""
    found = {"versions": [], "names": {}, "parameters": {}, "ufuncs": []}
    for place in MODULES + CLASSES:
        owner = _resolve(place)
        names = [n for n in dir(owner) if _is_cupys(n, owner)]
        found["names"][place] = names
        for name in names:
            value = getattr(owner, name)
            names_of_parameters = _parameters(value, is_method=place in CLASSES)
            if names_of_parameters is not None:
                found["parameters"][f"{place}.{name}"] = names_of_parameters
            if type(value).__name__ == "ufunc" and place == "cupy":
                found["ufuncs"].append(name)
    found["versions"].append(importlib.import_module("cupy").__version__)
    return found


def _is_cupys(name, owner):
    """Whether the name is public and not one of Python's modules that CuPy imports."""
    if name.startswith("_"):
        return False
    value = getattr(owner, name)
    return not isinstance(value, ModuleType) or "cupy" in value.__name__


def _resolve(place):
    return reduce(getattr, place.split(".")[1:], importlib.import_module("cupy"))


def _parameters(function, is_method):
    """Names of parameters; '*' stands before keyword-only ones. None where they can't be known."""
    if isinstance(function, type) or not callable(function):
        return None
    try:
        return _from_signature(inspect.signature(function), is_method)
    except (TypeError, ValueError):
        return _from_text(function.__doc__ or "", getattr(function, "__name__", ""))


def _from_signature(signature, is_method):
    names = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names.append("*" + parameter.name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            names.append("**" + parameter.name)
        else:
            if parameter.kind is parameter.KEYWORD_ONLY and not any(n[0] == "*" for n in names):
                names.append("*")
            names.append(parameter.name)
    return names[1:] if is_method and names[:1] == ["self"] else names


def _from_text(text, name):
    """From a first line like 'ndarray.sum(self, axis=None, int n=1, *, out=None) -> ndarray'."""
    found = re.match(r"[\w.]*\((.*)\)", text.strip().split("\n")[0].replace("\\", ""))
    if not found or (name and f"{name}(" not in text.split("\n")[0]):
        return None
    names = []
    for part in re.sub(r"\([^()]*\)", "", found[1]).split(","):
        words = part.split("=")[0].split()
        if words and words[-1] not in ("self", "/"):
            names.append(words[-1])
    return names


def intersect(descriptions):
    """What all of the descriptions have: names that are in each, and parameters that are in each.

    Parameters that only one version tells are taken from there.
    """
    first, *rest = descriptions
    common = json.loads(json.dumps(first))
    for other in rest:
        common["versions"] += other["versions"]
        common["ufuncs"] = [n for n in common["ufuncs"] if n in other["ufuncs"]]
        for place, names in common["names"].items():
            common["names"][place] = [n for n in names if n in other["names"][place]]
        for path in sorted(common["parameters"].keys() | other["parameters"].keys()):
            ours, theirs = common["parameters"].get(path), other["parameters"].get(path)
            both = _common_parameters(ours, theirs)
            common["parameters"][path] = both
    common["parameters"] = {
        path: names
        for path, names in common["parameters"].items()
        if path.rpartition(".")[2] in common["names"][path.rpartition(".")[0]]
    }
    return common


def _common_parameters(ours, theirs):
    """The names in both; one that takes any keyword knows no more than the other."""
    for names, other in ((ours, theirs), (theirs, ours)):
        if names is None or (any(n.startswith("**") for n in names) and other is not None):
            return other
    return [n for n in ours if n in theirs]


def as_text(description):
    """JSON with one line for each list."""
    lines = [f'"versions": {json.dumps(sorted(description["versions"]))}']
    lines.append(f'"ufuncs": {json.dumps(sorted(description["ufuncs"]))}')
    for part, order in (("names", sorted), ("parameters", list)):
        entries = sorted(description[part].items())
        body = ",\n".join(f"{json.dumps(key)}: {json.dumps(order(v))}" for key, v in entries)
        lines.append(f'"{part}": {{\n{body}\n}}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(files):
    """Print the installed CuPy's description, or what the files have in common."""
    described = [json.loads(Path(f).read_text()) for f in files] or [describe()]
    sys.stdout.write(as_text(intersect(described)))


if __name__ == "__main__":
    main(sys.argv[1:])
