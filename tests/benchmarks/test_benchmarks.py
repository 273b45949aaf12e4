"""The comparison with other frameworks: floors, tables, equal results; PyTorch and JAX if there."""

import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinygzsl.benchmarks import floor, report, resident, selection
from tinygzsl.benchmarks.machine import Machine, description, measure_machine
from tinygzsl.benchmarks.versions import (
    BY_HAND,
    OURS,
    PEERS,
    REFERENCE,
    Version,
    checked_versions,
    time_in_turns,
    update_difference,
)
from tinygzsl.benchmarks.work_route import Route

BENCH = Path(__file__).parents[2] / "bench"
GAN = {"d": 24, "k": 5, "h": 16, "batch": 8, "classes": 6, "samples": 60}
DEEP = {"hidden": (12, 10), "classes": 30, "critic_steps": 2}
TINY = {
    "critic": [GAN],
    "outer": [GAN, GAN | DEEP],
    "vsmm": [{"d": 24, "k": 5, "m": 8, "batch": 16, "classes": 6, "samples": 60}],
    "softmax": [{"rows": 40, "classes": 7}],
    "adam": [{"parameters": 3000}],
}
CASES = [(kind, sizes) for kind, all_sizes in TINY.items() for sizes in all_sizes]
ROUTE = {"rows": 9000, "d": 16, "m": 8, "k": 5, "seen": 6, "unseen": 2}  # more than one chunk


