"""bench/pictures.py: the README's pictures show what was measured."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import tinygzsl as tz
from tinygzsl.datasets import save_npz

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = [
    pytest.mark.skipif(
        not (BENCH / "pictures.py").exists(), reason="bench/ is in a checkout only, this is none"
    ),
    pytest.mark.filterwarnings("ignore"),  # after two epochs the classifier is weak
]
SETS = ("gan.generator_hidden=[8]", "gan.critic_hidden=[8]", "ptc.l2=[1e-3]", "gan.batch=16")
MORE = ("vsmm.latent=8", "vsmm.epochs=2", "router.delta_high=1.0", "cs.low=0.0", "cs.high=9.0")


@pytest.fixture
def pictures(monkeypatch):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("pictures")


def test_the_command_draws_and_prints_what_evaluate_measures(pictures, tiny_dataset, tmp_path):
    data = tiny_dataset()
    save_npz(data, tmp_path / "tiny.npz")
    sets = [part for text in (*SETS, *MORE) for part in ("--set", text)]
    where = [str(tmp_path / "tiny.npz"), "--name", "tiny", "--epochs", "2", "--out", str(tmp_path)]
    run = CliRunner().invoke(pictures.main, [*where, *sets, "--threads", "1"])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    plain = tz.EntropySeparationGZSL(
        preset="small", **pictures.parse_set((*SETS, *MORE, "vsmm.weight_es=0.0"))
    )
    m = tz.evaluate(plain.fit(data.X_train, data.y_train, data.seen_prototypes), data)
    assert found["measured"]["without separation"] == {
        **{k: round(m[k], 4) for k in "SUH"},
        "AUROC": round(m["auroc"], 4),
    }
    assert all(0 <= h <= 1 for h in found["H at"].values())
    drawn = {path.name for path in tmp_path.iterdir()} - {"tiny.npz"}
    kinds = ("separation", "gate", "training")
    assert drawn == {f"tiny-{kind}.{form}" for kind in kinds for form in ("png", "svg")}


def test_histograms_are_shares_and_the_gate_is_eq_10(pictures):
    class Settings:
        router_delta_low, router_delta_high, router_bias, router_width = 0.5, 1.0, 0.25, 0.1

    kinds = {"seen": np.array([0.1, 0.1, 0.3, 1.9]), "unseen": np.array([1.1, 1.9, 1.9, 1.9])}
    edges = np.linspace(0, 2, 5)
    gate, below = pictures.gate_figure("x", kinds, settings=Settings, edges=edges).axes
    hard, soft, dots = (line.get_xydata() for line in gate.lines)
    assert hard.tolist() == [[0, 1], [0.5, 1], [1, 0.5], [2, 0]]
    assert soft[np.isclose(soft[:, 0], 0.5, atol=0.003), 1] == pytest.approx(0.5, abs=0.02)
    assert dots.tolist() == [[0.25, 1], [1.25, 0], [1.75, 0.25]]
    seen = next(p for p in below.patches if p.get_label() == "seen test samples")
    assert seen.get_data().values.tolist() == [0.75, 0, 0, 0.25]


def test_a_learned_gate_is_not_drawn_against_the_entropy(pictures, tiny_dataset, tmp_path):
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    sets = (*SETS, *MORE, "router.gate=learned")
    options = [part for text in sets for part in ("--set", text)]
    where = [str(tmp_path / "tiny.npz"), "--name", "tiny", "--epochs", "2", "--out", str(tmp_path)]
    run = CliRunner().invoke(pictures.main, [*where, *options, "--threads", "1"])
    assert run.exit_code == 0, run.output
    drawn = {path.stem for path in tmp_path.iterdir()}
    assert drawn == {"tiny", "tiny-separation", "tiny-training"}
