"""Every command that the README shows is run, on small stand-ins for the data it names."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest

from tinygzsl import settings
from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.cli.config import parse_set
from tinygzsl.cli.main import main
from tinygzsl.datasets import find
from tinygzsl.stacking import experts

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
SMALLER = {"1-30": "1-2", "0-4": "0", "3": "1"}  # of splits and seeds
STANDS_IN = {"att,sent": "att,original_att"}  # the stand-ins have no sentences
FEWER = {
    "compare": ["--methods", "ours,eszsl,sae"],
    "reproduce table2": ["--methods", "ours,eszsl"],
    "tune": ["--folds", "2"],
}


def shown():
    """The lines of all console blocks."""
    text = README.read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path, monkeypatch, write_xlsa17, write_mat, tiny_dataset, fast_options):
    """A folder with stand-ins for the data that the README names; letters and presets are small.

    The README's commands go into examples/ for its modules, which are in this folder too.
    """
    monkeypatch.chdir(tmp_path)
    for example in (ROOT / "examples").glob("*.py"):
        shutil.copy(example, tmp_path)
    fast = parse_set(tuple(fast_options[3::2]))
    for name in ("letters", "small", "paper", "paper-cub"):
        monkeypatch.setitem(settings.PRESETS, name, fast)
    for name in ("FOLDER", "FOLDER/CUB100_effl2", "FOLDER/AWA1_classic", "xlsa17/data/CUB"):
        write_xlsa17(tmp_path / name)
    rng = np.random.default_rng(0)
    att, labels = rng.normal(size=(9, 6)), np.repeat(np.arange(9), 12)
    X = att[labels] @ rng.normal(size=(6, 10)) + 0.3 * rng.normal(size=(108, 10))
    actions = tmp_path / "FOLDER" / "hmdb51"
    write_mat(actions / "i3d.mat", {"features": X.T, "labels": labels[:, None] + 1})
    held, unseen = np.arange(108) % 12 < 3, labels > 5
    masks = {"trainval_loc": ~unseen & ~held, "test_seen_loc": ~unseen & held}
    masks["test_unseen_loc"] = unseen
    rows = {name: np.flatnonzero(mask)[:, None] + 1 for name, mask in masks.items()}
    for split in (1, 2):
        write_mat(actions / f"split_{split}" / "att_splits.mat", {"att": att.T, **rows})
    few = {"ESZSL": ESZSL(features="standard"), "ridge": PrototypeRidge(features="standard")}
    monkeypatch.setattr(experts, "default_experts", lambda: few)
    data = tiny_dataset()
    monkeypatch.setattr(find, "load_letters", lambda: replace(data, name="letters"))
    return tmp_path


@pytest.mark.filterwarnings("ignore")  # trained for a moment, on next to nothing
def test_every_command_runs(folder, run_cli, fast_options):
    ran = set()
    for line in shown():
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            if not words or words[0] != "tinygzsl" or words[1] in ("demo", "bench"):
                continue  # demo and bench have tests of their own
            words = [(SMALLER | STANDS_IN).get(word, word) for word in words[1:]]
            name = next((n for n in FEWER if " ".join(words).startswith(n)), "")
            words += FEWER.get(name, [])
            trains = words[0] in ("train", "tune", "sweep", "reproduce")
            if trains and not {"--config", "best"} & set(words):
                words += _fast(fast_options, given=words)
            result = run_cli(*words)
            if "cuda" in words:
                assert result.exit_code == 2
                assert "device 'cuda' can't be used" in result.stderr
            else:
                assert result.exit_code == 0, (words, result.output)
            ran.add(words[0])
            _next_needs(folder, ran)
    wanted = {"train", "evaluate", "predict", "tune", "sweep", "reproduce", "compare", "info"}
    assert ran >= wanted


def _fast(options, given):
    """The pairs of options whose setting the command does not set itself."""
    keys = {word.partition("=")[0] for word in given if "=" in word}
    pairs = zip(options[::2], options[1::2], strict=True)
    return [word for pair in pairs if pair[1].partition("=")[0] not in keys for word in pair]


def _next_needs(folder, ran):
    """The files of new samples and of prototypes that `predict` is shown with."""
    if "evaluate" in ran and not (folder / "new.npy").exists():
        data = find.load_dataset("FOLDER")
        np.save(folder / "new.npy", data.X_test[:5])
        head = ",".join(["label", *(f"a{i}" for i in range(data.unseen_prototypes.shape[1]))])
        rows = zip(data.unseen_classes.tolist(), data.unseen_prototypes.tolist(), strict=True)
        lines = [",".join(map(str, [label, *row])) for label, row in rows]
        (folder / "prototypes.csv").write_text("\n".join([head, *lines]) + "\n")


def test_what_is_named_in_the_text_is_a_command():
    text = README.read_text(encoding="utf-8")
    for line in sorted(set(re.findall(r"`tinygzsl ([a-z][^`]*)`", text))):
        name, *words = shlex.split(line)
        if name == "data":
            name, *words = words
            command = main.commands["data"].commands[name]
        else:
            command = main.commands[name]
        needs = sum(isinstance(p, click.Argument) and p.required for p in command.params)
        if len(words) < needs:
            continue  # named, not shown
        with command.make_context(name, words):
            pass  # a wrong option or value would have raised


def test_packages_and_scripts_that_are_shown_exist():
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    for line in shown():
        for extra in re.findall(r'"\.\[(\w+)\]"', line):
            assert f'"{extra}": [' in setup
        for script, words in re.findall(r"python (bench/\w+\.py)(.*)", line):
            source = (ROOT / script).read_text(encoding="utf-8")
            for option in re.findall(r"--[\w-]+", words):
                assert f'"{option}"' in source, (script, option)
