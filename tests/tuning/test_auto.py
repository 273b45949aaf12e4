"""preset="auto": a search and the training in one fit, on the same seen samples."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.datasets import save_npz
from tinygzsl.tuning import auto
from tinygzsl.tuning.auto import BASE, training_set
from tinygzsl.tuning.folds import disjoint_folds, folds

pytestmark = pytest.mark.filterwarnings("ignore:validation chose the least or greatest")

FIXED = {
    "scale_features": "standard",
    "gan_output": "linear",
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 1e-2,
    "gan_batch": 16,
    "gan_max_epochs": 24,
    "cs_low": 0.01,
    "cs_high": 0.3,
    "proxy_count": 100,
    "vsmm_latent": 16,
    "vsmm_lr": 1e-2,
    "vsmm_batch": 16,
    "vsmm_epochs": 8,
    "router_metric": "euclidean",
}


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


def _toml(value):
    """A setting as the command line takes it."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def fit(data, y=None, **params):
    y = data.y_train if y is None else y
    return tz.EntropySeparationGZSL(**params).fit(data.X_train, y, data.seen_prototypes)


def test_it_is_tune_and_fit(data, tmp_path):
    phases = []
    model = fit(data, preset="auto", callback=lambda _, logs: phases.append(logs["phase"]), **FIXED)
    found = tz.tune(data.training(), BASE, FIXED)
    assert model.settings_ == found.settings
    alone = fit(data, preset=BASE, **{**FIXED, **found.chosen})
    for one, other in zip(model.vsmm_.params, alone.vsmm_.params, strict=True):
        np.testing.assert_array_equal(one, other)
    assert phases[0] == "tune"
    assert phases[-1] == "vsmm"
    assert (model.preset, model.router_gate) == ("auto", None)  # parameters stay what was passed
    model.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    assert (loaded.preset, loaded.settings_) == (BASE, found.settings)
    assert loaded.vsmm_lr == FIXED["vsmm_lr"]
    labels = (
        m.predict(data.X_test, data.unseen_prototypes, data.unseen_classes) for m in (model, loaded)
    )
    np.testing.assert_array_equal(*labels)


def test_what_the_user_set_stays(data):
    model = fit(data, preset="auto", **FIXED, vsmm_weight_es=0.0, router_gate="soft")
    for name, value in {**FIXED, "vsmm_weight_es": 0.0, "router_gate": "soft"}.items():
        assert getattr(model.settings_, name) == value


def test_labels_may_be_strings(data):
    names = np.array([f"class {label}" for label in data.y_train])
    options = {"preset": "auto", **FIXED, "vsmm_weight_es": 0.0}
    assert fit(data, names, **options).settings_ == fit(data, **options).settings_


def test_too_few_classes_are_said(data, sentence):
    few = np.isin(data.y_train, data.seen_classes[:3])
    model = tz.EntropySeparationGZSL(preset="auto", **FIXED)
    with sentence(ValueError, "at least 4 seen classes", "have 3"):
        model.fit(data.X_train[few], data.y_train[few], data.seen_prototypes[:3])


