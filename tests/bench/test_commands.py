"""The measuring scripts run and print a row for everything that they measure."""

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinygzsl.datasets import save_npz

BENCH = Path(__file__).parents[2] / "bench"


def load(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tiny_dataset, tmp_path):
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    return tmp_path / "tiny.npz"


def test_separation_has_a_row_per_window_and_margin(path, fast_options, tmp_path, monkeypatch):
    separation = load("separation")
    monkeypatch.setattr(separation, "WINDOWS", ((0.01, 0.2), (0.2, 0.4), (5.0, 6.0)))
    out = tmp_path / "rows.jsonl"
    options = [*fast_options[2:], "--set", "gan.max_epochs=20", "--seeds", "2", "--out", str(out)]
    result = CliRunner().invoke(separation.main, [str(path), *options])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 2 * (1 + 2 * 2)
    table = result.output.partition("| proxies from")[2].strip().splitlines()
    assert len(table) == 1 + 1 + 2 + 2 * 2 + 1  # heading, rule, none twice, two windows, one missed
    assert "±" in table[5]
    assert table[-1].startswith("| 5.00 < r < 6.00, not reached |")


@pytest.mark.filterwarnings("ignore:the classifier gets")  # after three epochs
def test_validate_prints_a_row_per_combination(path, capsys):
    load("validate").main(str(path), "vsmm.weight_es=0", "vsmm.epochs=2,3", "router.delta_high=1")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("vsmm.weight_es=0 vsmm.epochs=2 router.delta_high=1")
    assert all(float(value) >= 0 for value in lines[2].split()[:7])


def test_gates_compares_a_run_with_the_best_ones(path, run_cli, fast_options, tmp_path):
    soft = ["--set", "router.gate=soft", "--set", "vsmm.weight_es=0"]
    trained = run_cli("train", path, *fast_options, *soft, "--out", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    row = load("gates").compare(tmp_path / "run")
    assert row["H"] == pytest.approx(2 * row["S"] * row["U"] / (row["S"] + row["U"]))
    assert row["below_oracle"] == max(row["oracle_hard"], row["oracle_soft"]) - row["H"]
    assert row["soft"]["router_gate"] == "soft"


def test_fit_imports_each_checkout_from_where_it_lies(monkeypatch):
    fit = load("fit")
    figures = "'seconds': 2.0, 'steps': 3, 'S': 0.5, 'U': 0.25, 'H': 1 / 3"
    line = f"json.dumps({{'imported': tz.__file__, **{{{figures}}}}})"
    monkeypatch.setattr(fit, "FIT", f"import json\nimport tinygzsl as tz\nprint({line})")
    options = ["letters", "--seeds", "4", "--against", str(BENCH.parent)]
    result = CliRunner().invoke(fit.main, options)
    assert result.exit_code == 0, result.output
    other, this, ratio = result.output.splitlines()
    assert other.split() == this.replace("this", "other").split()
    assert "2.0 s" in this and "3 steps" in this and "H 0.3333" in this
    assert ratio == "seed 4  this / other 1.00"


def test_route_gates_checks_the_labels_and_prints_every_gate(capsys, monkeypatch):
    route_gates = load("route_gates")
    small = ["route_gates", "--rows", "300", "--d", "16", "--m", "8", "--times", "1"]
    monkeypatch.setattr("sys.argv", small)
    route_gates.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["eq. 10", "soft", *route_gates.FEATURES]
    assert lines[2].endswith("1.00 x soft")
    monkeypatch.setattr(route_gates, "decide", lambda *_: route_gates.argparse.Namespace(index=0))
    with pytest.raises(AssertionError, match="of the labels differ"):
        route_gates.main()
