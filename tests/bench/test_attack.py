"""bench/attack.py: some cases of each family, the faults that they must notice, and its judge."""

import importlib.util
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

pytest.importorskip("fcntl", reason="the cases lock files as Linux and macOS do")
pytest.importorskip("scipy", reason="SciPy is not installed; some cases pass its sparse matrices")

from attacking import case, faults, judge

from tinygzsl.errors import InputError

SCRIPT = Path(__file__).parents[2] / "bench" / "attack.py"
if not SCRIPT.is_file():
    pytest.skip(
        "bench/ is not here, so its script was not run; use a checkout", allow_module_level=True
    )
spec = importlib.util.spec_from_file_location("bench_attack", SCRIPT)
attack = importlib.util.module_from_spec(spec)
spec.loader.exec_module(attack)

CASES = {"layouts": 80, "labels": 80, "names": 40, "forged": 40, "options": 15, "outputs": 20}
SEED = 1


@pytest.mark.parametrize("family", attack.SHARES)
def test_nothing_is_found(family):
    assert set(case.FAMILIES) == set(attack.SHARES)
    found = {}
    for index in range(CASES.get(family, 8)):
        outcome = case.run(family, SEED, index)
        if outcome.kind == "finding":
            found[index] = outcome.text
    assert not found


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_noticed(fault):
    assert faults.caught_by(fault, seed=SEED) is not None


def test_a_fault_is_gone_after_its_block():
    from tinygzsl.storage import arrays_file, atomic_write

    before = atomic_write.written_aside
    (fault,) = [f for f in faults.FAULTS if "in place" in f.what]
    with faults.planted(fault):
        assert arrays_file.written_aside is atomic_write.written_aside is not before
    assert arrays_file.written_aside is atomic_write.written_aside is before


def test_a_case_is_the_same_every_time(tmp_path):
    first, second = (case.run("forged", 3, 2, keep=tmp_path / name) for name in ("a", "b"))
    assert first[:3] == second[:3]
    content = (tmp_path / "a" / "forged.npz").read_bytes()
    assert content == (tmp_path / "b" / "forged.npz").read_bytes()


def test_findings_are_counted_and_shown_with_what_repeats_them(monkeypatch, capsys):
    def found(rng, folder):
        if rng.random() < 0.5:
            raise judge.Finding("a call", "another\nresult")
        return "refused"

    monkeypatch.setitem(case.FAMILIES, "labels", found)
    arguments = ["attack.py", "--family", "labels", "--cases", "40", "--seed", "7"]
    monkeypatch.setattr("sys.argv", arguments)
    assert attack.main() == 1
    out = capsys.readouterr().out
    count = out.split("| labels | 40 | 0 | ")[1].split()[2]
    assert 5 < int(count) < 35
    assert f"{count} x a call: another\\nresult" in out
    again = out.strip().splitlines()[-1].split()
    assert again[:5] == ["--family", "labels", "--seed", "7", "--case"]
    monkeypatch.setattr("sys.argv", ["attack.py", *again])
    assert attack.main() == 1


def test_results_are_the_same_to_the_bit():
    a = np.array([1.0, 2.0])
    assert judge.same(a.copy(), a)
    assert judge.same((a, a), (a, a))
    assert not judge.same(np.nextafter(a, 9), a)
    assert judge.same(np.nextafter(a, 9), a, exact=False)
    assert not judge.same(a.astype(int), a)
    assert not judge.same(a[:1], a)
    assert judge.same(np.array(["a"], "U5"), np.array(["a"]))


def test_a_refusal_is_one_sentence_of_an_input_error():
    def raising(error):
        def call():
            raise error

        return call

    good = InputError("X has shape (0, 5); pass a row")
    assert judge.must_refuse("x", raising(good), "(0, 5)") == "refused"
    for error in (
        TypeError("X has shape (0, 5); pass a row"),
        ValueError("X has shape (0, 5); pass a row"),
        InputError("two lines, the first\nand the second"),
        InputError("short"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ):
        with pytest.raises(judge.Finding):
            judge.must_refuse("x", raising(error))
    with pytest.raises(judge.Finding, match="taken"):
        judge.must_refuse("x", lambda: 5)
    with pytest.raises(judge.Finding, match="refused: X has"):
        judge.same_as("x", raising(good), 5)


def test_what_changes_in_a_folder_is_seen(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "link").symlink_to("a")
    before = judge.snapshot(tmp_path)
    assert before["link"].content == "a" and stat.S_ISREG(before["a"].kind)
    judge.check_unchanged("x", before, judge.snapshot(tmp_path))
    os.utime(tmp_path / "a", ns=(5, 5))
    with pytest.raises(judge.Finding, match=r"'a' was changed \(changed\)"):
        judge.check_unchanged("x", before, judge.snapshot(tmp_path))
    judge.check_unchanged("x", before, judge.snapshot(tmp_path), may_change={"a"})
    (tmp_path / "link").unlink()
    with pytest.raises(judge.Finding, match="'link' is gone"):
        judge.check_unchanged("x", before, judge.snapshot(tmp_path), may_change={"a"})
    before = judge.snapshot(tmp_path)
    (tmp_path / ".a.1.tmp").write_bytes(b"")
    with pytest.raises(judge.Finding, match=r"'\.a\.1\.tmp' was left behind"):
        judge.check_unchanged("x", before, judge.snapshot(tmp_path))


@pytest.mark.parametrize(
    ("code", "err", "wrong"),
    [
        (2, "note: x\nError: it is wrong; mend it\n", None),
        (1, "Usage: x\n\nError: it is wrong; mend it\n", None),
        (0, "", "exit code 0"),
        (70, "Error: a fault\n", "exit code 70"),
        (2, "Error: one\nError: two\n", "not one line"),
        (2, "Error: one\nmore\n", "not one line"),
        (2, "", "not one line"),
        (2, "Error: \x1b[2J\n", "no sentence"),
    ],
)
def test_a_command_that_is_refused_ends_with_one_line(code, err, wrong):
    ended = judge.Ended(code, b"", err)
    if wrong is None:
        assert judge.check_ended("x", ended, kind="refused") == "refused"
        return
    with pytest.raises(judge.Finding, match=wrong):
        judge.check_ended("x", ended, kind="refused")
