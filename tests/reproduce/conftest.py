"""A small dataset on disk, and the command with settings that train in a blink."""

import json

import numpy as np
import pytest


@pytest.fixture
def folder(tmp_path, tiny_dataset):
    """The tiny dataset as tmp_path/tiny.npz."""
    from tinygzsl.datasets import save_npz

    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    return tmp_path / "tiny.npz"


@pytest.fixture
def write_splits(write_mat):
    """write_splits(folder, splits): i3d.mat and split_<n>/att_splits.mat, 6 seen of 9 classes."""

    def write(folder, splits=(1, 2)):
        rng = np.random.default_rng(0)
        att, labels = rng.normal(size=(9, 6)), np.repeat(np.arange(9), 12)
        X = att[labels] @ rng.normal(size=(6, 10)) + 0.3 * rng.normal(size=(108, 10))
        write_mat(folder / "i3d.mat", {"features": X.T, "labels": labels[:, None] + 1})
        for split in splits:
            unseen = np.isin(labels, (np.arange(3) + split) % 9)
            held = np.arange(108) % 12 < 3
            masks = {
                "trainval_loc": ~unseen & ~held,
                "test_seen_loc": ~unseen & held,
                "test_unseen_loc": unseen,
            }
            rows = {name: np.flatnonzero(mask)[:, None] + 1 for name, mask in masks.items()}
            write_mat(folder / f"split_{split}" / "att_splits.mat", {"att": att.T, **rows})
        return folder

    return write


@pytest.fixture
def reproduce(run_cli, fast_options):
    """reproduce(target, *arguments) -> the JSON object, with fast settings; of tables 2 and 3 our
    own row alone, unless --methods says otherwise.
    """

    def run(*arguments, exit_code=0):
        if arguments[0] in ("table2", "table3") and "--methods" not in arguments:
            arguments = (*arguments, "--methods", "ours")
        result = run_cli("reproduce", *fast_options, *arguments, "--threads", 1, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout) if exit_code < 2 else result.stderr

    return run


@pytest.fixture
def cell():
    """cell(facts, dataset, row, quantity) -> that row of the results."""

    def find(facts, dataset, row, quantity):
        found = [
            r
            for r in facts["rows"]
            if (r["dataset"], r["row"], r["quantity"]) == (dataset, row, quantity)
        ]
        assert len(found) == 1
        return found[0]

    return find
