"""Rows and tables of a comparison."""

import csv
from dataclasses import replace
from itertools import count
from statistics import fmean, stdev

import pytest

import tinygzsl as tz
from tinygzsl.comparison.chosen import Chosen
from tinygzsl.comparison.measure import FIGURES, Comparison, Key, keys
from tinygzsl.comparison.rows import Conditions, Rows
from tinygzsl.comparison.table import as_csv, as_markdown, as_text, summarize
from tinygzsl.stacking import RoutedGZSL
from tinygzsl.storage.rows import json_line


@pytest.fixture
def comparison(tiny_dataset, small_model, fast_params):
    """comparison(names, **how) -> a Comparison of the tiny dataset with fast settings."""
    ours = {k: v for k, v in small_model().get_params().items() if v is not None}
    ours = {k: v for k, v in ours.items() if k not in ("seed", "device", "dtype")}
    ours |= {"vsmm_weight_es": 0.0, "router_delta_low": 0.1, "router_delta_high": 0.6}

    def make(*names, data=None, **how):
        chosen = {name: Chosen(fast_params(name), "fast") for name in names}
        data = data or tiny_dataset()
        return Comparison(data, {**chosen, "ours": Chosen(ours, "preset small")}, **how)

    return make


CONDITIONS = Conditions(dataset="tiny", data_sha256="abc", threads=1)


def row(method="SAE", seed=0, h=0.5, **changes):
    base = {"method": method, "title": method, "routed": False, "strict": True, "seed": seed}
    more = {"settings": {"l2": [1, 2]}, "origin": "validated: by x", "error": None}
    return {**base, **more, **dict.fromkeys(FIGURES, 0.25), "H": h, "parameters": 12345, **changes}


def test_which_rows_there_are():
    found = keys(["ESZSL", "ALE", "ours"], [0, 1], routed=True)
    assert [key for key in found if not key.routed] == [
        Key("ESZSL", False, 0),  # without random numbers, so once
        *(Key("ALE", False, seed) for seed in (0, 1)),
        *(Key("ours", False, seed) for seed in (0, 1)),
    ]
    assert [key for key in found if key.routed] == [
        Key(name, True, seed) for name in ("ESZSL", "ALE") for seed in (0, 1)
    ]


def test_rows_are_what_evaluate_says(comparison, fit, tiny_dataset):
    data = tiny_dataset()
    found = list(comparison("GGM", offsets={"GGM": 0.3}).rows(keys(["GGM"], [0, 1], routed=False)))
    assert [r["seed"] for r in found] == [0, 1]
    expected = tz.evaluate(fit("GGM", seed=1, offset=0.3), data)
    assert found[1]["H"] == expected["no_offset"]["H"]
    assert [found[1][f"calibrated_{name}"] for name in "SUH"] == [expected[name] for name in "SUH"]
    assert (found[1]["strict"], found[1]["title"], found[1]["offset"]) == (False, "GGM", 0.3)
    assert found[1]["ausuc"] == expected["ausuc"]
    assert found[1]["seconds"] > 0 and found[1]["parameters"] > 0


def test_the_router_is_trained_once_per_seed(comparison, monkeypatch, tiny_dataset):
    fits = []
    fit = tz.EntropySeparationGZSL.fit

    def counting(model, *arrays):
        fits.append(model.seed)
        return fit(model, *arrays)

    monkeypatch.setattr(tz.EntropySeparationGZSL, "fit", counting)
    wanted = keys(["ESZSL", "SAE", "ours"], [0, 1], routed=True)
    found = {
        Key(r["method"], r["routed"], r["seed"]): r for r in comparison("ESZSL", "SAE").rows(wanted)
    }
    assert set(found) == set(wanted)
    assert fits == [0, 1]
    ours = found[Key("ours", False, 0)]
    assert (ours["calibrated_H"], ours["offset"], ours["strict"]) == (None, None, True)
    assert found[Key("SAE", True, 1)]["supervised"] == found[Key("ours", False, 1)]["supervised"]
    assert found[Key("SAE", True, 0)]["offset"] == found[Key("SAE", False, 0)]["offset"] != 0


