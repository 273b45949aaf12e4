"""Files of baselines: the same predictions after loading, nothing unseen in them, refusals."""

import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import METHODS, SAE
from tinygzsl.baselines.common.base import Baseline
from tinygzsl.baselines.common.trained import Values
from tinygzsl.baselines.methods import from_state, method
from tinygzsl.storage.arrays_file import State, read_npz, write_npz

every = pytest.mark.parametrize("name", METHODS)
STRICT = [name for name in METHODS if method(name).strict]
OTHERS = [name for name in METHODS if name not in STRICT]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def unseen(data):
    return data.unseen_prototypes, data.unseen_classes


@pytest.mark.wheel
@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_predicts_bit_identically(name, dtype, fit, tiny_dataset, path):
    data, model = tiny_dataset(), fit(name, dtype=dtype, offset=np.float32(0.3))
    model.save(path)
    loaded = tz.load_model(path)
    assert type(loaded) is method(name)
    for unseen_prototypes in (None, data.unseen_prototypes):
        one, other = (m.decision_function(data.X_test, unseen_prototypes) for m in (model, loaded))
        assert one.tobytes() == other.tobytes()
        one, other = (m.predict_proba(data.X_test, unseen_prototypes) for m in (model, loaded))
        assert one.tobytes() == other.tobytes()
    one, other = (m.predict(data.X_test, *unseen(data)) for m in (model, loaded))
    np.testing.assert_array_equal(one, other)
    assert loaded.get_params() == {**model.get_params(), "threads": None, "callback": None}
    assert tz.evaluate(loaded, data) == tz.evaluate(model, data)
    public = {key for key in vars(model) if key.endswith("_")}
    assert public <= set(vars(loaded))
    again = path.with_name("again.npz")
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", STRICT)
def test_a_strict_methods_file_holds_no_unseen_prototype(name, fit, tiny_dataset, path):
    data, model = tiny_dataset(), fit(name)
    model.predict(data.X_test, *unseen(data))
    tz.evaluate(model, data)
    model.save(path)
    header, arrays = read_npz(path, "baseline")
    assert header["strict"] is True
    a = data.unseen_prototypes
    for prototypes in (a, a / np.linalg.norm(a, axis=1)[:, None]):
        for array in arrays.values():
            if array.ndim == 2 and array.shape[1] == a.shape[1]:
                assert np.abs(array[:, None] - prototypes).max(axis=2).min() > 1e-3
    other = fit(name)
    other.predict(data.X_test, 3 * a + 1, data.unseen_classes)
    other.save(path.with_name("other.npz"))
    assert path.with_name("other.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_say_that_they_are_not_strict(name, fit, tiny_dataset, path, sentence):
    data = tiny_dataset()
    fit(name).save(path)
    header, arrays = read_npz(path, "baseline")
    assert header["strict"] is False
    np.testing.assert_array_equal(arrays["_unseen_prototypes"], data.unseen_prototypes)
    with sentence(ValueError, "are different"):
        tz.load_model(path).predict(data.X_test, 2 * data.unseen_prototypes, data.unseen_classes)


@every
def test_files_hold_no_training_sample(name, fit, tiny_dataset):
    data = tiny_dataset()
    for array in fit(name).state().arrays.values():
        assert array.dtype != object
        if array.ndim == 2 and array.shape[1] == data.X_train.shape[1]:
            assert np.abs(array[:, None] - data.X_train).max(axis=2).min() > 1e-3


@every
def test_each_part_that_is_missing_or_wrong_is_a_sentence(name, fit, path, sentence):
    header, arrays = fit(name).state()
    for key, array in arrays.items():
        bad = [None, array[None], array[:-1]]
        bad += [np.full_like(array, np.nan)] if array.dtype.kind == "f" else []
        for changed in bad:
            others = {k: v for k, v in arrays.items() if k != key}
            write_npz(path, State(header, others if changed is None else others | {key: changed}))
            with sentence(ValueError, path, "damaged model file"):
                tz.load_model(path)
    for key in ("method", "strict", "params", "unit_rows", "score_scale", "trained"):
        write_npz(path, State({k: v for k, v in header.items() if k != key}, arrays))
        with sentence(ValueError, path):
            tz.load_model(path)
    for key in header["trained"]:
        fewer = {k: v for k, v in header["trained"].items() if k != key}
        write_npz(path, State({**header, "trained": fewer}, arrays))
        with sentence(ValueError, path, f"no '{key}'"):
            tz.load_model(path)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"method": "SAE"}, "model file"),
        ({"method": "Unknown"}, "not one of tinygzsl's methods"),
        ({"method": 3}, "not one of tinygzsl's methods"),
        ({"strict": False}, "it holds ESZSL"),
        ({"params": {"nothing": 1}}, "no parameter 'nothing'"),
        ({"params": {"offset": "x"}}, "offset is 'x'"),
        ({"params": []}, "damaged"),
        ({"score_scale": 0.0}, "score_scale"),
        ({"score_scale": float("inf")}, "score_scale"),
        ({"unit_rows": {}}, "damaged"),
        ({"trained": None}, "damaged"),
    ],
)
def test_a_header_that_does_not_fit(changes, part, fit, path, sentence):
    header, arrays = fit("DEM" if "trained" in changes else "ESZSL").state()
    write_npz(path, State({**header, **changes}, arrays))
    with sentence(ValueError, path, part):
        tz.load_model(path)


