"""`tinygzsl compare`: its options, what it writes, going on and Ctrl-C."""

import csv
import io
import json
from dataclasses import replace

import pytest

from tinygzsl.baselines import METHODS
from tinygzsl.baselines.common.calibration import fit_on
from tinygzsl.cli.compare_plan import method_names, seed_numbers
from tinygzsl.comparison.measure import Comparison

FAST = """
[ours."tiny.npz"]
preset = "small"
vsmm_weight_es = 0.0
vsmm_epochs = 3
[ALE."tiny.npz"]
epochs = 3
"""


@pytest.fixture
def data(tmp_path, tiny_dataset):
    from tinygzsl.datasets import save_npz

    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    return tmp_path / "tiny.npz"


@pytest.fixture
def compare(run_cli, data, tmp_path):
    """compare(*options) -> click's Result, on the tiny dataset with fast settings."""
    (tmp_path / "fast.toml").write_text(FAST)

    def run(*options, methods="eszsl,ale,ours"):
        fixed = ("--methods", methods, "--settings", tmp_path / "fast.toml", "--threads", 1)
        return run_cli("compare", data, *fixed, *options)

    return run


def test_names_and_seeds(sentence):
    assert method_names(None) == [*METHODS, "ours", "best"]
    assert method_names("Ours, f-clswgan,dzsl") == ["ours", "FCLSWGAN", "DEM"]
    assert seed_numbers("3") == [0, 1, 2]
    assert seed_numbers("5-6,9") == [5, 6, 9]
    for text, part in (("0", "--seeds is 0"), ("x", "'x'"), ("1-", "'1-'"), ("101", "101")):
        with sentence(ValueError, part):
            seed_numbers(text)


def test_a_table_in_four_formats(compare, tmp_path):
    result = compare("--seeds", 2, "--routed", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    names = {(r["method"], r["routed"]) for r in facts["rows"]}
    assert names == {(n, r) for n in ("ESZSL", "ALE") for r in (False, True)} | {("ours", False)}
    best = [r["calibrated_H"] or r["H"] for r in facts["rows"]]
    assert best == sorted(best, reverse=True)
    h = [r["H"] for r in facts["rows"]]
    assert len(facts["runs"]) == 3 + 4 + 2
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"rows.jsonl", "table.txt", "table.json", "table.csv", "table.md"}
    written = json.loads((tmp_path / "out" / "table.json").read_text())
    assert written["rows"] == facts["rows"]
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text("utf-8").splitlines()))
    assert [float(r["H"]) for r in rows] == pytest.approx(h)
    text = compare("--seeds", 2, "--routed", "--out", tmp_path / "out")
    assert "9 of 9 rows are in" in text.stderr
    assert (tmp_path / "out" / "table.txt").read_text("utf-8") in text.stdout
    assert "router + ESZSL" in text.stdout


