import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl import checkpoints
from tinygzsl.storage import arrays_file
from tinygzsl.storage.checksums import read_json

OLD = Path(__file__).parent / "data" / "v0.1.0"
OLD_MODELS = ("run/model.npz", "soft.npz", "measured.npz")


@pytest.fixture
def fitted(tiny_dataset, small_model):
    """fitted(**changes) -> a model fitted on the tiny dataset, and the dataset."""

    def fit(**changes):
        data = tiny_dataset()
        t = data.training()
        return small_model(**changes).fit(t.X, t.y, t.prototypes), data

    return fit


@pytest.fixture
def old(tmp_path):
    """A copy of the files that version 0.1.0 wrote: a run with a CWGAN, models of the other gates,
    the data and what came of its test samples.
    """
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.mark.wheel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_predicts_bit_identically(fitted, tmp_path, dtype):
    model, data = fitted(dtype=dtype)
    model.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    args = (data.X_test, data.unseen_prototypes, data.unseen_classes)
    for one, other in zip(model.route(*args), loaded.route(*args), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        model.predict_proba(data.X_test), loaded.predict_proba(data.X_test)
    )
    np.testing.assert_array_equal(model.sample_proxies(20), loaded.sample_proxies(20))
    assert loaded.set_params(callback=None).get_params() == model.get_params()
    assert loaded.settings_ == model.settings_
    assert loaded.history_ == model.history_
    assert loaded.proxy_source_.looks == model.proxy_source_.looks
    assert tz.evaluate(loaded, data) == tz.evaluate(model, data)


def test_saving_a_loaded_model_gives_the_same_bytes(fitted, tmp_path):
    model, _ = fitted(proxy_from="pool")
    model.save(tmp_path / "a.npz")
    tz.load_model(tmp_path / "a.npz").save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.wheel
def test_labels_may_be_text(tiny_dataset, small_model, tmp_path):
    data = tiny_dataset()
    t = data.training()
    names = np.array([f"bird {c}" for c in range(7)])
    model = small_model(vsmm_weight_es=0.0).fit(t.X, names[t.y], t.prototypes)
    model.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    label = loaded.predict(data.X_test, data.unseen_prototypes, names[data.unseen_classes])
    assert set(label) <= set(names)
    assert np.mean(label == names[data.y_test]) > 0.5


def test_a_model_file_holds_no_pickle_and_no_unseen_prototype(fitted, tmp_path):
    model, data = fitted()
    model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    unseen = data.unseen_prototypes / np.linalg.norm(data.unseen_prototypes, axis=1)[:, None]
    for array in arrays.values():
        assert array.dtype != object
        if array.ndim == 2 and array.shape[1] == unseen.shape[1]:
            gaps = abs(array[:, None] - unseen[None]).max(axis=2)
            assert gaps.min() > 1e-3


def test_an_unfitted_model_is_not_saved(small_model, tmp_path, sentence):
    with sentence(ValueError, "not fitted", "fit"):
        small_model().save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "damaged"), (b"no zip", "damaged"), (b"PK\x03\x04 cut off", "damaged")],
)
def test_a_file_that_is_no_model(tmp_path, content, part, sentence):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with sentence(ValueError, path, part):
        tz.load_model(path)


def test_a_damaged_model(fitted, tmp_path, sentence):
    model, _ = fitted(vsmm_weight_es=0.0)
    path = tmp_path / "model.npz"
    model.save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with sentence(ValueError, path, "damaged"):
        tz.load_model(path)


def test_another_format_and_another_kind(tmp_path, sentence):
    path = tmp_path / "x.npz"
    arrays_file.write_npz(path, arrays_file.State({"kind": "model", "format": 99}, {}))
    with sentence(ValueError, "format 99", "format 2"):
        tz.load_model(path)
    header = {"kind": "checkpoint", "format": arrays_file.FORMAT}
    arrays_file.write_npz(path, arrays_file.State(header, {}))
    with sentence(ValueError, "checkpoint file", "a model"):
        tz.load_model(path)