def test_a_failed_training_is_a_row(comparison):
    how = comparison("SAE", "ESZSL")
    how.chosen["SAE"] = Chosen({"encoding_weight": -1.0})
    said = []
    how.say = said.append
    bad, good = how.rows(keys(["SAE", "ESZSL"], [0], routed=False))
    assert "encoding_weight is -1.0" in bad["error"] and bad["H"] is None
    assert good["error"] is None and good["H"] > 0
    table = summarize([bad, good])
    assert [r["method"] for r in table] == ["ESZSL", "SAE"]
    assert "SAE failed: encoding_weight is -1.0" in as_text(table)


def test_behind_the_router_the_calibrated_expert_labels(comparison, fit, tiny_dataset):
    how = comparison("ESZSL", offsets={"ESZSL": -2.0})
    plain, routed, ours = how.rows(keys(["ESZSL", "ours"], [0], routed=True))
    router = how._router(0).model
    for prefix, offset in (("", 0.0), ("calibrated_", -2.0)):
        model = RoutedGZSL(router=router, expert=fit("ESZSL", offset=offset))
        expected = tz.evaluate(model, tiny_dataset())
        assert [routed[prefix + name] for name in "SUH"] == [expected[name] for name in "SUH"]
    assert routed["calibrated_H"] != routed["H"]
    assert routed["parameters"] == plain["parameters"] + ours["parameters"]
    networks = router.vsmm_.networks
    assert ours["parameters"] == sum(
        p.size for n in ("f_v", "f_s", "c") for p in networks[n].params
    )


def test_seconds_behind_the_router_are_those_of_both(comparison, monkeypatch):
    ticks = count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))  # a second a look
    wanted = keys(["ESZSL", "ours"], [0], routed=True)
    found = comparison("ESZSL", offsets={"ESZSL": 0.0}).rows(wanted)
    plain, routed, ours = (row["seconds"] for row in found)
    assert plain > 0 and ours > 0
    assert routed == plain + ours


def test_the_offset_knows_no_test_sample_and_no_unseen_class(comparison, tiny_dataset):
    data = tiny_dataset()
    changed = replace(data, X_test=-7 * data.X_test, unseen_prototypes=3 * data.unseen_prototypes)
    rows = [next(comparison("SAE", data=d).rows([Key("SAE", False, 0)])) for d in (data, changed)]
    assert rows[0]["offset"] == rows[1]["offset"] != 0
    assert rows[0]["H"] != rows[1]["H"]


def test_a_router_that_fails_is_not_trained_again(comparison, monkeypatch):
    fits = []

    def fail(model, *arrays):
        fits.append(model.seed)
        raise FloatingPointError("the router diverged")

    monkeypatch.setattr(tz.EntropySeparationGZSL, "fit", fail)
    how = comparison("ESZSL", "SAE", offsets={"ESZSL": 0.0, "SAE": 0.0})
    found = list(how.rows(keys(["ESZSL", "SAE", "ours"], [0], routed=True)))
    assert fits == [0]
    assert [row["error"] for row in found] == [
        None if row["method"] != "ours" and not row["routed"] else "the router diverged"
        for row in found
    ]


def test_the_table_sorts_by_calibrated_h_and_strict_methods_come_first():
    rows = [
        *(row("ALE", seed, 0.9, calibrated_H=h) for seed, h in ((0, 0.2), (1, 0.4))),
        row("ours", h=0.5, calibrated_H=None),
        row("SAE", h=0.1, calibrated_H=0.6),
        row("GGM", h=0.9, strict=False),
        row("SAE", h=0.1, calibrated_H=0.7, routed=True),
    ]
    table = summarize(rows)
    assert [(r["method"], r["routed"]) for r in table] == [
        ("SAE", True),
        ("SAE", False),
        ("ours", False),
        ("ALE", False),
        ("GGM", False),
    ]
    ale = table[3]
    assert ale["calibrated_H"] == fmean([0.2, 0.4])
    assert ale["calibrated_H_sd"] == stdev([0.2, 0.4])
    assert (table[0]["ausuc"], table[0]["zsl"]) == (None, None)  # they would be the expert's
    assert (table[1]["ausuc"], table[1]["zsl"]) == (0.25, 0.25)
    assert ale["seeds"] == [0, 1] and table[1]["H_sd"] is None


