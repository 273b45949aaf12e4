"""The README: its examples are run, its table of equations and its list of commands are checked."""

import contextlib
import io
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def readme():
    return README.read_text(encoding="utf-8")


def examples(text):
    """Pairs of a python block and the text block that shows its output."""
    blocks = BLOCK.findall(text)
    return [(b[1], a[1]) for b, a in pairwise(blocks) if b[0] == "python"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_example_prints_what_it_shows(readme, number):
    code, shown = examples(readme)[number]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    printed = out.getvalue()
    pattern = r"-?\d+\.\d+"
    assert re.sub(pattern, "#", printed) == re.sub(pattern, "#", shown)
    for line, other in zip(printed.splitlines(), shown.splitlines(), strict=True):
        values = [[float(v) for v in re.findall(pattern, text)] for text in (line, other)]
        # Other processors round differently, and training makes more of it, most for one sample.
        assert values[0] == pytest.approx(values[1], abs=0.3 if "nats" in line else 0.03)


def test_each_equation_is_in_the_file_that_the_table_names(readme):
    rows = re.findall(r"^\| ([\d, ]+) \|.*?\|.*?\]\((.+?)\)", readme, re.M)
    found = set()
    for numbers, path in rows:
        source = (README.parent / path).read_text(encoding="utf-8")
        for number in numbers.split(", "):
            found.add(int(number))
            if path != "tinygzsl/nn/mlp.py":  # the chain rule behind eq. 6
                marks = re.findall(r"# eqs?\. ([\d, and]+)$", source, re.M)
                assert any(number in re.findall(r"\d+", mark) for mark in marks), (number, path)
    assert found == set(range(1, 11))


def test_links_lead_somewhere(readme):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (README.parent / target).exists(), target


def commands():
    from tinygzsl.cli.main import main

    for name, command in main.commands.items():
        for sub, nested in getattr(command, "commands", {}).items():
            yield f"{name} {sub}", nested
        if not hasattr(command, "commands"):
            yield name, command


def test_every_command_and_option_is_documented(readme):
    section = readme.partition("## Commands")[2].partition("### Presets")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    for name, command in commands():
        mine = [line for line in table if f"`{name}`" in line]
        assert len(mine) == 1, name
        for option in command.params:
            if option.param_type_name == "option" and option.name != "as_json":
                assert f"`{option.opts[0]}`" in mine[0], (name, option.opts)


def test_only_existing_options_are_documented(readme):
    from tinygzsl.cli.main import main

    all_of_them = [main, *(command for _, command in commands())]
    known = {"--json"} | {o for c in all_of_them for p in c.params for o in p.opts}
    ours = re.sub(r"python bench/.*", "", readme)  # these have options of their own
    assert set(re.findall(r"--[a-z][a-z-]+", ours)) <= known


def test_every_preset_is_named(readme):
    from tinygzsl.settings import PRESETS

    for name in PRESETS:
        assert f"`{name}`" in readme


def test_what_may_be_imported_is_there(readme):
    section = readme.partition("## Supported")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(tinygzsl[\w.]*)` \| (.*) \|$", section, re.M)
    assert len(rows) > 5
    for module, names in rows:
        found = import_module(module)
        for name in re.findall(r"`(\w+)`", names):
            assert hasattr(found, name), (module, name)


def test_every_test_that_is_named_exists(readme):
    section = readme.partition("## What can go wrong")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "::" in line]
    assert len(rows) > 30
    for row in rows:
        file = None
        for path, name in re.findall(r"`([\w/.]*)::(\w+)`", row):
            file = path or file
            folder = "" if file.startswith("tests/") else "tests/robust/"
            source = (README.parent / folder / file).read_text(encoding="utf-8")
            assert f"def {name}(" in source, (file, name)
