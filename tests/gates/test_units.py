"""`tune --recalibrate`: positions on the scale that each fold, and then the final run, measures."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import checkpoints
from tinygzsl.gates import units
from tinygzsl.gates.units import EntropyScaleError, keep_out
from tinygzsl.settings import settings_for
from tinygzsl.tuning.folds import folds
from tinygzsl.tuning.gate_grids import THRESHOLDS, Scores, cut_grids, gate_table, make_grids
from tinygzsl.tuning.search import Search
from tinygzsl.tuning.trials import Draws, FoldTrainer

FIXED = {
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 1e-2,
    "gan_batch": 16,
    "gan_max_epochs": 24,
    "proxy_count": 100,
    "vsmm_latent": 16,
    "vsmm_batch": 16,
    "scale_features": "standard",
    "gan_output": "linear",
    "vsmm_lr": 1e-2,
    "vsmm_epochs": 8,
    "router_metric": "euclidean",
    "cs_low": 0.01,
    "cs_high": 0.3,
}
MEASURED = settings_for("small", {**FIXED, "router_unit": "measured"})


@pytest.fixture
def training(tiny_dataset):
    return tiny_dataset().training()


def tune(training, **changes):
    options = {"folds": 2, "recalibrate": True}
    return tz.tune(training, "small", {**FIXED, **changes}, **options)


def trainer(fold):
    return FoldTrainer(fold, seed=0, device="cpu", dtype="float32", start=MEASURED)


def test_positions_are_found_with_the_hard_gate_and_with_proxies(training):
    found = tune(training)
    settings = found.settings
    assert (settings.router_unit, settings.router_gate) == ("measured", "hard")
    assert {settings.router_delta_low, settings.router_delta_high} <= set(THRESHOLDS)
    assert settings.vsmm_weight_es > 0
    (gate,) = found.gates
    assert (gate["kind"], gate["unit"], gate["taken"], gate["H"]) == (
        *("hard", "measured", True, found.H),
    )
    assert [t["stage"] for t in found.trials] == ["networks"] + 2 * ["separation"]
    assert replace(settings_for("small", FIXED), **found.chosen) == settings
    asked = tz.tune(training, "small", {**FIXED, "router_unit": "measured"}, folds=2)
    assert asked.settings == settings
    assert asked.trials == found.trials


def test_the_figure_of_a_fold_is_what_fit_and_evaluate_give(training):
    """A fold keeps out what fit keeps out, and positions don't depend on the number of classes."""
    found = tz.tune(training, "small", FIXED, folds=1, recalibrate=True)
    (fold,) = folds(training, count=1)
    model = tz.EntropySeparationGZSL(preset="small", **{**FIXED, **found.chosen})
    model.fit(fold.X_train, fold.y_train, fold.seen_prototypes)
    assert tz.evaluate(model, fold)["H"] == pytest.approx(found.H, abs=1e-9)


