"""Fast methods to compare, and classes of a user."""

import sys

import pytest
from fast_methods import fast_params, fit, make  # noqa: F401


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(text) -> the name of a new module with that text, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    made = []

    def write(text):
        made.append(f"of_a_user_{len(made)}")
        (tmp_path / f"{made[-1]}.py").write_text(text)
        return made[-1]

    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def own_rows(tiny_dataset):
    """own_rows(own, seeds=(0,), data=..., **how) -> the rows of an OwnClass, of a Comparison."""

    def measure(own, seeds=(0,), data=None, **how):
        from tinygzsl.comparison.chosen import Chosen
        from tinygzsl.comparison.measure import Comparison, keys

        methods = {own.title: own.as_method()}
        comparison = Comparison(data or tiny_dataset(), {own.title: Chosen({})}, own=methods, **how)
        return list(comparison.rows(keys([own.title], list(seeds), routed=False, own=methods)))

    return measure