def test_it_goes_on_after_ctrl_c(compare, tmp_path, monkeypatch):
    rows = Comparison.rows

    def stopped(comparison, wanted):
        for number, row in enumerate(rows(comparison, wanted)):
            if number == 2:
                raise KeyboardInterrupt
            yield row

    with monkeypatch.context() as patched:
        patched.setattr(Comparison, "rows", stopped)
        result = compare("--seeds", 2, "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert "stopped with 2 rows in" in result.stderr and "same command continues" in result.stderr
    result = compare("--seeds", 2, "--out", tmp_path / "out", "--json")
    assert "2 of 5 rows are in" in result.stderr and "[3/3]" in result.stderr
    straight = json.loads(compare("--seeds", 2, "--json").stdout)["rows"]
    gone_on = json.loads(result.stdout)["rows"]
    strip = [{k: v for k, v in row.items() if k != "seconds"} for row in gone_on]
    assert strip == [{k: v for k, v in row.items() if k != "seconds"} for row in straight]


def test_tune_writes_settings_that_settings_takes(compare, data, run_cli, tmp_path, monkeypatch):
    from tinygzsl.baselines import ESZSL

    monkeypatch.setattr(ESZSL, "grid", {"regularize_features": (0.0, 5.0)})
    out = tmp_path / "out"
    result = compare("--tune", "--seeds", 1, "--out", out, "--json", methods="eszsl,ours")
    assert result.exit_code == 0, result.output
    assert "[2/2] ESZSL on the folds: H" in result.stderr
    rows = {r["method"]: r for r in json.loads(result.stdout)["rows"]}
    assert rows["ESZSL"]["settings"]["regularize_features"] in (0.0, 5.0)
    assert rows["ESZSL"]["origin"].startswith("validated: tinygzsl compare tiny.npz --tune")
    assert rows["ESZSL"]["offset"] == rows["ESZSL"]["settings"]["offset"]
    again = compare("--tune", "--seeds", 1, "--out", out, "--json", methods="eszsl,ours")
    assert "on the folds" not in again.stderr
    taken = run_cli(
        *("compare", data, "--methods", "eszsl", "--seeds", 1, "--threads", 1),
        *("--settings", out / "settings.toml", "--json"),
    )
    (row,) = json.loads(taken.stdout)["rows"]
    assert row["H"] == rows["ESZSL"]["H"] and row["calibrated_H"] == rows["ESZSL"]["calibrated_H"]


def test_tune_never_sees_test_samples_or_unseen_classes(
    compare, data, tiny_dataset, tmp_path, monkeypatch
):
    from tinygzsl.baselines import ESZSL, GGM
    from tinygzsl.datasets import save_npz

    monkeypatch.setattr(ESZSL, "grid", {"regularize_features": (0.0, 3.0)})
    monkeypatch.setattr(GGM, "grid", {"regularize_mean": (-2.0, 1.0)})
    found = []
    for number, factor in enumerate((1, -7)):
        original = tiny_dataset()
        changed = replace(
            original,
            X_test=factor * original.X_test,
            unseen_prototypes=factor * original.unseen_prototypes,
        )
        data.unlink(missing_ok=True)
        save_npz(changed, data)
        out = tmp_path / f"out{number}"
        result = compare("--tune", "--seeds", 1, "--out", out, methods="eszsl,ggm")
        assert result.exit_code == 0, result.output
        found.append((out / "settings.toml").read_text())
    assert found[0] == found[1]


def test_tune_goes_on_where_a_method_diverges_and_after_ctrl_c(compare, tmp_path, monkeypatch):
    from tinygzsl.comparison import grid_search

    search = grid_search.search

    def fail(kind, *arguments, **more):
        if kind.__name__ == "SAE":
            raise error
        return search(kind, *arguments, **more)

    monkeypatch.setattr(grid_search, "search", fail)
    out = tmp_path / "out"
    error = KeyboardInterrupt()
    result = compare("--tune", "--seeds", 1, "--out", out, methods="sync,sae,eszsl")
    assert result.exit_code == 130
    assert "stopped with 1 methods in" in result.stderr
    error = FloatingPointError("SAE diverged")
    result = compare("--tune", "--seeds", 1, "--out", out, methods="sync,sae,eszsl")
    assert result.exit_code == 0
    assert "warning: SAE diverged" in result.stderr and "SYNC on the folds" not in result.stderr
    text = (out / "settings.toml").read_text()
    assert "[ESZSL." in text and "[SAE." not in text


@pytest.mark.parametrize("name", METHODS)
def test_progress_on_a_terminal(name, tiny_dataset):
    from tinygzsl.baselines.methods import method
    from tinygzsl.cli.compare import _phases
    from tinygzsl.cli.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    small = ("epochs", "steps", "gan_max_epochs", "detector_epochs", "pretrained_epochs")
    narrow = {n: (4,) for n in ("gan_generator_hidden", "gan_critic_hidden", "encoder_hidden")}
    narrow |= {n: (4,) for n in ("decoder_hidden", "detector_hidden")} | {"hidden": 4, "latent": 4}
    kind = method(name)
    fields = kind().get_params()
    params = {n: v for n, v in {**dict.fromkeys(small, 1), **narrow}.items() if n in fields}
    stream = Terminal()
    with Progress(stream) as progress:
        fit_on(kind(**params, callback=_phases(progress)), tiny_dataset())
    text = stream.getvalue()
    assert ("training" in text) == (name not in ("ESZSL", "SAE", "PrototypeRidge"))


def test_best_is_a_strict_row_as_it_is(compare, monkeypatch, tmp_path):
    from tinygzsl.baselines import ESZSL, PrototypeRidge
    from tinygzsl.stacking import experts

    fast = {"ESZSL": ESZSL(features="standard"), "PrototypeRidge": PrototypeRidge()}
    monkeypatch.setattr(experts, "default_experts", lambda: fast)
    how = {"methods": "best,eszsl"}
    result = compare("--seeds", 1, "--routed", "--out", tmp_path / "out", "--json", **how)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert [(run["method"], run["routed"]) for run in facts["runs"]] == [
        *(("best", False), ("ESZSL", False), ("ESZSL", True))
    ]
    best = facts["runs"][0]
    assert best["strict"] and best["title"] == "StackedGZSL" and best["calibrated_H"] is None
    assert best["H"] > 0 and best["parameters"] > 2 * 6 and best["error"] is None
    again = compare("--seeds", 1, "--routed", "--out", tmp_path / "out", **how)
    assert "3 of 3 rows are in" in again.stderr


def test_several_views_are_for_best_and_ones_own(run_cli, write_xlsa17, monkeypatch, tmp_path):
    from tinygzsl.baselines import ESZSL
    from tinygzsl.stacking import experts

    monkeypatch.setattr(experts, "default_experts", lambda: {"ESZSL": ESZSL(features="standard")})
    (tmp_path / "data").mkdir()
    write_xlsa17(tmp_path / "data")
    command = ("compare", tmp_path / "data", "--prototypes", "att,original_att", "--seeds", 1)
    result = run_cli(*command, "--methods", "best", "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["runs"]
    assert row["error"] is None and row["H"] > 0
    result = run_cli(*command, "--methods", "best,eszsl")
    assert result.exit_code == 2, result.output
    assert "ESZSL takes one view" in result.stderr and "att and original_att" in result.stderr


def test_a_failed_training_exits_with_1(compare, tmp_path, monkeypatch):
    from tinygzsl.baselines import ALE

    fit = ALE._fit

    def fail(model, *arrays):
        if model.seed == 0 and model.epochs == 3:
            raise FloatingPointError("ALE diverged")
        fit(model, *arrays)

    options = ("--json", "--out", tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(ALE, "_fit", fail)
        result = compare("--seeds", 1, *options, methods="ale,eszsl")
    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert facts["failed"] == 1
    assert [r["error"] is None for r in facts["rows"]] == [True, False]
    more = json.loads(compare("--seeds", "0-1", *options, methods="ale").stdout)["runs"]
    assert more[0]["error"] == "ALE diverged" and more[1]["error"] is None
    assert more[1]["offset"] is not None and more[1]["calibrated_H"] > 0


def test_settings_tuned_on_another_split_are_refused(
    compare, data, tiny_dataset, tmp_path, monkeypatch
):
    from tinygzsl.baselines import ESZSL
    from tinygzsl.datasets import save_npz

    monkeypatch.setattr(ESZSL, "grid", {"regularize_features": (0.0,)})
    out = tmp_path / "out"
    options = ("--tune", "--seeds", 1, "--out", out)
    assert compare(*options, methods="eszsl").exit_code == 0
    before = (out / "settings.toml").read_text()
    data.unlink()
    save_npz(tiny_dataset(seed=1), data)
    result = compare(*options, methods="eszsl,sync")
    assert result.exit_code == 2
    assert "chosen on other data or another split" in result.stderr.splitlines()[-1]
    assert (out / "settings.toml").read_text() == before
    (out / "settings.sha256").unlink()
    assert compare(*options, methods="eszsl").exit_code == 2


def test_nothing_could_be_tuned(compare, tmp_path, monkeypatch):
    from tinygzsl.comparison import grid_search

    def fail(*arguments, **more):
        raise FloatingPointError("SAE diverged")

    monkeypatch.setattr(grid_search, "search", fail)
    result = compare("--tune", "--seeds", 1, "--out", tmp_path / "out", methods="sae")
    assert result.exit_code == 0
    assert "no method could be tuned" in result.stderr
    assert not (tmp_path / "out" / "settings.toml").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--methods", "eszl"), ("'eszl'", "did you mean ESZSL")),
        (("--methods", "sae,,ale"), ("'sae,,ale'",)),
        (("--methods", "sae,SAE"), ("more than once",)),
        (("--seeds", "0"), ("--seeds is 0",)),
        (("--tune",), ("--tune", "--out FOLDER")),
        (("--tune", "--methods", "ours", "--out", "o"), ("--tune would do nothing",)),
        (("--routed", "--methods", "ours"), ("--routed would do nothing",)),
        (("--settings", "."), (". is not a file",)),
        (("--settings", "none.toml"), ("none.toml does not exist",)),
        (("--threads", "0"), ("threads is 0",)),
        (("--split", "1"), ("split",)),
    ],
)
def test_bad_input_is_one_sentence(run_cli, data, tmp_path, options, parts):
    result = run_cli("compare", data, *options)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    for part in parts:
        assert part in result.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.npz"]


def test_settings_for_other_data_alone(run_cli, data, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("[SAE.cub]\n")
    result = run_cli("compare", data, "--settings", path)
    assert result.exit_code == 2
    assert "settings for cub, but none for tiny.npz" in result.stderr
    path.write_text("")
    result = run_cli("compare", data, "--settings", path)
    assert result.exit_code == 2
    assert "has no settings" in result.stderr


def test_a_folder_that_cannot_be(compare, data):
    result = compare("--out", data, methods="eszsl")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "tiny.npz is a file; pass a folder" in result.stderr


def test_a_folder_that_another_process_compares_in_is_refused(compare, tmp_path):
    from tinygzsl.storage.locks import FolderLock

    out = tmp_path / "out"
    out.mkdir()
    with FolderLock(out):
        result = compare("--out", out)
        assert result.exit_code == 2
        assert f"the folder {out} is in use by process" in result.stderr
        assert [path.name for path in out.iterdir()] == [".lock"]
    assert compare("--seeds", 1, "--out", out).exit_code == 0
    assert not (out / ".lock").exists()