def test_what_sets_the_scale_is_not_what_s_is_measured_on(training):
    (fold,) = folds(training, count=1)
    index = np.searchsorted(fold.seen_classes, fold.y_train)
    kept, _, held = keep_out(fold.X_train, index, fold.seen_classes, MEASURED, seed=0)
    one = trainer(fold)
    np.testing.assert_array_equal(one.x_train, kept)
    np.testing.assert_array_equal(one.held, held)
    rows = {row.tobytes() for row in held}
    assert not rows & {row.tobytes() for row in np.concatenate([kept, fold.X_test])}
    changed = fold.X_train.copy()
    changed[[row.tobytes() in rows for row in fold.X_train]] += 1
    scores = []
    for data in (fold, replace(fold, X_train=changed)):
        one = trainer(data)
        ((_, draws),) = one.windows(MEASURED, [(0.01, 0.3)])
        assert not np.array_equal(draws.fresh, draws.trained_on)
        scores.append(one.scores_with(MEASURED, draws))
    assert scores[0].scale != scores[1].scale
    for mine, theirs in zip(*(parts(found) for found in scores), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def parts(scores):
    """Every array and number of a fold's scores but the scale that was measured."""
    others = scores._replace(expert=None, scale=None)
    return [part for part in (*others, *vars(scores.expert).values()) if part is not None]


def test_a_gate_by_hand(sentence):
    """Four samples, two of them seen, in a model whose medians are 0.2 and 1.2 nats."""
    entropy = np.array([0.1, 0.6, 0.6, 1.1])
    seen = np.array([1.0, 1.0, 0.0, 0.0])  # C is right on all of them, and F among unseen ones
    parts = seen / 2, (1 - seen) / 2, seen, 1 - seen, 0 * seen, entropy, seen, None, 9
    scores = Scores(*parts, expert=None, y=None, scale=(0.2, 1.2))
    grids = make_grids(MEASURED, frozenset(), log_s=[2.0])
    table = gate_table(scores, grids, kind="hard", unit="measured")
    at = {position: i for i, position in enumerate(THRESHOLDS)}
    assert table[at[0.3], at[0.5]] == pytest.approx(0.5)  # 0.6 lies between 0.5 and 0.7: eq. 2
    assert table[at[0.5], at[0.6]] == pytest.approx(2 / 3)  # below 0.7: all three are seen
    assert table[at[0.3], at[0.35]] == pytest.approx(2 / 3)  # above 0.55: all three are unseen
    assert table[at[0.5], at[0.3]] == -1
    with sentence(ValueError, "the scores have no scale"):
        gate_table(scores._replace(scale=None), grids, kind="hard", unit="measured")


def test_positions_without_a_scale_are_never_taken_for_nats(training, sentence):
    with sentence(ValueError, "no entropies were measured", "router_unit='nats'"):
        units.in_nats(settings_for("small", {"router_unit": "measured"}), None)
    assert units.in_nats(settings_for("small"), None) == settings_for("small")
    one = trainer(folds(training, count=1)[0])
    draws = Draws(one._scaled(MEASURED).seen.x[:20], None)
    with sentence(ValueError, "needs fresh proxies"):
        one.scores_with(replace(MEASURED, vsmm_epochs=1), draws)


def test_a_fixed_threshold_is_a_position(training, sentence):
    found = tune(training, router_delta_low=0.22)
    assert found.settings.router_delta_low == 0.22
    assert found.settings.router_delta_high in THRESHOLDS
    settings = replace(MEASURED, router_delta_low=0.22)
    grids = cut_grids(make_grids(settings, frozenset({"router_delta_low"}), log_s=[2.0]), [3, 900])
    np.testing.assert_array_equal(
        grids.values["router_delta_high"], [t for t in THRESHOLDS if t >= 0.22]
    )
    with sentence(ValueError, "router_delta_low is fixed at 1.2", "to try is 0.9; set both"):
        tune(training, router_delta_low=1.2)


def test_proxies_are_kept_where_none_would_be_better(training, monkeypatch, sentence):
    search = Search([trainer(folds(training, count=1)[0])], MEASURED, n_seen=5, given=frozenset())
    assert search.start.router_unit == "nats"
    (one,) = search.trainers
    search.scores = [0.9]
    monkeypatch.setattr(one, "windows", lambda _, windows: ((w, None) for w in windows[:1]))
    monkeypatch.setattr(one, "scores_with", lambda *_: 0.2)
    monkeypatch.setattr(search, "_figure", lambda h: (h[0],))
    monkeypatch.setattr(search, "_on_all_folds", lambda _, found, folds: found)
    search.separation()
    assert search.settings.vsmm_weight_es == 1.0
    with sentence(ValueError, "router_unit is 'measured', but the window of CS was not reached"):
        tune(training, cs_low=8.0, cs_high=9.0, gan_max_epochs=3)


def test_trainings_without_a_scale_are_no_choice(training, monkeypatch):
    (fold,) = folds(training, count=1)

    def none(*_):
        raise EntropyScaleError

    monkeypatch.setattr("tinygzsl.pipeline.measure_entropies", none)
    one = trainer(fold)
    ((_, draws),) = one.windows(MEASURED, [(0.01, 0.3)])
    assert one.scores_with(MEASURED, draws) is None


def test_what_contradicts_it_is_refused_before_the_search(training, sentence):
    for changes, parts in (
        ({"router_unit": "nats"}, ("fixed at 'nats'", "recalibrate")),
        ({"router_gate": "soft"}, ("router_gate is 'soft'",)),
        ({"vsmm_weight_es": 0.0}, ("vsmm_weight_es is 0",)),
    ):
        with sentence(ValueError, *parts):
            tune(training, **changes)


@pytest.mark.filterwarnings("ignore:validation chose the least or greatest")
def test_auto_takes_the_unit_from_the_user(tiny_dataset):
    data, options = tiny_dataset(), {**FIXED, "router_unit": "measured"}
    model = tz.EntropySeparationGZSL(preset="auto", **options)
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    assert model.settings_ == tz.tune(data.training(), "small", options).settings
    assert model.entropy_scale_ is not None


SETS = [
    part
    for name, value in {**FIXED, "gan_lr": 6e-3, "gan_max_epochs": 80}.items()
    for part in ("--set", f"{name.replace('_', '.', 1)}={value}".replace("(16,)", "[16]"))
]


def test_the_command_writes_a_config_that_repeats_the_run(run_cli, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    out = tmp_path / "tuned.toml"
    options = ["--recalibrate", "--folds", 2, *SETS, "--out", out, "--json"]
    result = run_cli("tune", tmp_path / "data", *options)
    assert result.exit_code == 0, result.output
    router = tomllib.loads(out.read_text())["router"]
    assert (router["unit"], router["gate"], router["held_out"]) == ("measured", "hard", 0.1)
    assert json.loads(result.stdout)["gates"][0]["unit"] == "measured"
    runs = [tmp_path / name for name in ("one", "two")]
    configs = [out, runs[0] / "config.toml"]
    for config, run in zip(configs, runs, strict=True):
        result = run_cli("train", "--config", config, "--out", run)
        assert result.exit_code == 0, result.output
        assert "median entropy of held-out seen samples" in result.stdout
    assert (runs[0] / "model.npz").read_bytes() == (runs[1] / "model.npz").read_bytes()
    model = tz.load_model(runs[0] / "model.npz")
    manifest = json.loads((runs[0] / "manifest.json").read_text())
    assert manifest["config"]["router"]["delta_low"] == router["delta_low"]
    assert manifest["thresholds"]["delta_low"] == model.routing_.router_delta_low
    assert run_cli("evaluate", runs[0]).exit_code == 0
    metrics = json.loads((runs[0] / "metrics.json").read_text())
    assert metrics["thresholds"] == manifest["thresholds"]
    assert run_cli("report", runs[0]).exit_code == 0
    shown = f"held out of training, {manifest['thresholds']['median_seen']:.3f}"
    assert shown.replace("held", "kept") in (runs[0] / "report.html").read_text()


def test_a_resumed_run_measures_the_same(
    run_cli, write_xlsa17, fast_options, tmp_path, monkeypatch
):
    write_xlsa17(tmp_path / "data")
    sets = ["unit=measured", "delta_low=0.2", "delta_high=0.6"]
    options = [*fast_options, *(part for s in sets for part in ("--set", f"router.{s}"))]
    for name in ("whole", "stopped"):
        result = run_cli("train", tmp_path / "data", *options, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
    whole, stopped = (tmp_path / name / "model.npz" for name in ("whole", "stopped"))
    stopped.unlink()
    monkeypatch.setattr(checkpoints.GanCheckpoint, "save", lambda *_: None)
    resume = ("train", "--resume", tmp_path / "stopped")
    result = run_cli(*resume)
    assert result.exit_code == 0, result.output
    one, other = (tz.load_model(path) for path in (whole, stopped))
    assert other.entropy_scale_ == one.entropy_scale_
    for mine, theirs in zip(one.vsmm_.params, other.vsmm_.params, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    refused = run_cli(*resume, "--set", "router.held_out=0.3")
    assert refused.exit_code == 2
    assert "other training data or settings" in refused.stderr


def test_a_median_is_no_less_than_0():
    assert units.entropy_scale(np.array([-1e-7]), np.array([1.0])) == (0.0, 1.0)
