"""The strict promise of every preset and gate: files that differ in what is unseen or of test
samples train the same bits, in one go or after a stop.
"""

import json
import tomllib
from shutil import copytree

import numpy as np
import pytest
from fast_methods import fast_params, make  # noqa: F401

from tinygzsl.cli.signals import Stopping
from tinygzsl.datasets import load_dataset, save_csv, save_npz
from tinygzsl.stacking import experts

UNSEEN = (3, 8)
KINDS = {"mat": "data", "npz": "data.npz", "csv": "csv"}
VIEWS = "att,original_att"
BEST = ("--preset", "best", "--prototypes", "att")
BEST_OF_VIEWS = ("--preset", "best", "--prototypes", VIEWS)
SETTINGS = (
    "gan.generator_hidden=[16]",
    "gan.critic_hidden=[16]",
    "gan.lr=1e-2",
    "gan.batch=16",
    "gan.max_epochs=24",
    "cs.low=0.01",
    "cs.high=0.3",
    "proxy.count=100",
    "vsmm.latent=16",
    "vsmm.lr=1e-2",
    "vsmm.batch=16",
    "vsmm.epochs=4",
)
TINY = [part for setting in SETTINGS for part in ("--set", setting)]
AUTO = ("--preset", "auto", *TINY)
LEARNED = (
    *("--preset", "small", *TINY),
    *("--set", "router.gate=learned"),
    *("--set", 'router.features=["entropy", "gap", "neighbours"]'),
)


def as_it_is(values):
    return values


def other(values):
    return np.random.default_rng(7).normal(size=values.shape)


def scaled(values):
    return 1000 * values


def made_nan(values):
    return np.full_like(values, np.nan)


def fewer(values):
    """As it is; the files have only the first of the unseen classes."""
    return values


CHANGES = (other, scaled, made_nan, fewer)


@pytest.fixture
def write(write_xlsa17, tmp_path):
    """write(kind, change, views="att", parts=all) -> path of the dataset, the same for all changes.

    The change is made to the columns of the unseen prototypes and of the test features, or to those
    of `parts` alone. The two views have 6 and 4 attributes.
    """

    def make_files(*, kind, change, views="att", parts=("features", "att", "original_att")):
        content = write_xlsa17(tmp_path / "data")
        content["original_att"] = np.random.default_rng(1).random((4, 8))
        test = np.concatenate([content["test_seen_loc"], content["test_unseen_loc"]]).ravel()
        columns = dict.fromkeys(("att", "original_att"), np.array(UNSEEN) - 1)
        columns["features"] = test.astype(int) - 1
        changed = {name: content[name].copy() for name in columns}
        for name in parts:
            changed[name][:, columns[name]] = change(changed[name][:, columns[name]])
        if change is fewer:
            labels = content["labels"].ravel()
            changed["test_unseen_loc"] = 1 + np.flatnonzero(labels == UNSEEN[0])[:, None]
        write_xlsa17(tmp_path / "data", **changed)
        if kind != "mat":
            dataset = load_dataset(tmp_path / "data", prototypes=views)
            save = save_npz if kind == "npz" else save_csv
            save(dataset, tmp_path / KINDS[kind])
        return tmp_path / KINDS[kind]

    return make_files


@pytest.fixture
def fast_experts(monkeypatch, make, small_model):  # noqa: F811
    """In place of the default experts of preset best, three that train in a blink."""

    def fast():
        return {
            "VSMM": small_model(vsmm_weight_es=0.0, router_gate="soft", vsmm_epochs=3),
            "PrototypeRidge": make("PrototypeRidge", features="standard"),
            "ClassNormalization": make("ClassNormalization", epochs=3),
        }

    monkeypatch.setattr(experts, "default_experts", fast)


@pytest.fixture
def train(run_cli, tmp_path):
    """train(*arguments, out=name) -> the bytes of all that `tinygzsl train` fitted and wrote."""

    def call(*arguments, out):
        result = run_cli("train", *arguments, "--out", tmp_path / out)
        assert result.exit_code == 0, result.output
        return fitted(tmp_path / out)

    return call


def fitted(run):
    """The training set's checksum and, by name, the files of a run that its training decides."""
    manifest = json.loads((run / "manifest.json").read_text())
    files = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    del files["manifest.json"]  # its times and checksums of the files differ
    assert {"model.npz", "config.toml"} <= files.keys()
    return {"training_sha256": manifest["training_sha256"], **files}


def same(one, two):
    """Assert that two results of `fitted` are equal."""
    assert one.keys() == two.keys()
    for name, content in one.items():
        assert content == two[name], name


