"""MATH.md is kept true: its examples are run, and what it names is looked up in the sources."""

import ast
import contextlib
import io
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tinygzsl" / "MATH.md"
if not PAGE.exists():
    pytest.skip("the sources are in a checkout only, and this is none", allow_module_level=True)
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.S)
NUMBER = re.compile(r"\d+(?:\.\d*)?(?:e[-+]\d+)?")
INLINE_MATH = re.compile(r"\$`.*?`\$", re.S)
POINTER = re.compile(r"\*(Code|Tests|Live):\*|\]\(([^)]+)\)|`([^`]+)`")


def prose(text):
    """The text without code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


# The examples


@pytest.fixture(scope="module")
def printed():
    """What each example prints; they are one session."""
    session, results = {}, []
    for code, _ in EXAMPLE.findall(TEXT):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "MATH.md", "exec"), session)
        results.append(out.getvalue())
    return results


def test_the_examples_print_what_is_shown(printed):
    for (code, shown), result in zip(EXAMPLE.findall(TEXT), printed, strict=True):
        words = [NUMBER.sub("#", text).split() for text in (shown, result)]
        assert words[0] == words[1], code
        assert numbers(result) == pytest.approx(numbers(shown), rel=1e-5, abs=2e-6), code


def test_every_number_worked_by_hand_is_in_the_examples():
    parts = re.split(r"^\*By hand\.\*", TEXT, flags=re.M)
    assert len(parts) == 1 + len(EXAMPLE.findall(TEXT)) - 1  # the first one only imports NumPy
    for before, part in zip(range(1, len(parts)), parts[1:], strict=True):
        worked = part[: part.index("```python")]
        until = "".join(parts[:before]) + part[: part.index("*Code:*")]
        known = [n for code, shown in EXAMPLE.findall(until) for n in numbers(code + shown)]
        assert_known(worked, known)


def test_every_other_number_of_three_decimals_is_too(printed):
    assert_known(" ".join(re.findall(r"\d+\.\d{3,}", prose(TEXT))), numbers(" ".join(printed)))


def assert_known(worked, known):
    for number in NUMBER.findall(INLINE_MATH.sub(lambda m: m[0].replace("_", " "), worked)):
        rounding = 0.51 * 10.0 ** -len(number.partition(".")[2])
        assert any(abs(float(number) - n) < rounding for n in known), (number, worked)


# What it names


@cache
def names_in(path):
    """Functions, classes, methods (as Class.method) and constants that a file defines."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names |= {getattr(node, "name", None)}
        names |= {target.id for target in getattr(node, "targets", []) if hasattr(target, "id")}
        for inner in getattr(node, "body", []) if isinstance(node, ast.ClassDef) else []:
            names |= {f"{node.name}.{getattr(inner, 'name', None)}"}
    return names


def pointers():
    """(kind, file or None, name) of every name after *Code:*, *Tests:* and *Live:*."""
    for paragraph in prose(TEXT).split("\n\n"):
        if not re.match(r"\*(Code|Tests):\*", paragraph):
            continue
        kind = file = None
        for new_kind, link, name in POINTER.findall(INLINE_MATH.sub("", paragraph)):
            kind = new_kind or kind
            file = link or (None if new_kind else file)
            if name:
                yield kind, file, " ".join(name.split())


def test_every_function_and_test_exists_in_the_file_it_is_said_to_be_in():
    found = {"Code": 0, "Tests": 0}
    for kind, file, name in pointers():
        if kind == "Live":
            continue
        if file is None or name not in names_in((PAGE.parent / file).resolve()):
            pytest.fail(f"{name} is not in {file}")
        assert name.startswith("test_") == (kind == "Tests") == file.startswith("../tests/")
        found[kind] += 1
    assert found["Code"] > 50
    assert found["Tests"] > 50


def test_what_can_be_explained_live_can_be():
    from tinygzsl.explain.catalogue import ALL

    named = [name for kind, _, name in pointers() if kind == "Live"]
    assert {name.removeprefix("tinygzsl explain ") for name in named} <= set(ALL)
    assert len(named) > 15


def test_every_other_name_is_one_of_the_sources():
    sources = [ROOT / "tinygzsl", ROOT / "kernels"]
    code = " ".join(p.read_text(encoding="utf-8") for root in sources for p in root.rglob("*.py"))
    words = set(re.findall(r"\w+", code))
    for span in re.findall(r"`([^`]+)`", INLINE_MATH.sub("", prose(TEXT))):
        if not span.startswith(("test_", "tinygzsl ")):
            assert set(re.findall(r"[A-Za-z_]\w*", span)) <= words, span


def test_links_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", prose(TEXT), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\(([^)]+)\)", prose(TEXT)):
        assert target[1:] in anchors if target[0] == "#" else (PAGE.parent / target).exists(), (
            target
        )


# What it has


def test_every_equation_has_a_section_in_order_with_code_and_tests():
    sections = re.findall(r"^## (Eqs?\. .+?)$(.*?)(?=^## |\Z)", TEXT, re.S | re.M)
    assert [n for title, _ in sections for n in equations(title)] == list(range(1, 11))
    for title, body in sections:
        for part in ("*Code:*", "*Tests:*", "*Live:*", "*Stable form.*", "*By hand.*"):
            assert part in body or (title[:5], part) == ("Eq. 5", "*By hand.*"), (title, part)


def test_math_is_written_so_that_no_renderer_takes_it_for_markdown():
    rest = INLINE_MATH.sub("", prose(TEXT))
    assert "$" not in rest
    for row in re.findall(r"^\|.*\|$", prose(TEXT), re.M):
        assert not any("|" in math for math in INLINE_MATH.findall(row)), row
    for math in INLINE_MATH.findall(prose(TEXT)):
        assert math.count("{") == math.count("}"), math
        assert "\n\n" not in math, math


# The sources


def equations(line):
    """The numbers in "eq. 6" or "eqs. 3-5, 8 and 9"."""
    found = []
    for listed in re.findall(r"[Ee]qs?\. ((?:\d+(?:-\d+)?(?:, | and )?)+)", line):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", listed):
            found += range(int(first), int(last or first) + 1)
    return found


def test_equation_numbers_are_read_from_a_line():
    assert equations("The module (eqs. 3-5, 8 and 9): f_v, and eq. 10.") == [3, 4, 5, 8, 9, 10]


def test_each_equation_is_the_subject_of_exactly_one_module():
    """The first line of a module's docstring says what it is about."""
    subjects = {}
    for path in sorted([*(ROOT / "tinygzsl").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")]):
        first_line = path.read_text(encoding="utf-8").partition("\n")[0]
        assert first_line.startswith(('"""', 'r"""')) or not first_line, path
        for number in equations(first_line):
            subjects.setdefault(number, []).append(path.name)
    assert sorted(subjects) == list(range(1, 11))
    assert [files for files in subjects.values() if len(files) > 1] == []
