"""The strict promise: nothing of an unseen class or of a test sample can reach training."""

import gc
import json
from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.datasets import load_dataset, save_csv, save_npz
from tinygzsl.storage.checksums import fingerprint
from tinygzsl.tuning.folds import folds

UNSEEN = (3, 8)


@pytest.fixture
def train(run_cli, fast_options):
    """train(folder, out, seed=0) -> the arrays of the model that `tinygzsl train` makes."""

    def call(folder, out, seed=0):
        result = run_cli("train", folder, *fast_options, "--seed", seed, "--out", out)
        assert result.exit_code == 0, result.output
        with np.load(out / "model.npz") as file:
            return {name: file[name] for name in file.files}

    return call


def permuted(values):
    return values[:, ::-1]


def scaled(values):
    return 1000 * values


def made_nan(values):
    return np.full_like(values, np.nan)


@pytest.fixture
def changed(write_xlsa17, tmp_path):
    """changed(name, f): a copy of the dataset's files with f applied to the columns of all unseen
    prototypes and of all test features.
    """
    original = write_xlsa17(tmp_path / "data")
    test = np.concatenate([original["test_seen_loc"], original["test_unseen_loc"]]).ravel()

    def make(change):
        features, att = original["features"].copy(), original["att"].copy()
        test_columns, unseen_columns = test.astype(int) - 1, np.array(UNSEEN) - 1
        features[:, test_columns] = change(features[:, test_columns])
        att[:, unseen_columns] = change(att[:, unseen_columns])
        folder = tmp_path / change.__name__ / "data"
        write_xlsa17(folder, features=features, att=att)
        return folder

    return make


@pytest.mark.parametrize("kind", ["npz", "csv"])
@pytest.mark.parametrize("change", [permuted, scaled, made_nan])
def test_weights_do_not_depend_on_unseen_or_test_data_of_own_files(
    change, kind, tiny_dataset, train, tmp_path
):
    data = tiny_dataset()
    other = replace(
        data,
        X_test=change(data.X_test.T).T,
        unseen_prototypes=change(data.unseen_prototypes.T).T,
    )
    models = []
    for name, dataset in (("one", data), ("other", other)):
        path = tmp_path / name / ("data.npz" if kind == "npz" else "data")
        path.parent.mkdir()
        (save_npz if kind == "npz" else save_csv)(dataset, path)
        models.append(train(path, tmp_path / f"run-{name}"))
    for name, array in models[0].items():
        np.testing.assert_array_equal(array, models[1][name], err_msg=name)


@pytest.mark.parametrize("kind", ["npz", "csv"])
@pytest.mark.parametrize("change", [permuted, scaled, made_nan])
def test_what_training_receives_of_views_does_not_depend_on_unseen_rows(
    change, kind, tiny_dataset, tmp_path
):
    data, found = tiny_dataset(), []
    seen = {"att": data.seen_prototypes, "sent": data.seen_prototypes[:, :3] + 1}
    unseen = {"att": data.unseen_prototypes, "sent": data.unseen_prototypes[:, :3] + 1}
    changed = {view: change(array.T).T for view, array in unseen.items()}
    for name, prototypes in (("one", unseen), ("other", changed)):
        path = tmp_path / name / ("data.npz" if kind == "npz" else "data")
        path.parent.mkdir()
        views = replace(data, seen_prototypes=seen, unseen_prototypes=prototypes)
        (save_npz if kind == "npz" else save_csv)(views, path)
        found.append(load_dataset(path, prototypes="att,sent").training())
    one, other = found
    assert one.notes == other.notes
    assert fingerprint(one.X, one.y, one.prototypes) == fingerprint(
        other.X, other.y, other.prototypes
    )
    for fold, same in zip(folds(one), folds(other), strict=True):
        assert fold.sha256() == same.sha256()