def test_a_training_set_of_what_fit_is_given(data):
    arrays = data.X_train, data.y_train, data.seen_prototypes
    training = training_set(*arrays)
    assert training.validation is None
    np.testing.assert_array_equal(training.classes, data.seen_classes)
    for one, other in zip((training.X, training.y, training.prototypes), arrays, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:entropy hardly tells")
def test_the_search_in_python_is_that_of_a_file_with_a_validation_split(data, tmp_path, run_cli):
    """`train --preset auto` reads the split of the file; fit is told its classes."""
    rows = np.isin(data.y_train, data.seen_classes[[1, 3]])
    split = replace(data, validation=(np.flatnonzero(~rows), np.flatnonzero(rows)))
    save_npz(split, tmp_path / "split.npz")
    fixed = {**FIXED, "vsmm_weight_es": 0.0}
    sets = (f"{name.replace('_', '.', 1)}={_toml(value)}" for name, value in fixed.items())
    options = (part for text in sets for part in ("--set", text))
    command = ("train", tmp_path / "split.npz", "--preset", "auto", "--out", tmp_path / "run")
    trained = run_cli(*command, *options)
    assert trained.exit_code == 0, trained.stderr
    of_file = tz.load_model(tmp_path / "run" / "model.npz")

    loaded = tz.load_dataset(tmp_path / "split.npz")
    assert list(loaded.validation_classes[1]) == list(data.seen_classes[[1, 3]])
    arrays = loaded.X_train, loaded.y_train, loaded.seen_prototypes
    model = tz.EntropySeparationGZSL(preset="auto", **fixed)
    model.fit(*arrays, validation_classes=loaded.validation_classes)
    assert model.settings_ == of_file.settings_
    for one, other in zip(model.vsmm_.params, of_file.vsmm_.params, strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_classes_make_the_first_fold(data, monkeypatch):
    seen = []
    monkeypatch.setattr(auto, "tune", lambda training, *_, **__: seen.append(training) or 1 / 0)
    model = tz.EntropySeparationGZSL(preset="auto", **FIXED)
    arrays = data.X_train, data.y_train, data.seen_prototypes
    with pytest.raises(ZeroDivisionError):
        model.fit(*arrays, validation_classes=(data.seen_classes[:2], data.seen_classes[3:]))
    first, second = folds(seen[0], count=2)
    assert list(first.seen_classes) == list(data.seen_classes[:2])
    assert list(first.unseen_classes) == list(data.seen_classes[3:])
    assert list(second.unseen_classes) == list(folds(data.training(), count=1)[0].unseen_classes)
    assert list(disjoint_folds(seen[0])[0].unseen_classes) == list(data.seen_classes[3:])


@pytest.mark.parametrize(
    ("preset", "classes", "parts"),
    [
        ("small", ([0, 1], [3]), ("validation_classes", "preset 'small' has no validation")),
        ("auto", ([0, 1], [99]), ("validation_classes has 99", "not a label in y")),
        ("auto", ([0, 1], [1, 3]), ("2 pseudo-seen and 2", "1 of them in both")),
        ("auto", ([0], [3]), ("1 pseudo-seen", "at least two and one")),
        ("auto", ([0, 1], [0.5]), ("validation_classes has the label 0.5",)),
        ("auto", [0, 1, 3], ("validation_classes is [0, 1, 3]", "two arrays of labels")),
    ],
)
def test_validation_classes_that_can_t_be(data, sentence, preset, classes, parts):
    model = tz.EntropySeparationGZSL(preset=preset, **FIXED)
    with sentence(ValueError, *parts):
        model.fit(data.X_train, data.y_train, data.seen_prototypes, validation_classes=classes)


@pytest.mark.filterwarnings("ignore:entropy hardly tells", "ignore:the classifier gets")
def test_the_search_has_the_models_seed_and_edges_are_a_warning(data, monkeypatch):
    options, search = [], auto.tune

    def spy(training, preset, overrides, **top):
        options.append(top)
        return search(training, preset, overrides, **top)._replace(edges=["vsmm_lr", "cs_low"])

    monkeypatch.setattr(auto, "tune", spy)
    with pytest.warns(UserWarning, match="value tried for vsmm_lr, cs_low") as caught:
        fit(data, preset="auto", seed=7, **FIXED, vsmm_weight_es=0.0)
    assert options[0]["seed"] == 7
    assert any(w.filename == __file__ for w in caught)


def test_the_search_of_auto_is_of_the_models_dtype_and_threads(tiny_dataset, monkeypatch):
    found, data = {}, tiny_dataset()
    monkeypatch.setattr(auto, "tune", lambda *args, **top: found.update(top) or 1 / 0)
    model = tz.EntropySeparationGZSL(preset="auto", seed=7, dtype="float64", threads=1)
    with pytest.raises(ZeroDivisionError):
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
    assert found == {"seed": 7, "device": "cpu", "dtype": "float64", "threads": 1, "callback": None}


def test_what_a_search_is_told_points_at_the_call_of_fit(tiny_dataset, monkeypatch):
    data = tiny_dataset()
    found = SimpleNamespace(edges=["vsmm_lr"], chosen=None)
    monkeypatch.setattr(auto, "tune", lambda *args, **top: found)
    model, arrays = tz.EntropySeparationGZSL(preset="auto"), (data.X_train, data.y_train)
    with pytest.warns(UserWarning, match="value tried for") as caught, pytest.raises(TypeError):
        model.fit(*arrays, data.seen_prototypes)
    (warning,) = caught
    assert warning.filename == __file__


def test_a_search_gets_arrays_of_the_host_and_the_models_device(monkeypatch):
    class OnDevice:
        def __init__(self, array):
            self.array = array

    monkeypatch.setattr(auto, "to_host", lambda a: a.array)
    X, A = np.ones((4, 2)), np.eye(2)
    training = auto.training_set(OnDevice(X), np.array([0, 0, 1, 1]), OnDevice(A))
    assert training.X is X and training.prototypes is A
    found = {}
    monkeypatch.setattr(auto, "tune", lambda *args, **top: found.update(top) or 1 / 0)
    params = {"seed": 3, "device": "cuda", "dtype": "float64", "threads": 2, "callback": None}
    with pytest.raises(ZeroDivisionError):
        auto.tuned(training, params)
    assert found == params
