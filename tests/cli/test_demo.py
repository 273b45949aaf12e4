"""The demo: what it measures, and what it prints on screens of 80 and 40 columns."""

import io
import json
import re
import time
import warnings
from textwrap import wrap

import numpy as np
import pytest

ROW = {
    "S": 0.5,
    "U": 0.25,
    "H": 1 / 3,
    "auroc": 0.875,
    "entropy": {"seen": 0.125, "unseen": 1.25, "proxy": 2.5, "max": 3.0},
    "routes": {
        "seen": {"SL": 0.5, "GZSL": 0.25, "ZSL": 0.25},
        "unseen": {"SL": 0.0, "GZSL": 0.0, "ZSL": 1.0},
    },
}
SHARES = {"seen": [1.0] + 23 * [0.0], "unseen": 12 * [0.02] + 8 * [0.06] + 4 * [0.07]}
GAINS = {"router": (0.01, 0.05), "separation": (0.02, 0.06), "learned": (0.03, 0.07)}


def facts(h=(0.25, 0.375, 0.5, 0.625), gains=GAINS):
    """What the demo measures, with these H of its rows and intervals of differences."""
    rows = dict(zip(("baseline", "router", "separation", "learned"), h, strict=True))
    found = {name: {**ROW, "H": value} for name, value in rows.items()}
    found["baseline"] = {name: found["baseline"][name] for name in "SUH"}
    found["learned"]["gate"] = {"auroc": 0.9375}
    what = {
        "router": ("the router", "baseline"),
        "separation": ("entropy separation", "router"),
        "learned": ("the learned gate", "router"),
    }
    effects = [
        {
            "what": what[name][0],
            "without": what[name][1],
            "with": name,
            "difference": rows[name] - rows[what[name][1]],
            "low": low,
            "high": high,
        }
        for name, (low, high) in gains.items()
    ]
    return {
        **found,
        "seed": 3,
        "effects": effects,
        "thresholds": [0.05, 0.1],
        "gate_features": ["entropy", "gap", "neighbours"],
        "gate_folds": 5,
        "ranges": {"router": [0.0, 2.9957], "learned": [-12.25, 103.5]},
        "histograms": {"router": SHARES, "learned": SHARES},
        "seconds": 12.0,
    }


def printed(monkeypatch, columns, **given):
    """The lines of the demo's text."""
    from tinygzsl.cli.demo_text import text

    monkeypatch.setenv("COLUMNS", str(columns))
    return text(facts(**given)).splitlines()


