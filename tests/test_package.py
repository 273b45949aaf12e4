"""The package as a whole: what it imports, what it exports, what its wheel contains."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinygzsl

CHECKOUT = Path(__file__).parents[1]
SOURCES = {"tinygzsl": "tinygzsl", "tinygzsl.kernels": "kernels", "tinygzsl.cli": "cli"}
HOME = Path(tinygzsl.__file__).parent
HEAVY = {"numba", "scipy", "cupy", "matplotlib", "click"}


def run_python(code):
    # The folder of the package under test comes first, be it a checkout or site-packages.
    path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


@pytest.mark.wheel
def test_import_is_cheap():
    loaded = run_python("import sys, tinygzsl; print(*{m.split('.')[0] for m in sys.modules})")
    assert "tinygzsl" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.wheel
@pytest.mark.parametrize("name", tinygzsl.__all__)
def test_public_name_resolves(name):
    assert getattr(tinygzsl, name) is not None
    assert name in dir(tinygzsl)


@pytest.mark.wheel
def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tinygzsl' has no attribute 'absent'"):
        _ = tinygzsl.absent


@pytest.mark.wheel
@pytest.mark.parametrize("name", ["kernels", "cli"])
def test_subpackage_imports_in_every_layout(name):
    module = importlib.import_module(f"tinygzsl.{name}")
    assert module.__name__ == f"tinygzsl.{name}"


@pytest.mark.wheel
def test_version_agrees_with_the_installed_metadata():
    try:
        installed = importlib.metadata.version("tinygzsl")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("tinygzsl is not installed, only importable")
    assert tinygzsl.__version__ == installed


@pytest.mark.wheel
def test_wheel_keeps_everything_inside_one_package():
    if HOME.parent.name != "site-packages":
        return  # a checkout; .ci/run also comes here with the wheel installed
    files = {str(file) for file in importlib.metadata.files("tinygzsl")}
    assert {
        "tinygzsl/__init__.py",
        "tinygzsl/py.typed",
        "tinygzsl/datasets/__init__.py",
        "tinygzsl/kernels/__init__.py",
        "tinygzsl/cli/__init__.py",
    } <= files
    # Besides the package there are its metadata and, in ../../../bin, its command.
    tops = {file.split("/")[0] for file in files}
    assert tops == {"tinygzsl", f"tinygzsl-{tinygzsl.__version__}.dist-info", ".."}


def test_citation_and_changelog_name_the_version():
    assert f"\nversion: {tinygzsl.__version__}\n" in (CHECKOUT / "CITATION.cff").read_text("utf-8")
    assert f"## [{tinygzsl.__version__}]" in (CHECKOUT / "CHANGELOG.md").read_text("utf-8")


def test_setup_lists_every_package():
    pytest.importorskip("setuptools", reason="setuptools is not here, so setup.py can't be run")
    listed = run_python(
        "import os, runpy, setuptools\n"
        "setuptools.setup = lambda **options: print(*options['packages'])\n"
        f"os.chdir({str(CHECKOUT)!r})\n"
        "runpy.run_path('setup.py')"
    )
    there = {
        ".".join([package, *file.parent.relative_to(CHECKOUT / folder).parts])
        for package, folder in SOURCES.items()
        for file in (CHECKOUT / folder).rglob("*.py")
    }
    assert len(there) > 20
    assert sorted(listed) == sorted(there)


def test_the_top_of_the_package_is_the_paper():
    """One idea a file: what is not an idea of the paper has a folder."""
    files = {file.stem for file in (CHECKOUT / "tinygzsl").glob("*.py")}
    assert files >= {"__init__", "__main__", "estimator", "pipeline", "cwgan", "vsmm", "router"}
    assert len(files - {"__init__", "__main__"}) <= 19


def test_contributing_shows_the_tree_and_the_layers():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
    tree, layers = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)[:2]
    shown, folders = set(), []
    for indent, name in re.findall(r"^( *)(\S+) +\S", tree, re.M):
        folders[len(indent) // 2 :] = [name]
        shown.add("".join(folders))
    there = {f"{p.relative_to(CHECKOUT)}" for p in (CHECKOUT / "tinygzsl").glob("*.py")}
    for folder in SOURCES.values():
        there |= {f"{p.parent.relative_to(CHECKOUT)}/" for p in (CHECKOUT / folder).glob("*/*.py")}
    assert there - shown == {"tinygzsl/__init__.py", "tinygzsl/__main__.py"}
    assert [name for name in shown if not (CHECKOUT / name).exists()] == []
    contract = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    assert layers.split("\n")[:-1] == contract["tool"]["importlinter"]["contracts"][0]["layers"]


def test_the_way_of_a_sample_names_each_file_once():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
    way = text.partition("### From `tinygzsl train` to a label\n")[2].partition("\n### ")[0]
    files = re.findall(r"`([\w/]+\.py)`", way)
    assert len(files) > 20
    assert len(files) == len(set(files))
    for file in files:
        top = "" if file.startswith(("cli/", "kernels/")) else "tinygzsl/"
        assert (CHECKOUT / top / file).is_file(), file


def test_lowest_versions_are_those_that_setup_admits():
    """tests/lowest.txt pins the least version of all that is required and of the extra `test`."""
    setup = (CHECKOUT / "setup.py").read_text("utf-8")
    required = setup[setup.index("install_requires=") :].split("]")[0]
    extra = setup[setup.index('"test": [') :].split("]")[0]
    least = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', required + extra))
    lines = (CHECKOUT / "tests" / "lowest.txt").read_text("utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned.keys() == least.keys()
    for name, version in least.items():
        assert f"{pinned[name].removesuffix('.*')}.0.0".startswith(f"{version}."), name


def test_modules_are_imported_by_a_string_where_that_is_said_only():
    """The contracts don't see such an import: lazy public names, the versions of a kernel, and a
    user's class for `compare`.
    """
    allowed = {
        "tinygzsl/__init__.py",
        "tinygzsl/baselines/__init__.py",
        "tinygzsl/baselines/methods.py",
        "tinygzsl/comparison/own_class.py",
        "tinygzsl/datasets/__init__.py",
        "kernels/dispatch.py",
    }
    files = (f for folder in SOURCES.values() for f in (CHECKOUT / folder).rglob("*.py"))
    found = {
        f.relative_to(CHECKOUT).as_posix()
        for f in files
        if re.search(r"import_module|__import__", f.read_text("utf-8"))
    }
    assert found == allowed
