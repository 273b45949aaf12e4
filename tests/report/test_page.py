"""`tinygzsl report`: what the page of an ordinary run shows."""

import json
import shutil

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.report.verdict import verdict

SCRIPT = "<script>alert(1)</script>"


@pytest.mark.wheel
def test_the_page_shows_the_figures_of_the_run(finished, report):
    run = finished
    page, facts = report(run)
    assert facts["report"] == str(run / "report.html")
    m = json.loads((run / "metrics.json").read_text())
    accuracies = page.table("Mean per-class")
    assert accuracies[1] == ["router (eq. 10)", *(f"{m[k]:.3f}" for k in "SUH")]
    assert accuracies[2][1:] == [f"{m['gzsl'][k]:.3f}" for k in "SUH"]
    others = dict(page.table("All other figures"))
    assert others["AUSUC of eq. 2's scores"] == f"{m['ausuc']:.3f}"
    assert others["mean entropy, proxy"] == f"{m['entropy']['proxy']:.2f} nats"
    assert others["unseen test samples"] == "40"
    shares = page.table("Share per route")
    assert shares[1][1:] == [f"{m['routes']['seen'][r]:.1%}" for r in ("SL", "GZSL", "ZSL")]
    for kind, count in (("seen", 5), ("unseen", 2)):
        rows = page.table(f"{count} {kind} classes")[1:]
        values = sorted(m["per_class"][kind].values())
        assert [row[2] for row in rows] == [f"{v:.3f}" for v in values]
    assert {row[0]: row[1] for row in rows} == {"name 3 (3)": "20", "name 8 (8)": "20"}


def test_single_samples_agree_with_the_model(finished, report):
    run = finished
    page, _ = report(run)
    model, data = tz.load_model(run / "model.npz"), tz.load_dataset(run.parent / "data")
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    for i, c in enumerate((3, 8)):
        labels = result.label[data.y_test == c]
        row = page.table("Labels of the test samples")[1 + i]
        assert row[:2] == [f"{i + 1} name {c} ({c})", "20"]
        percent = [5 * (labels == 3).sum(), 5 * (labels == 8).sum()]
        percent.append(100 - sum(percent))
        assert row[2:] == [str(p) if p else "" for p in percent]
    wrong = page.table("At most 10")[1:]
    for row in wrong:
        i = int(row[0])
        names = [f"name {c} ({c})" for c in (data.y_test[i], result.label[i])]
        assert row[1:3] == names
        assert names[0] != names[1]
        assert row[3] == result.route[i]
        assert float(row[5]) == pytest.approx(result.score[i], abs=1e-6)
    for route in ("SL", "GZSL", "ZSL"):
        all_wrong = result.score[(result.label != data.y_test) & (result.route == route)]
        scores = [float(row[5]) for row in wrong if row[3] == route]
        np.testing.assert_allclose(scores, np.sort(all_wrong)[::-1][:10], atol=1e-6)


def test_configuration_and_dataset(finished, report):
    run = finished
    page, _ = report(run)
    changed = {row[0]: row[1:] for row in page.table("Settings that differ from preset small")}
    assert changed["gan.generator_hidden"] == ["[16]", "[1024]"]
    assert changed["vsmm.epochs"] == ["15", "25"]
    assert "vsmm.weight_ae" not in changed
    assert dict(page.table("[vsmm]"))["epochs"] == "15"
    facts = dict(page.table("Trained on"))
    assert facts["training samples"] == "70"
    assert facts["unseen classes"] == "2"
    assert facts["name or path"] == str(run.parent / "data")
    assert {row[0] for row in page.table("Input files")} >= {"res101.mat", "att_splits.mat"}
    manifest = json.loads((run / "manifest.json").read_text())
    assert dict(page.table("How the run"))["numpy"] == manifest["versions"]["numpy"]


def test_the_page_is_accessible_and_loads_nothing(finished, report):
    page, _ = report(finished)
    assert page.of("html")[0][1]["lang"] == "en"
    assert page.of("title")[0][2] == "Run run - tinygzsl"
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, *_ in page.tags}
    for tag, attrs, _ in page.tags:
        assert not {a for a in attrs if a in ("src", "srcset") or a.startswith("on")}
        assert attrs.get("href", "#").startswith("#")
        assert tag != "th" or attrs["scope"] in ("row", "col")
    assert "url(" not in page.html
    assert "@import" not in page.html
    ids = [attrs["id"] for _, attrs, _ in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a[1]["href"][1:] for a in page.of("a")} <= set(ids)
    assert len(page.svgs()) == 4
    for svg in page.svgs():
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby").split() == [svg[0].get("id"), svg[1].get("id")]
        assert (svg[0].tag, svg[1].tag) == ("title", "desc")
        assert all(len(child.text) > 10 for child in svg[:2])


def test_the_charts_draw_what_was_measured(finished, report):
    run = finished
    entropy, routes, reliability, score = report(run)[0].svgs()
    kinds = [rect.get("class") for rect in entropy.iter("rect")]
    assert {k: kinds.count(k) for k in kinds} == {"seen": 30, "unseen": 30, "proxy": 30}
    assert len([x for x in entropy.iter("line") if x.get("class") == "rule"]) == 2
    widths = [float(rect.get("width")) for rect in routes.iter("rect")]
    shares = json.loads((run / "metrics.json").read_text())["routes"]
    total = 374  # of a bar, in the drawing's units
    wanted = [max(total * s - 1, 0) for k in ("seen", "unseen") for s in shares[k].values()]
    np.testing.assert_allclose(widths, wanted, atol=0.06)
    looks = tz.load_model(run / "model.npz").proxy_source_.looks
    for line in score.iter("polyline"):
        assert len(line.get("points").split()) == len(looks)
    assert len(list(score.iter("circle"))) == 2  # one chosen snapshot in each panel
    groups = json.loads((run / "metrics.json").read_text())["calibration"]["score"]["curve"]
    assert len(list(reliability.iter("circle"))) == len(groups["count"])


def test_the_page_says_whether_the_score_is_a_probability(finished, report):
    page, _ = report(finished)
    found = json.loads((finished / "metrics.json").read_text())["calibration"]["score"]
    said = f"The score is {verdict('score', found)}. Its Brier score is {found['brier']:.3f}, its "
    assert f"{said}ECE {found['ece']:.3f}; the ECE of a calibrated score is below " in page.text()
    assert f"below {found['ece_limit']:.3f} on these samples in 95 of 100 cases" in page.text()
    assert "Its gate is 1, 0.5 or 0, and no probability." in page.text()


def test_names_are_escaped(make_run, report):
    names = np.array([[SCRIPT] if c in (1, 8) else [f"n_{c}\x07&\"'"] for c in range(1, 9)], object)
    page, _ = report(make_run(allclasses_names=names))
    assert "<script" not in page.html
    shown = [row[0] for row in page.table("2 unseen classes")[1:]]
    assert f"{SCRIPT} (8)" in shown
    assert "n_3\\x07&\"' (3)" in shown
    assert page.table("Labels of")[2][0] == f"2 {SCRIPT} (8)"


def test_the_name_of_the_folder_is_escaped(finished, report, tmp_path):
    shutil.copytree(finished, tmp_path / '<b>&"')
    page, _ = report(tmp_path / '<b>&"')
    assert "<title>Run &lt;b&gt;&amp;&quot; - tinygzsl</title>" in page.html
    assert page.of("h1")[0][2] == 'Run <b>&"'


def test_the_same_run_gives_the_same_bytes(finished, report, tmp_path):
    run = finished
    pages = [report(run, "--out", tmp_path / name)[0].html for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]
