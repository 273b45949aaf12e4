"""A small dataset in the action-recognition layout, with settings that train in a blink."""

import numpy as np
import pytest

from tinygzsl.storage.rows import CHECKSUM
from tinygzsl.sweeps.run import TIMING

FAST = ("vsmm.weight_es=0", "vsmm.latent=8", "vsmm.batch=32", "vsmm.epochs=2", "vsmm.lr=1e-2")
BASIC = ("--preset", "small", "--splits", "1-2", "--threads", "1")


@pytest.fixture
def write_action(write_mat):
    """write_action(folder, splits=(1, 2), ...): i3d.mat and split_<n>/att_splits.mat, synthetic.

    One set of features for all splits, each of which draws other unseen classes: a third of them.
    """

    def write(folder, splits=(1, 2), classes=9, per_class=12, d=10, k=6, noise=0.3, seed=0):
        rng = np.random.default_rng(seed)
        att = rng.normal(size=(classes, k))
        labels = np.repeat(np.arange(classes), per_class)
        values = att[labels] @ rng.normal(size=(k, d)) / np.sqrt(k)
        values += noise * rng.normal(size=values.shape)
        write_mat(folder / "i3d.mat", {"features": values.T, "labels": labels[:, None] + 1})
        for split in splits:
            shuffled = np.random.default_rng(split).permutation(classes)
            unseen = np.isin(labels, shuffled[: classes // 3])
            held_out = np.arange(len(labels)) % per_class < per_class // 4
            rows = {
                "trainval_loc": ~unseen & ~held_out,
                "test_seen_loc": ~unseen & held_out,
                "test_unseen_loc": unseen,
            }
            rows = {name: np.flatnonzero(mask)[:, None] + 1 for name, mask in rows.items()}
            write_mat(folder / f"split_{split}" / "att_splits.mat", {"att": att.T, **rows})
        return folder

    return write


@pytest.fixture
def data(tmp_path, write_action):
    """A folder with splits 1 and 2."""
    return write_action(tmp_path / "action")


def merged(sets):
    """FAST with some settings replaced or added."""
    return tuple({pair.partition("=")[0]: pair for pair in (*FAST, *sets)}.values())


@pytest.fixture
def fast_sets():
    """fast_sets(*sets) -> the --set options of a training in a blink, with these changes."""
    return lambda *sets: [part for pair in merged(sets) for part in ("--set", pair)]


@pytest.fixture
def command(data, tmp_path, fast_sets):
    """command(*options, sets=(), out="rows.jsonl") -> arguments of `tinygzsl`, splits 1 and 2."""

    def make(*options, sets=(), out="rows.jsonl"):
        sets = fast_sets(*sets)
        return ["sweep", str(data), *BASIC, *options, *sets, "--out", str(tmp_path / out)]

    return make


@pytest.fixture
def sweep(run_cli, command):
    """sweep(...) -> click's Result of that command."""
    return lambda *options, **how: run_cli(*command(*options, **how))


@pytest.fixture
def comparable():
    """comparable(rows): without the columns that may differ, in an order of their own."""

    def strip(rows):
        rows = [{k: v for k, v in row.items() if k not in (*TIMING, CHECKSUM)} for row in rows]
        return sorted(rows, key=str)

    return strip


@pytest.fixture
def runs_of(data):
    """runs_of(*options): the runs of such a sweep, for an engine."""
    from tinygzsl.cli.sweep_plan import plan_sweep

    def make(splits="1-2", seeds="0-1", sets=()):
        grid = {"splits": splits, "seeds": seeds, "sets": merged(sets)}
        others = dict.fromkeys(("config", "root", "prototypes"))
        runs, _ = plan_sweep((str(data),), **grid, preset="small", **others)
        for run in runs:
            run.params["threads"] = 1
        return runs

    return make
