"""Import a user's class from "package.module:Class" and check that it can be compared.

Only text of that form is taken, importlib imports the module, and no text is evaluated. Every check
that needs no data is made here, before anything is trained. See own.py for what the class has to
have.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from ..baselines import METHODS
from ..baselines.methods import method
from ..errors import InputError
from ..storage.checksums import file_sha256
from ..text import nearest, quoted
from .chosen import OWN_NOT_IN_FILES
from .methods import GATED
from .own import OwnClass, raised

# A cell of a table, and a part of a file's name; "router + SAE" is another row of the table.
TITLE = re.compile(r"(?!router \+)\w(?:[\w .()+-]{0,58}[\w)])?")
RESERVED = (*OWN_NOT_IN_FILES, "offset", "origin")  # have a meaning in settings files
# What fit, decision_function and predict are called with.
CALLS = {
    "fit": ("X", "y", "seen_prototypes"),
    "decision_function": ("X", "unseen_prototypes"),
    "predict": ("X", "unseen_prototypes", "unseen_classes"),
}


def load_all(
    texts: Iterable[str], *, on_traceback: Callable[[str], None] | None = None
) -> list[OwnClass]:
    """Return load(text) for each text; ValueError for a name twice, or a name of a known method."""
    known = [kind for name in METHODS for kind in (name, method(name).title)]
    taken = dict.fromkeys((n.casefold() for n in known), "one of the methods here")
    taken |= {n.casefold(): "ours" for gated in GATED.values() for n in (gated.name, gated.title)}
    found = []
    for text in texts:
        own = load(text, on_traceback=on_traceback)
        before = taken.get(own.title.casefold())
        if before:
            raise InputError(
                f"{own.spec} is named {own.title}, as is {before}; give it another name by a class "
                "attribute, like title = 'My method'"
            )
        taken[own.title.casefold()] = own.spec
        found.append(own)
    return found


def load(text: str, *, on_traceback: Callable[[str], None] | None = None) -> OwnClass:
    """Return the class that the text names.

    Raises ValueError if it is not of the form "package.module:Class", if the module can't be
    imported, and if the class is missing or can't be compared.
    """
    module_name, colon, class_name = text.partition(":")
    if not colon or not all(p.isidentifier() for p in (*module_name.split("."), class_name)):
        raise InputError(
            f"{quoted(text)} doesn't name a class; write it as package.module:Class, like "
            "my_methods:MyMethod for class MyMethod in my_methods.py"
        )
    module = _imported(module_name, on_traceback)
    cls = getattr(module, class_name, None)
    if cls is None:
        classes = [n for n, value in vars(module).items() if inspect.isclass(value)]
        hint = nearest(class_name, classes) if classes else "it has no class"
        raise InputError(f"{module_name} has no class {quoted(class_name)}; {hint}")
    if not inspect.isclass(cls):
        raise InputError(f"{text} is of type {type(cls).__name__}; name a class")
    arguments = _check_calls(cls, text)
    strict = getattr(cls, "strict", True)
    if not isinstance(strict, bool):
        raise InputError(f"{text} has strict = {quoted(strict)}; write True or False")
    return OwnClass(
        cls=cls,
        spec=text,
        title=_title(cls, text),
        strict=strict,
        grid=_grid(cls, text, arguments=arguments),
        has_seed="seed" in arguments,
        sha256=_source_sha256(cls),
        on_traceback=on_traceback,
    )


def _imported(name: str, on_traceback: Callable[[str], None] | None) -> Any:
    importlib.invalidate_caches()  # the file may be newer than the folder's listing
    try:
        with redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except (KeyboardInterrupt, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name
        if missing and (name == missing or name.startswith(f"{missing}.")):
            raise InputError(
                f"there is no module {quoted(name)}, neither in the current folder, {Path.cwd()}, "
                "nor installed; run the command in the folder of its file"
            ) from None
        how = "; repeat the command with --traceback to see the whole error"
        if on_traceback:
            on_traceback("".join(traceback.format_exception(error)).rstrip())
            how = ""
        raise InputError(f"the module {name} can't be imported: {raised(error)}{how}") from error


def _check_calls(cls: type, text: str) -> list[str]:
    """Return the names of the constructor's arguments; ValueError if a needed call can't work."""
    if inspect.isabstract(cls):
        names = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        raise InputError(f"{text} is abstract: it lacks {names}; define them")
    arguments = _parameters(cls)
    empty = inspect.Parameter.empty
    plain = [p for p in arguments if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    needed = [p.name for p in plain if p.default is empty]
    if needed:
        raise InputError(
            f"the constructor of {text} needs {', '.join(needed)}; give every argument a default"
        )
    if not any(hasattr(cls, name) for name in ("decision_function", "predict")):
        raise InputError(
            f"{text} has neither decision_function(X, unseen_prototypes) nor "
            "predict(X, unseen_prototypes, unseen_classes); define one of them"
        )
    for name, given in CALLS.items():
        if name == "fit" or hasattr(cls, name):
            _check_call(getattr(cls, name, None), given, where=f"{text}: {name}")
    return [p.name for p in plain]


def _check_call(function: Any, given: tuple[str, ...], *, where: str) -> None:
    """ValueError unless function(self, *given) is a call that it takes."""
    wanted = f"({', '.join(given)})"
    if function is None:
        raise InputError(f"{where} is missing; define {where.rpartition(' ')[2]}{wanted}")
    if not callable(function):
        raise InputError(f"{where} is {quoted(function)}; define a method that takes {wanted}")
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # compiled code may not tell it
        return
    try:
        signature.bind("self", *given)
    except TypeError as error:
        raise InputError(
            f"{where} takes {signature}, but is called with {wanted} and nothing else ({error}); "
            "let it take these, and give others a default"
        ) from None


def _parameters(cls: type) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(cls).parameters.values())
    except (ValueError, TypeError):
        return []


def _title(cls: type, text: str) -> str:
    title = getattr(cls, "title", cls.__name__)
    if not isinstance(title, str) or not TITLE.fullmatch(title):
        raise InputError(
            f"{text} has the title {quoted(title)}; write 1 to 60 letters, digits, spaces and "
            "_ . ( ) + -, with a letter or digit first"
        )
    return title


def _grid(cls: type, text: str, *, arguments: list[str]) -> dict[str, tuple[Any, ...]]:
    grid = getattr(cls, "grid", {})
    if not isinstance(grid, dict) or not all(isinstance(name, str) for name in grid):
        raise InputError(
            f"{text} has grid = {quoted(grid)}; write a dict of values to try, by argument of the "
            "constructor"
        )
    found = {}
    for name, values in grid.items():
        if name not in arguments or name in RESERVED:
            known = [known for known in arguments if known not in RESERVED]
            hint = nearest(name, known) if known else "the constructor has no other argument"
            raise InputError(f"grid of {text} has {quoted(name)}, which can't be searched; {hint}")
        values = values.tolist() if isinstance(values, np.ndarray) else values
        if not isinstance(values, list | tuple) or not values:
            raise InputError(
                f"grid of {text} has {name} = {quoted(values)}; write a tuple of values to try"
            )
        found[name] = tuple(_plain(value, where=f"grid of {text} has {name} =") for value in values)
    return found


def _plain(value: Any, *, where: str) -> Any:
    """Return a value that settings files can hold; ValueError for another kind."""
    if isinstance(value, np.generic):
        value = value.item()
    each = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(v, bool | int | float | str) for v in each):
        raise InputError(
            f"{where} {quoted(value)}; use numbers, texts, True, False and tuples of these"
        )
    return each if isinstance(value, list | tuple) else value


def _source_sha256(cls: type) -> str | None:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return file_sha256(Path(file)) if file and Path(file).is_file() else None