def stop_at(monkeypatch, phase, step):
    """Have training end as by Ctrl-C once it has reported that step of that phase."""
    report = Stopping.__call__

    def reporting(self, now, logs):
        report(self, now, logs)
        if (logs["phase"], now) == (phase, step):
            raise KeyboardInterrupt

    monkeypatch.setattr(Stopping, "__call__", reporting)


@pytest.fixture
def check_replaced(train, write):
    """check_replaced(*options, kind) -> what is fitted, the same with every change of the files."""

    def check(*options, kind, views="att"):
        original = train(write(kind=kind, change=as_it_is, views=views), *options, out="run")
        for change in CHANGES:
            path = write(kind=kind, change=change, views=views)
            same(original, train(path, *options, out=change.__name__))
        return original

    return check


@pytest.fixture
def check_resumed(train, write, run_cli, monkeypatch, tmp_path):
    """check_resumed(*options, stops): replaced after each of the stops, the files change no bit of
    what is fitted; stops are pairs of a phase and a step. A stop in the search
    or in the folds of the gate makes these start again, from the replaced files.
    """

    def check(*options, stops, views="att"):
        path = write(kind="mat", change=as_it_is, views=views)
        original = train(path, *options, out="run")
        for phase, step in stops:
            write(kind="mat", change=as_it_is, views=views)
            run = tmp_path / f"{phase}-{step}"
            with monkeypatch.context() as patched:
                stop_at(patched, phase, step)
                stopped = run_cli("train", path, *options, "--out", run)
            assert stopped.exit_code == 130 and not (run / "model.npz").exists(), stopped.output
            for change in CHANGES:
                again = copytree(run, tmp_path / f"{run.name}-{change.__name__}")
                write(kind="mat", change=change, views=views)
                resumed = run_cli("train", "--resume", again)
                assert resumed.exit_code == 0, resumed.output
                same(original, fitted(again))

    return check


def test_best_of_one_view(fast_experts, check_replaced):
    assert b"[decision]" in check_replaced(*BEST, kind="mat")["config.toml"]


@pytest.mark.parametrize("kind", KINDS)
def test_best_of_two_views(fast_experts, check_replaced, kind):
    found = check_replaced(*BEST_OF_VIEWS, kind=kind, views=VIEWS)
    assert b"VSMM, original_att" in found["config.toml"]


def test_the_learned_gate(check_replaced):
    router = tomllib.loads(check_replaced(*LEARNED, kind="mat")["config.toml"].decode())["router"]
    assert router["features"] == ["entropy", "gap", "neighbours"] and len(router["weights"]) == 3


def test_auto(check_replaced):
    found = check_replaced(*AUTO, kind="mat")
    assert len(found["trials.csv"].splitlines()) > 4


def test_best_resumed(fast_experts, check_resumed):
    check_resumed(*BEST_OF_VIEWS, views=VIEWS, stops=[("stack", 1), ("stack", 17)])


def test_the_learned_gate_resumed(check_resumed):
    options = (*LEARNED, "--checkpoint-seconds", 0)
    check_resumed(*options, stops=[("gate", 1), ("gan", 3), ("vsmm", 5)])


def test_auto_resumed(check_resumed):
    check_resumed(*AUTO, "--checkpoint-seconds", 0, stops=[("tune", 1), ("vsmm", 5)])


@pytest.fixture
def check_refused(train, write, run_cli, tmp_path):
    """check_refused(*options, part, name, views): with NaN in the part, training works, and
    `evaluate` refuses the files by that name and writes no metrics.
    """

    def check(*options, part, name, views="att"):
        path = write(kind="mat", change=made_nan, views=views, parts=(part,))
        train(path, *options, out="run")
        result = run_cli("evaluate", tmp_path / "run")
        assert result.exit_code == 2 and f"Error: {name} has" in result.output, result.output
        assert "NaN or inf" in result.output
        assert not (tmp_path / "run" / "metrics.json").exists()

    return check


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("features", "X_test"),
        ("att", "unseen_prototypes['att']"),
        ("original_att", "unseen_prototypes['original_att']"),
    ],
)
def test_evaluate_refuses_nan_in_views_and_samples(fast_experts, check_refused, part, name):
    check_refused(*BEST_OF_VIEWS, part=part, name=name, views=VIEWS)


@pytest.mark.parametrize("options", [AUTO, LEARNED], ids=["auto", "learned"])
def test_evaluate_refuses_nan_in_unseen_prototypes(check_refused, options):
    check_refused(*options, part="att", name="unseen_prototypes")