def test_formats():
    table = summarize([row("ALE", 0, 0.2), row("ALE", 1, 0.4), row("GGM", strict=False)])
    text, markdown = as_text(table).splitlines(), as_markdown(table).splitlines()
    assert "0.300 ± 0.141" in text[1] and "12,345" in text[1]
    assert "ALE: validated: by x" in text
    assert markdown[0].startswith("| method | strict | S | U | H | H calibrated | AUSUC |")
    assert markdown[2].split(" | ")[:2] == ["| ALE", "yes"]
    assert markdown[3].split(" | ")[1] == "no"
    assert len({line.count("|") for line in markdown}) == 1
    cells, _ = csv.DictReader(as_csv(table).splitlines())
    assert (float(cells["H"]), cells["settings"]) == (pytest.approx(0.3), "l2=[1, 2]")


def test_rows_are_kept_and_read_again(comparison, tmp_path):
    how = comparison("ESZSL", "SAE")
    (tmp_path / "out").mkdir()
    rows = Rows(tmp_path / "out", how, CONDITIONS)
    for found in how.rows(keys(["ESZSL", "SAE"], [0], routed=True)):
        rows.add(found)
    path = tmp_path / "out" / "rows.jsonl"
    whole = path.read_text()
    again = Rows(tmp_path / "out", how, CONDITIONS)
    assert again.found == rows.found and len(again.found) == 4
    for change in ({"data_sha256": "other"}, {"threads": 2}, {"version": "0.0.1"}):
        assert Rows(tmp_path / "out", how, replace(CONDITIONS, **change)).found == {}
    mine = how.chosen["SAE"]
    how.chosen["SAE"] = Chosen({**mine.params, "encoding_weight": 2.0})
    found = Rows(tmp_path / "out", how, CONDITIONS).found
    assert {key.method for key in found} == {"ESZSL"} and len(found) == 2
    how.chosen |= {"SAE": mine, "ours": Chosen({"preset": "paper"})}
    found = Rows(tmp_path / "out", how, CONDITIONS).found
    assert not any(key.routed for key in found) and len(found) == 2
    path.write_text(whole[:-7])  # a crash has cut the last line off
    assert len(Rows(tmp_path / "out", comparison("ESZSL", "SAE"), CONDITIONS).found) == 3
    assert path.read_text().endswith("\n")


WHOLE = {
    **row(),
    **{"dataset": "tiny", "data_sha256": "abc", "threads": 1, "version": "1", "router": None},
}
DAMAGED = [WHOLE | bad for bad in ({"H": "x"}, {"title": 3}, {"origin": None}, {"settings": 1})]


@pytest.mark.parametrize("line", [b"{}", b"[]", b"no", *map(json_line, DAMAGED)])
def test_a_damaged_line_is_a_sentence(comparison, tmp_path, line, sentence):
    (tmp_path / "rows.jsonl").write_bytes(json_line(WHOLE))
    assert Rows(tmp_path, comparison("SAE"), CONDITIONS).found == {}  # of another version
    (tmp_path / "rows.jsonl").write_bytes(line.strip() + b"\n")
    with sentence(ValueError, "rows.jsonl, line 1 is not a row of a comparison"):
        Rows(tmp_path, comparison("SAE"), CONDITIONS)


def test_another_datasets_rows_are_refused(comparison, tmp_path, sentence):
    how = comparison("SAE")
    other = replace(CONDITIONS, dataset="other")
    Rows(tmp_path, how, other).add(next(how.rows([Key("SAE", False, 0)])))
    with sentence(ValueError, "holds rows of other", "--out"):
        Rows(tmp_path, how, CONDITIONS)