@pytest.mark.wheel
@pytest.mark.parametrize("change", [permuted, scaled, made_nan])
def test_weights_do_not_depend_on_unseen_or_test_data(change, changed, tmp_path, train):
    original = train(tmp_path / "data", tmp_path / "run")
    other = train(changed(change), tmp_path / "run-changed")
    assert original.keys() == other.keys()
    for name, array in original.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_weights_do_depend_on_training_data(write_xlsa17, tmp_path, train):
    content = write_xlsa17(tmp_path / "data")
    features = content["features"].copy()
    features[1, content["trainval_loc"][0, 0] - 1] += 0.5
    write_xlsa17(tmp_path / "other", features=features)
    one, other = (train(tmp_path / name, tmp_path / f"run-{name}") for name in ("data", "other"))
    assert not np.array_equal(one["f_v.0"], other["f_v.0"])


def test_evaluate_refuses_nan_and_writes_no_metrics(changed, tmp_path, train, run_cli):
    folder = changed(made_nan)
    train(folder, tmp_path / "run")
    result = run_cli("evaluate", tmp_path / "run")
    assert result.exit_code == 2
    assert "NaN or inf" in result.output
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_predict_refuses_nan_prototypes(changed, tmp_path, write_xlsa17, train, run_cli):
    folder = changed(made_nan)
    train(folder, tmp_path / "run")
    np.save(tmp_path / "x.npy", np.zeros((2, 10)))
    (tmp_path / "unseen.csv").write_text("label,a,b,c,d,e,f\n3,nan,0,0,0,0,0\n")
    args = (tmp_path / "run", tmp_path / "x.npy", "--unseen", tmp_path / "unseen.csv")
    run_predict = run_cli("predict", *args)
    assert run_predict.exit_code == 2
    assert "unseen_prototypes has 1 values that are NaN or inf" in run_predict.output


@pytest.mark.wheel
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(write_xlsa17, tmp_path, train):
    write_xlsa17(tmp_path / "data")
    a, b = (train(tmp_path / "data", tmp_path / f"run{i}", seed=7) for i in range(2))
    other = train(tmp_path / "data", tmp_path / "run2", seed=8)
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)
    assert not np.array_equal(a["f_v.0"], other["f_v.0"])


def test_checksum_of_the_training_data_ignores_the_rest(changed, tmp_path, train):
    train(tmp_path / "data", tmp_path / "run")
    train(changed(scaled), tmp_path / "run-changed")
    manifests = [
        json.loads((tmp_path / name / "manifest.json").read_text())
        for name in ("run", "run-changed")
    ]
    assert manifests[0]["training_sha256"] == manifests[1]["training_sha256"]
    assert manifests[0]["inputs"].values() != manifests[1]["inputs"].values()


def test_no_unseen_value_is_reachable_from_what_training_receives(tiny_dataset):
    data = tiny_dataset()
    data.unseen_prototypes[:] = 12345.5
    data.X_test[:] = 12345.5
    training = data.training()
    for array in arrays_reachable_from(training):
        if array.dtype.kind == "f":
            assert not (array == 12345.5).any()


def test_no_unseen_value_of_a_view_is_reachable(tiny_dataset):
    data = tiny_dataset()
    both = np.concatenate([data.seen_prototypes, np.full((2, 6), 12345.5, np.float32)])
    views = {"att": both, "sent": both[:, :3]}  # seen and unseen rows in one buffer
    data = replace(
        data,
        seen_prototypes={view: array[:5] for view, array in views.items()},
        unseen_prototypes={view: array[5:] for view, array in views.items()},
    )
    for array in arrays_reachable_from(data.training()):
        if array.dtype.kind == "f":
            assert not (array == 12345.5).any()


def test_the_search_for_reachable_arrays_sees_through_views(tiny_dataset):
    both = np.full((4, 3), 12345.5)
    assert any((a == 12345.5).any() for a in arrays_reachable_from({"view": [both[:2]]}))


def arrays_reachable_from(thing):
    """Every NumPy array that can be reached by references, bases of views included."""
    found, queue, met = [], [thing], set()
    while queue:
        item = queue.pop()
        if id(item) in met or isinstance(item, type) or callable(item):
            continue
        met.add(id(item))
        if isinstance(item, np.ndarray):
            found.append(item)
            queue.append(item.base)
        elif isinstance(item, dict | list | tuple | set) or hasattr(item, "__dict__"):
            queue += [r for r in gc.get_referents(item) if not isinstance(r, type)]
    return found