def load(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(kind, sizes, names, dtype="float64"):
    work = selection.KINDS[kind](**sizes, **({"dtype": dtype} if kind != "route" else {}))
    return checked_versions(work, names, threads=1)


@pytest.mark.parametrize(("kind", "sizes"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_our_versions_take_the_same_step(kind, sizes, dtype):
    versions, differences = check(kind, sizes, [OURS, REFERENCE], dtype)
    assert {v.name for v in versions} == {OURS, REFERENCE}
    assert differences[OURS] <= (1e-6 if dtype == "float64" else 5e-2)


@pytest.mark.filterwarnings("default")  # the other libraries warn of their own plans
@pytest.mark.parametrize(("kind", "sizes"), [*CASES, ("route", ROUTE)])
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_takes_the_same_step(name, kind, sizes):
    package = report.PACKAGES[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed, so there is nothing to compare with")
    versions, differences = check(kind, sizes, [name])
    if not versions:  # nothing of its own, like Adam by hand
        assert (name, kind) in ((BY_HAND, "adam"), (BY_HAND, "route"))
        return
    assert differences[name] <= (1e-3 if kind == "route" else 1e-6)


def test_the_route_of_the_comparison_takes_all_three_ways():
    work = Route(rows=300, d=256, m=64)
    runner = work.ours()
    runner.run()
    assert set(runner.found.route) == {"SL", "GZSL", "ZSL"}


def test_a_version_that_computes_something_else_is_refused(sentence):
    work = selection.KINDS["softmax"](rows=40, classes=7)
    work.difference = lambda result, reference: float("nan")
    with sentence(RuntimeError, "differs from the reference", "nan", "softmax", "bug"):
        checked_versions(work, [OURS], threads=1)


def test_versions_are_timed_in_turns():
    turns = []

    class Runner:
        def __init__(self, name):
            self.name = name

        def run(self):
            turns.append(self.name)

    versions = [Version(n, Runner(n), ExitStack) for n in "ab"]
    times = time_in_turns(versions, rounds=3, pause=0)
    assert list(times) == ["a", "b"]
    assert all(len(t) == 3 and min(t) > 0 for t in times.values())
    order = [a for a, b in zip(turns, [*turns[1:], None], strict=True) if a != b]
    assert order == ["a", "b", "a", "b"]  # the second round goes backwards


def test_updates_are_compared_relative_to_what_moved():
    start, right = [np.zeros(4)], [np.full(4, 0.5)]
    assert update_difference(start, [np.full(4, 0.6)], right) == pytest.approx(0.2)
    assert update_difference(start, start, start) == float("inf")


def test_the_floor_is_the_slower_limit_of_each_phase():
    phases = [floor.Phase("a", 100, 10), floor.Phase("b", 10, 100)]
    assert floor.floor_seconds(phases, Machine(10.0, 20.0, 1)) == 10 + 5


def test_operations_of_a_critic_step():
    phases = floor.critic_step(d=2, k=1, h=3, batch=2, classes=9)
    by_name = {p.name: p for p in phases}
    assert by_name["real and fake forward"].operations == 2 * 4 * 2 * 3
    assert by_name["real and fake forward"].bytes == 4 * (4 * 2 + 2 * 3 + 4 * 3)
    assert by_name["prototype table"].operations == 2 * 2 * 1 * 3  # never more than the batch
    assert by_name["weight gradient"].operations == 2 * 3 * 6 * 2
    assert by_name["Adam, critic"].bytes == 28 * (3 * 3 + 3 + 3 + 1)
    assert sum(p.operations for p in phases) == 2 * (24 + 6 + 12 + 12 + 36 + 6)


def test_operations_of_an_outer_step():
    sizes = {"d": 2, "k": 1, "h": 3, "batch": 2, "classes": 1}
    phases = floor.outer_step(**sizes, hidden=(4, 5), critic_steps=3)
    critic = sum(p.operations for p in floor.critic_step(**sizes))
    fakes = 2 * (6 * 4 + 1 * 4 + 6 * 4 * 5 + 6 * 5 * 2)
    forward = 2 * (2 * 4 + 1 * 4 + 2 * 4 * 5 + 2 * 5 * 2)
    through_critic = 2 * (2 * 2 * 3) * 2
    backward = 2 * (4 * 2 * 1 + 4 * 1 * 1) + 2 * 2 * (4 * 5 * 2 + 5 * 2 * 2)
    expected = 3 * critic + fakes + forward + through_critic + backward
    assert sum(p.operations for p in phases) == expected
    assert phases[-1].bytes == 28 * ((2 * 4 + 4) + (4 * 5 + 5) + (5 * 2 + 2))


def test_operations_of_the_other_work():
    vsmm = floor.vsmm_step(d=2, k=1, m=3, classes=4, batch=5, proxies=6)
    products = 2 * (11 * 2 * 3) + 3 * (11 * 3 * 4) + 3 * (5 * 3 * 2) + 2 * (4 * 1 * 3)
    assert sum(p.operations for p in vsmm) == 2 * products
    assert vsmm[-1].bytes == 28 * ((2 * 3 + 3) + (3 * 2 + 2) + (3 + 3) + (3 * 4 + 4))
    assert floor.softmax(10, 7)[0][1:] == (0, 4 * (2 * 70 + 40) + 80)
    assert sum(p.operations for p in floor.route(rows=10, d=4, m=3, seen=5, unseen=2)) == 20 * (
        12 + 15 + 21
    )


def test_the_machine_is_measured_and_described():
    machine = measure_machine(1, repeat=1, order=64, copy_bytes=1 << 16)
    assert machine.peak > 0
    assert machine.bandwidth > 0
    assert machine.threads == 1
    facts = description()
    assert facts["cpu"]
    assert facts["versions"]["numpy"] == np.__version__


def test_the_table_has_ratios_to_all_versions_and_to_the_floor():
    seconds = {"tinygzsl": 0.002, "PyTorch": 0.005, "reference": 0.25}
    row = report.Row("a step", seconds=seconds, fastest=seconds, floor=0.001, differences={})
    assert row.ratios == {"PyTorch": 2.5, "reference": 125.0, "floor": 0.5}
    seconds = {"tinygzsl": 0.01, "reference": 0.02}
    other = report.Row(
        "another",
        seconds=seconds,
        fastest={**seconds, "reference": 0.008},
        floor=0.005,
        differences={},
    )
    facts = {
        **{"cpu": "a processor", "cores": 4, "threads": 2, "rounds": 7},
        **{"peak_gflops": 123.4, "bandwidth_gbs": 45.67, "versions": {"numpy": "2", "jax": None}},
        **{"environment": {"OMP_NUM_THREADS": "2"}},
        "rows": [{**r._asdict(), "ratios": r.ratios} for r in (row, other)],
    }
    lines = report.table(facts).splitlines()
    assert lines[0] == "| work    | ours, ms | × PyTorch | × reference | floor / ours |"
    assert lines[1] == "| ------- | -------: | --------: | ----------: | -----------: |"
    assert lines[2] == "| a step  |     2.00 |      2.50 |         125 |         0.50 |"
    assert lines[3] == "| another |     10.0 |         – |        2.00 |         0.50 |"
    legend = " ".join(lines[4:])
    for part in ("a processor, 4 cores", "2 threads", "123 GFLOP/s", "45.7 GB/s", "numpy 2"):
        assert part in legend
    assert "OMP_NUM_THREADS=2" in legend
    assert "jax" not in legend
    assert "a median is 2.5 times the fastest" in legend
    facts["rows"] = facts["rows"][:1]
    assert "busy" not in report.table(facts)


def test_work_is_chosen_by_a_part_of_its_name(sentence):
    assert [i.kind for i in selection.chosen(selection.FULL, "cwgan")] == ["outer"] * 3
    assert selection.chosen(selection.SHORT, None) == list(selection.SHORT)
    with sentence(ValueError, "'nothing'", "VSMM step"):
        selection.chosen(selection.SHORT, "nothing")


needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="peak memory is read from Linux's /proc"
)


@needs_proc
def test_peak_memory_sees_what_is_gone_again():
    with resident.peak_memory() as memory:
        array = np.ones(4_000_000)
        del array
    assert 30e6 < memory.added < 60e6


@needs_proc
def test_growth_prints_a_row_per_size(monkeypatch):
    growth = load("growth")
    monkeypatch.setattr(growth, "measure_machine", lambda threads: Machine(1e11, 1e10, threads))
    monkeypatch.setattr(growth, "BASE", GAN)
    monkeypatch.setattr(growth, "SIZES", {"d": (8, 16), "classes": (3, 20)})
    result = CliRunner().invoke(growth.main, ["--threads", "1", "--repeat", "2"])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [r.split("|")[1].strip() for r in rows] == ["size", "d 8", "d 16", "S 3", "S 20"]


@needs_proc
def test_memory_measures_a_whole_fit():
    memory = load("memory")
    sizes = {"samples": 400, "d": 24, "k": 8, "classes": 5}
    found = memory.measure("tinygzsl", sizes, preset="small")
    assert found["steps"] == 7  # the first look, at the end of the only epoch
    held = memory.must_hold(10, d=3, k=2, classes=4, preset="small")
    generator, critic = 5 * 1024 + 1025 * 3, 6 * 1024 + 1025
    vsmm = 4 * 256 + 257 * 3 + 3 * 256 + 257 * 4
    assert held == {
        "features": 4 * 30,
        "parameters": 4 * (generator + critic + vsmm),
        "moments": 8 * (generator + critic + vsmm),
    }
    facts = {"sizes": sizes, "preset": "small", "must_hold": held, "versions": {"tinygzsl": found}}
    assert "| tinygzsl |" in memory.table(facts)
    assert "left out" in memory.table(facts)
