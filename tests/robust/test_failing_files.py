"""Each write, fsync and rename of a save is refused once: old files stay, and nothing is left."""

import errno
import itertools
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from failing.commands import check_sentence
from failing.files import counted

from tinygzsl.datasets import save_csv, save_npz
from tinygzsl.storage.arrays_file import FORMAT, State, write_npz
from tinygzsl.storage.checksums import write_json, write_text

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="/proc says which file an fsync is of"
)
both = pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder; fsync is counted there and not done, as hundreds would take a minute."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refuse_each(folder, number, *, old, new):
    """Write old, then new with each step refused; the names of the steps that made it fail."""
    old()
    before, failed, place = content(folder), [], 0
    while True:
        with counted(folder=folder, refused=place, number=number) as steps:
            try:
                new()
                error = None
            except OSError as caught:
                error = caught
        if place >= len(steps.names):
            return before, failed
        after = content(folder)
        if error is None:  # the folder's entries, which some systems can't write to the disk
            assert steps.names[place] == "fsync", steps.names[place]
            old()
        else:
            failed.append(steps.names[place])
            assert error.errno == number
            assert not Path(error.filename).name.endswith(".tmp")
            assert Path(error.filename).parent == folder
            if steps.names[place] != "replace" or "replace" not in steps.names[:place]:
                assert after == before, (place, steps.names)
        assert not [name for name in after if name.endswith(".tmp")]
        place += 1


def save_state(path, seed):
    rng = np.random.default_rng(seed)
    arrays = {f"a{i}": rng.random((100, 50)) for i in range(3)}
    write_npz(path, State({"kind": "model", "format": FORMAT, "seed": seed}, arrays))


def save_as_json(path, seed):
    write_json(path, {"seed": seed, "text": "x" * 100_000})


def save_as_text(path, seed):
    write_text(path, f"{seed}" * 100_000)


@both
@pytest.mark.parametrize(
    ("name", "save"),
    [("m.npz", save_state), ("facts.json", save_as_json), ("page.html", save_as_text)],
)
def test_a_file_is_the_old_or_the_new_one(folder, name, save, number):
    path = folder / name
    _, failed = refuse_each(folder, number, old=lambda: save(path, 0), new=lambda: save(path, 1))
    assert set(failed) == {"write", "fsync", "replace"}
    last = path.read_bytes()
    save(path, 1)
    assert path.read_bytes() == last


@both
def test_data_is_the_old_or_the_new_one(folder, number, tiny_dataset):
    _, failed = refuse_each(
        folder,
        number,
        old=lambda: save_npz(tiny_dataset(0), folder / "d.npz"),
        new=lambda: save_npz(tiny_dataset(1), folder / "d.npz"),
    )
    assert set(failed) == {"write", "fsync", "replace"}


@both
def test_the_files_of_a_csv_folder_are_replaced_together(folder, number, tiny_dataset):
    before, failed = refuse_each(
        folder,
        number,
        old=lambda: save_csv(tiny_dataset(0), folder),
        new=lambda: save_csv(tiny_dataset(1), folder),
    )
    assert len(before) == 3
    assert failed.count("fsync") == failed.count("replace") == 3


def refuse_in_command(run_cli, folder, arguments, place, *, number=errno.ENOSPC):
    """Run a command with a step refused; whether it failed, None if it has no such step."""
    before = content(folder)
    with counted(folder=folder, refused=place, number=number) as steps:
        found = run_cli(*arguments)
    if place >= len(steps.names):
        assert found.exit_code == 0, found.output
        return None
    after = content(folder)
    assert not [name for name in after if name.endswith((".tmp", ".lock"))]
    if found.exit_code:
        check_sentence(found, (arguments[0], place))
        assert {name: after[name] for name in before} == before
    return found.exit_code != 0


@pytest.mark.filterwarnings("ignore")  # of the short training
def test_training_goes_on_or_starts_again(folder, run_cli, write_xlsa17, fast_options, tmp_path):
    data, run = tmp_path / "data", folder / "run"
    write_xlsa17(data)
    sets = ("--set", "vsmm.weight_es=0", "--set", "vsmm.epochs=1")
    short = [*fast_options, *sets, "--threads", 1, "--checkpoint-seconds", 0]
    train, wanted, refused = ["train", data, *short, "--out", run], None, []
    for place in itertools.count(0, 13):
        failed = refuse_in_command(run_cli, folder, train, place)
        if failed:
            again = ["train", "--resume", run, "--threads", 1] if run.exists() else train
            found = run_cli(*again)
            assert found.exit_code == 0, found.output
            refused.append(again is not train)
        curves = (run / "curves.csv").read_text()
        assert curves == (wanted or curves)
        wanted = curves
        shutil.rmtree(run)
        if failed is None:
            break
    assert {True, False} <= set(refused), refused


@pytest.mark.filterwarnings("ignore")  # of the short training
def test_other_commands_can_be_repeated(folder, run_cli, write_xlsa17, fast_options, tmp_path):
    data, x, run = tmp_path / "data", tmp_path / "x.npy", folder / "run"
    write_xlsa17(data)
    np.save(x, np.zeros((20, 10), np.float32))
    short = [*fast_options, "--set", "vsmm.weight_es=0", "--threads", 1]
    assert run_cli("train", data, *short, "--out", run).exit_code == 0
    compare = ["compare", data, "--methods", "eszsl", "--seeds", 1, "--predictions"]
    for arguments in (
        ["evaluate", run],
        ["report", run],
        ["predict", run, x, "--out", folder / "p.csv"],
        ["data", "convert", data, folder / "d.npz", "--force"],
        [*compare, "--out", folder / "cmp"],
    ):
        failed = []
        for place in itertools.count():
            failed.append(refuse_in_command(run_cli, folder, arguments, place, number=errno.EIO))
            if failed[-1] is None:
                break
        assert failed.count(True) > 1, arguments[0]