def test_a_missing_model(tmp_path, sentence):
    with sentence(FileNotFoundError, tmp_path / "none.npz", "does not exist"):
        tz.load_model(tmp_path / "none.npz")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_leaves_the_old_file(fitted, tmp_path, monkeypatch, error):
    model, _ = fitted(vsmm_weight_es=0.0)
    path = tmp_path / "model.npz"
    path.write_bytes(b"the old one")

    def half(file, **arrays):
        file.write(b"half a model")
        raise error

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(type(error)):
        model.save(path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


class Stop(Exception):
    pass


@pytest.mark.wheel
@pytest.mark.parametrize("proxy_from", ["single", "pool"])
def test_a_run_resumed_from_its_checkpoint_ends_with_the_same_bits(
    tiny_dataset, small_model, tmp_path, proxy_from
):
    t = tiny_dataset().training()

    def stop_at_44(step, logs):
        if logs["phase"] == "gan" and step == 44:
            raise Stop

    common = {"cs_high": 0.9, "gan_max_epochs": 8, "cs_low": 0.001, "proxy_from": proxy_from}
    common["gan_train_on"] = (
        proxy_from == "single"
    )  # else it ends with its snapshot, before step 44
    gan = checkpoints.GanCheckpoint(tmp_path / "gan.npz", "same", seconds=0)
    saved = checkpoints.Checkpoints(gan)
    whole = small_model(**common).fit(t.X, t.y, t.prototypes)
    with pytest.raises(Stop):
        stopped = small_model(**common, callback=stop_at_44)
        stopped.fit(t.X, t.y, t.prototypes, checkpoint=saved)
    with np.load(tmp_path / "gan.npz") as file:
        assert file["step"] == 43
    resumed = small_model(**common).fit(t.X, t.y, t.prototypes, checkpoint=saved)
    assert resumed.proxy_source_.looks == whole.proxy_source_.looks
    assert len(resumed.proxy_source_.snapshots) == len(whole.proxy_source_.snapshots)
    for one, other in zip(whole.vsmm_.params, resumed.vsmm_.params, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_of_other_data_is_refused(tiny_dataset, small_model, tmp_path, sentence):
    t = tiny_dataset().training()
    path = tmp_path / "gan.npz"
    one, other = (
        checkpoints.Checkpoints(checkpoints.GanCheckpoint(path, text)) for text in ("one", "other")
    )
    small_model().fit(t.X, t.y, t.prototypes, checkpoint=one)
    with sentence(ValueError, path, "other training data or settings"):
        small_model().fit(t.X, t.y, t.prototypes, checkpoint=other)


def test_the_header_is_plain_json(fitted, tmp_path):
    model, _ = fitted()
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        header = json.loads(str(file["header"]))
    assert header["params"]["preset"] == "small"
    assert header["source"]["reference"] == pytest.approx(model.proxy_source_.reference)


# Files of version 0.1.0


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("file", "prefix", "same", "close"),
    [
        ("run/model.npz", "", ("label", "route"), ("entropy", "score")),
        ("soft.npz", "soft_", ("label",), ("score", "gate")),
        ("measured.npz", "measured_", ("label",), ("score",)),
    ],
)
def test_a_model_of_version_0_1_0_predicts_what_it_did(old, file, prefix, same, close):
    data, model = tz.load_dataset(old / "tiny.npz"), tz.load_model(old / file)
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    with np.load(old / "expected.npz") as expected:
        for name in same:
            np.testing.assert_array_equal(getattr(result, name), expected[prefix + name])
        for name in close:
            found, wanted = getattr(result, name), expected[prefix + name]
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_the_models_of_version_0_1_0_are_of_every_kind(old):
    hard, soft, measured = (tz.load_model(old / file) for file in OLD_MODELS)
    assert (hard.settings_.router_gate, hard.entropy_scale_) == ("hard", None)
    assert (soft.settings_.router_gate, soft.proxy_source_) == ("soft", None)
    assert measured.settings_.router_unit == "measured"
    assert len(measured.entropy_scale_) == 2
    for model in (hard, measured):
        assert model.sample_proxies(5).shape == (5, 12)


@pytest.mark.parametrize("file", OLD_MODELS)
def test_a_model_of_version_0_1_0_is_saved_as_it_was(old, file, tmp_path):
    """But for the settings of the learned gate, which that version had not."""
    tz.load_model(old / file).save(tmp_path / "again.npz")
    with np.load(old / file) as one, np.load(tmp_path / "again.npz") as other:
        assert one.files == other.files
        for name in set(one.files) - {"header"}:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name])
    was, now = (arrays_file.read_npz(p, "model")[0] for p in (old / file, tmp_path / "again.npz"))
    added = {
        name: now["settings"].pop(name) for name in set(now["settings"]) - set(was["settings"])
    }
    new = ("features", "weights", "means", "deviations", "intercept", "kappa", "offset")
    assert added.keys() == {f"router_{name}" for name in (*new, "fold_unseen")}
    defaults = {name: getattr(tz.settings.Settings(), name) for name in added}
    assert json.loads(json.dumps(defaults)) == added
    assert now.pop("gap_scale") is None
    assert now == was


def test_a_run_of_version_0_1_0_is_evaluated(old, run_cli):
    """Its data lay elsewhere, so --data names them."""
    result = run_cli("evaluate", old / "run", "--data", old / "tiny.npz", "--json")
    assert result.exit_code == 0, result.stderr
    found, wanted = json.loads(result.stdout), read_json(old / "run" / "metrics.json", "again")
    assert list(found["inputs"].values()) == list(wanted["inputs"].values())
    for name in ("S", "U", "H", "auroc", "ausuc"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-6)
    for name in ("routes", "model_sha256", "thresholds", "n_test"):
        assert found[name] == wanted[name]


def test_a_run_of_version_0_1_0_goes_on(old, run_cli):
    """From its checkpoints, which hold the end of both phases: nothing is left but to write it."""
    run = old / "run"
    with np.load(run / "model.npz") as file:
        wanted = {name: file[name] for name in file.files if name != "header"}
    for name in ("model.npz", "manifest.json", "metrics.json", "curves.csv"):
        (run / name).unlink()
    text = (run / "config.toml").read_text()
    path = next(line for line in text.splitlines() if line.startswith("name_or_path"))
    here = json.dumps(str(old / "tiny.npz"))
    (run / "config.toml").write_text(text.replace(path, f"name_or_path = {here}"))
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 0, result.stderr
    assert "is of other settings" not in result.stderr
    with np.load(run / "model.npz") as file:
        for name, array in wanted.items():
            np.testing.assert_allclose(file[name], array, rtol=0, atol=1e-6, err_msg=name)
