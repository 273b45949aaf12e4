"""Arguments have names: what neither a reader nor mypy tells apart by place is passed by name.

Arrays, networks and objects of our own classes may stand by position. The other parameters are
numbers, texts, paths, flags, callbacks and containers: at most two of these may, and after the
second parameter nothing that has a default. No call spreads a tuple over the parameters of one of
our functions: what travels together is a dataclass, or is named.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import tinygzsl
from tinygzsl import cli, kernels

PACKAGE, CLI, KERNELS = (Path(m.__file__).parent for m in (tinygzsl, cli, kernels))
SOURCES = sorted({p for folder in (PACKAGE, CLI) for p in folder.rglob("*.py")})
ARRAY = re.compile(r"\b(Array|ndarray|NDArray|ArrayLike|MLP)\b")

# As they were in 0.1.0, where users may call them by position.
STABLE = {
    "Baseline.predict",
    "Checkpoint.__init__",
    "EntropySeparationGZSL.predict",
    "EntropySeparationGZSL.route",
    "RoutedGZSL.predict",
    "RoutedGZSL.route",
    "StackedGZSL.predict",
    "StackedGZSL.route",
    "fpr_at_tpr",
    "load_dataset",
    "tune",
}
# Not ours to call, or compiled; and the coordinates of drawings.
BY_PLACE = {"ArrayModule.full", "ArrayModule.partition", "_Helper._await"}
BY_PLACE |= {"box", "label", "line", "complete_preset_or_best"}
BY_PLACE |= {"complete_name", "complete_set", "complete_preset", "compiled_epoch"}
# Of Matplotlib, itertools and contextvars.
THEIRS = {"ax", "axes", "figure", "max", "min", "itertools", "product", "task"}
COMPILED = ("click", "compiled", "intrinsic", "overload")
JAX = re.compile(r"jax|torch")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def sources():
    return [p for p in SOURCES if KERNELS not in p.parents and not JAX.search(p.stem)]


def definitions(tree, inside=""):
    """(name, function) of the functions of a module and of its classes, those within others not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from definitions(node, f"{inside}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield inside + node.name, node
        elif isinstance(node, ast.If | ast.Try):
            yield from definitions(node, inside)


@cache
def classes():
    """The names of our classes: mypy tells their objects apart."""
    nodes = (node for path in SOURCES for node in ast.walk(tree_of(path)))
    return {node.name for node in nodes if isinstance(node, ast.ClassDef)}


def by_position(function, method):
    """(parameter, whether it has a default), without self."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    first = len(parameters) - len(function.args.defaults)
    found = [(p, i >= first) for i, p in enumerate(parameters)]
    static = any(ast.unparse(d) == "staticmethod" for d in function.decorator_list)
    return found[1:] if method and not static else found


def is_telling(parameter, own):
    """Whether its type says which argument it is."""
    kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
    if "Callable" in kind:
        return False
    return bool(ARRAY.search(kind)) or bool(set(re.findall(r"\w+", kind)) & own)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(p.parents[2])))
def test_beyond_the_second_plain_arguments_have_names(path):
    own, found = classes(), []
    for name, function in definitions(tree_of(path)):
        decorators = " ".join(map(ast.unparse, function.decorator_list))
        if name in STABLE | BY_PLACE or any(word in decorators for word in COMPILED):
            continue
        positional = by_position(function, "." in name)
        untold = [p.arg for p, _ in positional if not p.annotation]
        plain = [p.arg for p, _ in positional if p.annotation and not is_telling(p, own)]
        options = [p.arg for p, default in positional[2:] if default]
        if len(plain) > 2 or len(untold) > 3 or options:
            found.append(f"{name}, line {function.lineno}: {plain or untold} {options}")
    assert not found, "make these keyword-only: " + "; ".join(found)


@cache
def variadic():
    """Names of our functions, and of those that take any number of arguments."""
    ours, any_number = set(), set()
    for path in SOURCES:
        for name, function in definitions(tree_of(path)):
            bare = name.removesuffix(".__init__").rpartition(".")[2]
            (any_number if function.args.vararg else ours).add(bare)
    return ours | classes(), any_number


def spreads(tree):
    """Calls that spread a tuple, but for functions that pass on their own *args."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            starred = [a.value for a in node.args if isinstance(a, ast.Starred)]
            if any(ast.unparse(a) != "args" for a in starred):
                yield node


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(p.parents[2])))
def test_no_tuple_is_spread_over_the_parameters_of_our_functions(path):
    ours, any_number = variadic()
    found = []
    for call in spreads(tree_of(path)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        theirs = ast.unparse(call.func).partition(".")[0].partition("[")[0] in THEIRS
        if name in ours and name not in any_number and not theirs:
            found.append(f"line {call.lineno}: {ast.unparse(call)[:80]}")
    assert not found, "name the arguments of these calls: " + "; ".join(found)
