"""`tinygzsl report`: runs without a GAN, without an evaluation, without their data."""

import json
import shutil

import pytest

from tinygzsl.storage.checksums import write_json


@pytest.mark.wheel
def test_a_run_without_a_gan(make_run, report):
    page, _ = report(make_run("--set", "vsmm.weight_es=0"))
    assert "no CWGAN" in page.text()
    assert len(page.svgs()) == 3
    assert "proxy" not in page.svgs()[0].find("desc").text
    assert "mean entropy, proxy" not in dict(page.table("All other figures"))


def test_a_run_that_was_not_evaluated_keeps_its_test_samples_unseen(make_run, report, monkeypatch):
    run = make_run(evaluate=False)
    monkeypatch.setattr("tinygzsl.datasets.load_dataset", None)  # would fail if it were called
    page, facts = report(run)
    assert facts["evaluated"] is False
    assert f"tinygzsl evaluate {run}" in page.text()
    assert len(page.svgs()) == 1
    assert [c for c in page.tables() if "accurac" in c] == []
    assert dict(page.table("Trained on"))["seen classes"] == "5"


def test_metrics_of_an_older_version_are_completed(make_run, report):
    run = make_run()
    m = json.loads((run / "metrics.json").read_text())
    old = {key: m[key] for key in ("S", "U", "H", "per_class", "model_sha256")} | {
        "novel_figure": 0.25
    }
    write_json(run / "metrics.json", old)
    page, facts = report(run)
    assert facts["notices"] == []
    assert page.table("Mean per-class")[2][3] == f"{m['gzsl']['H']:.3f}"
    assert dict(page.table("All other figures"))["novel_figure"] == "0.25"
    assert f"Its Brier score is {m['calibration']['score']['brier']:.3f}" in page.text()


def test_without_the_data_the_metrics_are_all_there_is(make_run, report):
    run = make_run()
    shutil.rmtree(run.parent / "data")
    page, facts = report(run)
    assert "left out" in facts["notices"][0]
    assert len(page.svgs()) == 3  # routes, reliability, score
    assert [row[0] for row in page.table("2 unseen classes")[1:]] in (["3", "8"], ["8", "3"])
    assert page.table("Mean per-class")[1][0] == "router (eq. 10)"


def test_changed_data_is_noticed(make_run, report, write_xlsa17):
    run = make_run()
    write_xlsa17(run.parent / "data", original_att=None)
    assert "have changed since" in report(run)[1]["notices"][0]


def test_another_dataset(make_run, report, write_xlsa17, tmp_path):
    run = make_run(evaluate=False)
    write_xlsa17(tmp_path / "other")
    page, facts = report(run, "--data", tmp_path / "other", "--out", tmp_path / "other.html")
    assert str(tmp_path / "other") in facts["notices"][0]
    assert dict(page.table("All other figures"))["unseen test samples"] == "40"
    assert not (run / "metrics.json").exists()


def test_a_soft_gate(make_run, report):
    page, _ = report(make_run("--set", "vsmm.weight_es=0", "--set", "router.gate=soft"))
    assert page.table("Mean per-class")[1][0] == "router (soft gate)"
    (rule,) = [x for x in page.svgs()[0].iter("line") if x.get("class") == "rule"]
    # Where the gate is 1/2: a tenth of ln S, hence of the axis, 382 units long from 46.
    assert float(rule.get("x1")) == pytest.approx(46 + 38.2, abs=0.1)
    titles = [svg.find("title").text for svg in page.svgs()]
    assert [t[:24] for t in titles if t.startswith("Reliability")] == [
        "Reliability of the score",
        "Reliability of the gate:",
    ]
    assert "The gate is " in page.text() and "and no probability" not in page.text()
