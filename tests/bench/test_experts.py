"""bench/experts.py: stacks compared on folds, from pieces that are kept."""

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.datasets import save_npz
from tinygzsl.stacking import StackedGZSL

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = pytest.mark.skipif(
    not BENCH.is_dir(), reason="bench/ is not here, so its script was not run; use a checkout"
)
FAST = {"eszsl": ESZSL(features="standard"), "ridge": PrototypeRidge(features="standard")}


@pytest.fixture
def experts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location("bench_experts", BENCH / "experts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CANDIDATES", FAST)
    monkeypatch.setattr(module, "STACKS", {"both": tuple(FAST)})
    return module


def test_a_row_is_what_the_stack_finds_on_its_folds(experts, tiny_dataset, tmp_path, monkeypatch):
    data = tiny_dataset()
    save_npz(data, tmp_path / "tiny.npz")
    out = tmp_path / "rows.jsonl"
    command = [str(tmp_path / "tiny.npz"), "--seeds", "0", "--checkpoint", str(tmp_path / "pieces")]
    result = CliRunner().invoke(experts.main, [*command, "--threads", "1", "--out", str(out)])
    assert result.exit_code == 0, result.output
    rows = {row["stack"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert list(rows) == ["eszsl", "ridge", "both"]
    training = data.training()
    for features, key in ((("gap", "neighbours"), "H"), (("gap",), "without neighbours")):
        model = StackedGZSL(experts=FAST, features=features, threads=1)
        model.fit(training.X, training.y, training.prototypes)
        (h,) = model.held_out_h_.values()
        assert rows["both"][key] == pytest.approx(sum(h) / len(h))
    assert "| both | 2 | 1 |" in result.output
    assert 0 < rows["both"]["zsl"] <= 1

    monkeypatch.setattr(experts, "fold_panels", None)  # nothing is measured again
    again = CliRunner().invoke(experts.main, [*command, "--out", str(out)])
    assert again.exit_code == 0 and len(out.read_text().splitlines()) == 3
