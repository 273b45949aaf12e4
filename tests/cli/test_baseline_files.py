"""`evaluate` and `predict` on the files of baselines and of the router in front of one."""

import csv
import io
import json

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, GGM
from tinygzsl.baselines.common.calibration import fit_on
from tinygzsl.stacking import RoutedGZSL


@pytest.fixture
def dataset(data):
    return tz.load_dataset(data)


@pytest.fixture
def file(tmp_path, dataset):
    """file(model) -> the path of its file, after it was fitted."""

    def save(model):
        fit_on(model, dataset).save(tmp_path / "m.npz")
        return tmp_path / "m.npz"

    return save


@pytest.fixture
def router(small_model):
    return small_model(vsmm_weight_es=0.0, router_delta_low=0.1, router_delta_high=0.6)


@pytest.fixture
def features(tmp_path, dataset):
    np.save(tmp_path / "x.npy", dataset.X_test)
    names = ",".join(f"a{i}" for i in range(dataset.unseen_prototypes.shape[1]))
    pairs = zip(dataset.unseen_classes, dataset.unseen_prototypes.tolist(), strict=True)
    lines = [f"{label},{','.join(map(str, row))}" for label, row in pairs]
    (tmp_path / "unseen.csv").write_text("\n".join([f"label,{names}", *lines]) + "\n")
    return tmp_path / "x.npy", "--unseen", tmp_path / "unseen.csv"


def test_a_baseline_is_evaluated(run_cli, file, data, dataset):
    path = file(ESZSL(offset=0.7))
    result = run_cli("evaluate", path, "--data", data, "--json")
    assert result.exit_code == 0, result.output
    found, wanted = json.loads(result.stdout), tz.evaluate(tz.load_model(path), dataset)
    assert {k: found[k] for k in ("S", "U", "H", "offset", "no_offset", "zsl")} == {
        k: wanted[k] for k in ("S", "U", "H", "offset", "no_offset", "zsl")
    }
    said = run_cli("evaluate", path, "--data", data).stdout
    assert f"ESZSL, offset 0.7       {wanted['S']:6.3f} {wanted['U']:6.3f}" in said
    assert f"offset 0                {wanted['no_offset']['S']:6.3f}" in said
    assert f"zero-shot (unseen only) {wanted['zsl']:.3f}" in said
    assert "strict" not in said and "eq. 10" not in said


def test_what_is_not_strict_is_marked(run_cli, file, data, router):
    for model in (GGM(), RoutedGZSL(router=router, expert=GGM())):
        said = run_cli("evaluate", file(model), "--data", data).stdout
        assert said.endswith("not strict: trained with the prototypes of the unseen classes\n")


def test_a_routed_baseline_is_evaluated(run_cli, file, data, dataset, router):
    path = file(RoutedGZSL(router=router, expert=ESZSL()))
    said = run_cli("evaluate", path, "--data", data).stdout
    wanted = tz.evaluate(tz.load_model(path), dataset)
    assert f"router (eq. 10)         {wanted['S']:6.3f}" in said
    assert f"ESZSL for every sample  {wanted['gzsl']['S']:6.3f}" in said


def test_a_file_with_another_device_or_without_data_is_refused(
    run_cli, file, data, features, one_error_line
):
    path = file(ESZSL())
    one_error_line(run_cli("evaluate", path), "pass --data")
    result = run_cli("evaluate", path, "--data", data, "--device", "cuda")
    one_error_line(result, "ESZSL runs on the CPU only")
    one_error_line(run_cli("predict", path, *features, "--device", "cuda"), "CPU only")


def test_labels_and_scores_of_a_baseline(run_cli, file, features, dataset):
    path = file(ESZSL(offset=0.7))
    result = run_cli("predict", path, *features)
    assert result.exit_code == 0, result.output
    rows, model = list(csv.DictReader(io.StringIO(result.stdout))), tz.load_model(path)
    assert list(rows[0]) == ["label", "score"]
    unseen = dataset.unseen_prototypes, dataset.unseen_classes
    assert [int(r["label"]) for r in rows] == model.predict(dataset.X_test, *unseen).tolist()
    p = model.predict_proba(dataset.X_test, unseen[0]).max(axis=1)
    np.testing.assert_allclose([float(r["score"]) for r in rows], p, rtol=1e-4)
    result = run_cli("predict", path, features[0], "--json")
    found = json.loads(result.stdout)["predictions"]
    assert [row["label"] for row in found] == model.predict(dataset.X_test).tolist()


def test_labels_of_a_routed_baseline(run_cli, file, features, dataset, router):
    path = file(RoutedGZSL(router=router, expert=ESZSL()))
    model = tz.load_model(path)
    for options, unseen in (
        (features, (dataset.unseen_prototypes, dataset.unseen_classes)),
        (features[:1], (None, None)),
    ):
        result = run_cli("predict", path, *options)
        assert result.exit_code == 0, result.output
        rows, found = (
            list(csv.DictReader(io.StringIO(result.stdout))),
            model.route(dataset.X_test, *unseen),
        )
        assert list(rows[0]) == ["label", "route", "entropy", "gate"]
        assert [int(row["label"]) for row in rows] == found.label.tolist()
        assert [row["route"] for row in rows] == found.route.tolist()


def test_a_run_folder_is_of_our_own_method(run_cli, trained, file, one_error_line):
    model = file(ESZSL())
    (trained / "model.npz").write_bytes(model.read_bytes())
    one_error_line(run_cli("evaluate", trained), "model.npz")
    one_error_line(run_cli("report", trained), "ESZSL", "`train` doesn't make")