def test_networks_that_do_not_fit_together(fit, path, sentence):
    """The latent sizes of both encoders of SADLE must agree."""
    header, arrays = fit("SADLE").state()
    cut = {key: arrays[key][:-1] for key in ("_nets.f_s.0", "_nets.f_s.1")}
    write_npz(path, State(header, {**arrays, **cut}))
    with sentence(ValueError, path, "_nets.f_s has 15 outputs, not 16"):
        tz.load_model(path)


def test_settings_changed_after_fit_are_those_of_the_file(fit, tiny_dataset, path):
    data, model = tiny_dataset(), fit("SAE")
    model.set_params(offset=1.5, direction="decoder", threads=2)
    model.save(path)
    loaded = tz.load_model(path)
    assert (loaded.offset, loaded.direction, loaded.threads) == (1.5, "decoder", None)
    np.testing.assert_array_equal(
        loaded.predict(data.X_test, *unseen(data)), model.predict(data.X_test, *unseen(data))
    )


def test_labels_may_be_text(make, tiny_dataset, path):
    data = tiny_dataset()
    names = np.array([f"class {label}" for label in range(7)])
    make("ESZSL").fit(data.X_train, names[data.y_train], data.seen_prototypes).save(path)
    assert set(tz.load_model(path).predict(data.X_test)) <= set(names)


def test_a_model_that_is_not_fitted_has_no_file(make, path, sentence):
    with sentence(ValueError, "fit first"):
        make("SAE").save(path)
    assert not path.exists()


def test_parameters_that_no_file_can_hold(fit, path, sentence):
    model = fit("SAE")
    model.encoding_weight = [1, object]
    with sentence(ValueError, "encoding_weight", "no model file can hold"):
        model.save(path)


def test_a_baseline_is_for_the_cpu(fit, path, sentence):
    fit("SAE").save(path)
    assert isinstance(tz.load_model(path, "cpu"), SAE)
    with sentence(ValueError, "SAE runs on the CPU only"):
        tz.load_model(path, "cuda")


@dataclass(kw_only=True, eq=False, repr=False)
class Mine(Baseline):
    """Mean of each attribute's features: somebody's own method."""

    title: ClassVar[str] = "mine"
    trained: ClassVar[dict] = {"_w": Values("k", "d")}

    def _fit(self, x, index, a):
        self._w = a.T @ np.stack([x[index == c].mean(axis=0) for c in range(len(a))])

    def _scores(self, x, a):
        return x @ self._w.T @ a.T


class Undeclared(Mine):
    trained: ClassVar[dict] = {}


def test_a_class_of_somebody_else_reads_its_own_files(tiny_dataset, path, sentence):
    data = tiny_dataset()
    model = Mine(offset=0.1).fit(data.X_train, data.y_train, data.seen_prototypes)
    model.save(path)
    with sentence(ValueError, path, "'Mine'", "from_state"):
        tz.load_model(path)
    loaded = Mine.from_state(read_npz(path, "baseline"))
    assert (loaded.predict(data.X_test) == model.predict(data.X_test)).all()
    with sentence(ValueError, "Mine", "not one of"):
        from_state(model.state())
    other = Undeclared().fit(data.X_train, data.y_train, data.seen_prototypes)
    with sentence(ValueError, "Undeclared doesn't declare", "`trained`"):
        other.save(path)


def test_loading_one_method_imports_no_other(fit, path):
    fit("ESZSL").save(path)
    code = (
        "import sys, tinygzsl as tz; tz.load_model(sys.argv[1]); "
        "print(*sorted(m for m in sys.modules if m.startswith('tinygzsl.')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    modules = ran.stdout.split()
    assert "tinygzsl.baselines.eszsl" in modules
    others = {f"tinygzsl.baselines.{name.lower()}" for name in METHODS} - {
        "tinygzsl.baselines.eszsl"
    }
    assert not others & set(modules)
    assert not {"tinygzsl.estimator", "tinygzsl.cwgan", "tinygzsl.stacking"} & set(modules)