@pytest.mark.wheel
def test_demo_measures_what_it_prints(run_cli):
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_cli("demo", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["seconds"] <= time.monotonic() - started + 0.1
    for row in (facts["baseline"], facts["router"], facts["separation"], facts["learned"]):
        assert 0 < row["U"] < row["S"] < 1
        assert row["H"] == pytest.approx(2 * row["S"] * row["U"] / (row["S"] + row["U"]))
    assert facts["router"]["supervised"] > 0.9
    assert facts["router"]["auroc"] > 0.7
    before, after = facts["router"]["entropy"], facts["separation"]["entropy"]
    gap = [e["proxy"] - e["seen"] for e in (before, after)]
    assert gap[1] > gap[0]
    assert 0.4 < facts["snapshots"][0]["relative"] < 0.7
    for histogram in facts["histograms"].values():
        for shares in histogram.values():
            assert sum(shares) == pytest.approx(1)
    # The same networks: only what decides between seen and unseen differs.
    router, learned = facts["router"], facts["learned"]
    for name in ("gzsl", "supervised", "zsl", "ausuc", "auroc"):
        assert router[name] == learned[name]
    assert router["gzsl"] == facts["baseline"]
    assert learned["gate"]["auroc"] > router["auroc"]
    for effect in facts["effects"]:
        h = [facts[effect[side]]["H"] for side in ("without", "with")]
        assert effect["difference"] == pytest.approx(h[1] - h[0])
        assert effect["low"] < effect["difference"] < effect["high"]


def test_the_demos_table_shows_its_figures(monkeypatch):
    lines = printed(monkeypatch, 80)
    assert lines[0] == f"{'letters, seed 3, 12 s in all':42}   seen samples to        unseen to"
    assert lines[1].split() == ["S", "U", "H", "AUROC", "SL", "GZSL", "ZSL", "SL", "GZSL", "ZSL"]
    assert lines[2].startswith("(a) eq. 2        0.500 0.250 0.250     ")
    assert lines[2].endswith("(a)   all by eq. 2     all by eq. 2")
    assert lines[3] == (
        "(b) eq. 10       0.500 0.250 0.375 0.875  (b)  50%  25%  25%     0%   0% 100%"
    )
    assert lines[5].startswith("(d) learned gate 0.500 0.250 0.625 0.938  (d)  50%")
    prose = " ".join(lines)
    assert "eq. 10 at 0.05 and 0.1 nats" in prose
    assert "learned on 5 folds of the training samples from entropy, gap and neighbours" in prose
    assert "seen 0.12 and 0.12, unseen 1.25 and 1.25, proxies 2.50 and 2.50" in prose


def test_the_evidence_stands_beside_the_entropy(monkeypatch):
    lines = printed(monkeypatch, 80)
    at = next(i for i, line in enumerate(lines) if line.startswith("(b) entropy of C, nats"))
    assert lines[at].index("(d) log-odds of unseen") == 42
    bars = 12 * "▂" + 8 * "▇" + 4 * "█"
    assert lines[at + 2] == f"{f'unseen |{bars}| 7%':42}unseen |{bars}| 7%"
    assert lines[at + 1].split("|")[1] == "█" + 23 * " "
    assert lines[at + 3].split() == ["0.00", "3.00", "-12.25", "103.50"]
    for left in (0, 42):
        axis = lines[at + 3][left : left + 42].rstrip()
        assert len(axis) == lines[at + 2].index("|", 8)  # ends below the last bin


@pytest.mark.parametrize("columns", [40, 79, 80, 200])
def test_the_demo_fits_the_screen(monkeypatch, columns):
    lines = printed(monkeypatch, columns)
    assert max(map(len, lines)) <= min(columns, 80)
    assert len([line for line in lines if line.startswith("unseen |")]) == (2 - (columns >= 80))
    if columns >= 80:
        assert len(lines) < 24  # with the prompt


@pytest.mark.parametrize(
    ("h", "gains", "said"),
    [
        (
            (0.354, 0.4153, 0.4149, 0.463),
            {"router": (0.04, 0.08), "separation": (-0.02, 0.02), "learned": (0.03, 0.07)},
            "The router raised H from 0.354 to 0.415; entropy separation did not help beyond "
            "chance (0.415 to 0.415); the learned gate raised H from 0.415 to 0.463.",
        ),
        (
            (0.4, 0.3, 0.35, 0.2),
            {"router": (-0.2, -0.01), "separation": (0.01, 0.09), "learned": (-0.15, -0.05)},
            "The router did harm: H fell from 0.400 to 0.300; entropy separation raised H from "
            "0.300 to 0.350; the learned gate did harm: H fell from 0.300 to 0.200.",
        ),
        (
            (0.0, 0.0, 0.0, 0.0),
            {"router": (0.0, 0.0), "separation": (0.0, 0.0), "learned": (0.0, 0.0)},
            "The router did not help beyond chance (0.000 to 0.000); entropy separation did not "
            "help beyond chance (0.000 to 0.000); the learned gate did not help beyond chance "
            "(0.000 to 0.000).",
        ),
        (
            (0.3, 0.31, 0.29, 0.305),
            {"router": (-0.01, 0.03), "separation": (-0.05, 0.01), "learned": (-0.02, 0.01)},
            "The router did not help beyond chance (0.300 to 0.310); entropy separation did not "
            "help beyond chance (0.310 to 0.290); the learned gate did not help beyond chance "
            "(0.310 to 0.305).",
        ),
    ],
)
def test_the_end_says_what_helped(monkeypatch, h, gains, said):
    for columns in (40, 80):
        end = wrap(said, columns)
        assert printed(monkeypatch, columns, h=h, gains=gains)[-len(end) :] == end


def test_what_each_step_adds_is_measured_on_the_same_drawings(monkeypatch):
    from types import SimpleNamespace

    from tinygzsl.cli.demo import effects

    y = np.repeat([0, 1, 2, 3], 50)
    data = SimpleNamespace(
        X_test=np.zeros((200, 1)),
        y_test=y,
        seen_classes=np.array([0, 1]),
        unseen_classes=np.array([2, 3]),
        unseen_prototypes=np.zeros((2, 1)),
    )

    def model(right):
        label = np.where(np.arange(200) % 10 < right, y, 9)
        return SimpleNamespace(
            route=lambda *_: SimpleNamespace(label=label),
            compatibility=lambda *_: np.eye(4)[np.where(np.arange(200) % 10 < 4, y, 3 - y)],
        )

    models = {"router": model(6), "separation": model(6), "learned": model(8)}
    rows = {n: {"H": h} for n, h in (("baseline", 0.4), ("router", 0.6), ("separation", 0.6))}
    found = effects(models, {**rows, "learned": {"H": 0.8}}, data)
    router, separation, learned = found
    assert [effect["difference"] for effect in found] == pytest.approx([0.2, 0.0, 0.2])
    assert separation["low"] == separation["high"] == 0  # the same labels
    for effect in (router, learned):
        assert 0.1 < effect["low"] < 0.2 < effect["high"] < 0.3


def test_the_histogram_has_letters_that_stdout_can_show(monkeypatch):
    from tinygzsl.cli import demo_text

    given = {
        "histograms": {"router": {"unseen": [0.25, 0.75, *22 * [0.0]]}},
        "ranges": {"router": [0.0, 3.0]},
    }
    for encoding, row in (("utf-8", "▃█"), ("cp1252", "-@")):
        stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(demo_text.sys, "stdout", stdout)
        _, line, axis = demo_text._histogram(given, "router", "(b) entropy of C, nats")
        assert line == f"unseen |{row}{22 * ' '}| 75%"
        assert re.fullmatch(r" {8}0\.00 {16}3\.00", axis)
        line.encode(encoding)
