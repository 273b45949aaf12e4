"""Options and fixtures of the suites that `pytest bench --benchmark-only` runs."""

from functools import cache
from importlib.util import find_spec

import pytest

from tinygzsl.benchmarks.report import PACKAGES
from tinygzsl.benchmarks.selection import KINDS
from tinygzsl.benchmarks.versions import OURS, PEERS, REFERENCE, make_version
from tinygzsl.runtime.threads import check_threads, default_threads

VERSIONS = [OURS, REFERENCE, *PEERS]


def pytest_addoption(parser):
    group = parser.getgroup("tinygzsl")
    group.addoption("--full", action="store_true", help="the sizes of bench/README.md")
    group.addoption("--threads", type=int, help="threads of every version")


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("pytest-benchmark is not installed; pip install 'tinygzsl[bench]'")
    config.addinivalue_line("filterwarnings", "default")  # other libraries warn of deprecations


def pytest_collection_modifyitems(items):
    """Order the tests by work, so that at most one work is in memory."""
    items.sort(key=lambda item: str(item.callspec.params.get("kind")) if _has(item) else "")


def _has(item):
    return hasattr(item, "callspec")


@cache
def _threads(asked):
    return check_threads(asked) or default_threads()


@pytest.fixture
def threads(request):
    return _threads(request.config.getoption("--threads"))


@pytest.fixture(scope="session")
def _memory():
    return {}


@pytest.fixture
def make_work(request, _memory):
    """make_work(kind, small, full) -> the work in the chosen size, and its correct result."""

    def make(kind, small, full):
        sizes = full if request.config.getoption("--full") else small
        key = (kind, str(sizes))
        if key not in _memory:
            _memory.clear()
            work = KINDS[kind](**sizes)
            reference = make_version(work, REFERENCE, threads=default_threads())
            with reference.context():
                reference.runner.run()
            _memory[key] = work, reference.runner.result()
        return _memory[key]

    return make


@pytest.fixture
def measure(benchmark, make_work, threads):
    """measure(kind, version, small, full): check the version's result, then time it."""

    def run(kind, name, small, full):
        package = PACKAGES.get(name)
        if package and not find_spec(package):
            pytest.skip(f"{package} is not installed")
        work, right = make_work(kind, small, full)
        version = make_version(work, name, threads=threads)
        if version is None:
            pytest.skip(f"{name} has nothing of its own for {kind}")
        with version.context():
            version.runner.run()
            difference = work.difference(version.runner.result(), right)
            assert difference <= work.tolerance, f"{name} computes something else"
            benchmark.extra_info["difference"] = difference
            benchmark.pedantic(version.runner.run, rounds=7, warmup_rounds=1)

    return run
