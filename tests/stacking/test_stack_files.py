"""Stacks in files: the same bits after loading, and damage that is found."""

import json

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.stacking import StackedGZSL
from tinygzsl.storage.arrays_file import State, read_npz, write_npz


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stack.npz"


@pytest.mark.parametrize("params", [{"features": ("gap", "neighbours")}, {"dtype": "float64"}])
def test_a_loaded_model_is_the_same(stack, params, path, same_results, tmp_path):
    model = stack(**params)
    model.save(path)
    loaded = tz.load_model(path)
    assert isinstance(loaded, StackedGZSL) and loaded.strict
    same_results(model, loaded)
    assert (loaded.fold_unseen_, loaded.features) == (model.fold_unseen_, model.features)
    assert (loaded.seed, loaded.dtype, loaded.device) == (model.seed, model.dtype, "cpu")
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_a_loaded_model_can_be_fitted_again(stack, data, path, same_results):
    model = stack(seed=3)
    model.save(path)
    loaded = tz.load_model(path)
    assert list(loaded.experts) == ["VSMM", "ESZSL", "DEM"]
    loaded.fit(data.X_train, data.y_train, data.seen_prototypes)
    same_results(model, loaded)


def test_views_and_marks_are_in_the_file(data, unseen, make, path):
    seen = {"att": data.seen_prototypes, "sent": data.seen_prototypes[:, :4]}
    views = {"att": unseen[0], "sent": unseen[0][:, :4]}
    model = StackedGZSL(experts=[make("GGM"), ESZSL()], allow_non_strict=("GGM",))
    model.fit(data.X_train, data.y_train, seen, unseen_prototypes=views)
    model.save(path)
    assert read_npz(path, "stack").header["strict"] is False
    loaded = tz.load_model(path)
    assert not loaded.strict and list(loaded.experts) == ["GGM", "ESZSL"]
    assert list(loaded.experts_) == ["GGM, att", "GGM, sent", "ESZSL, att", "ESZSL, sent"]
    one, other = (m.route(data.X_test, views, unseen[1]) for m in (model, loaded))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_samples_are_in_the_file_only_with_neighbours(stack, path):
    for features, there in ((("entropy", "gap"), False), (("neighbours",), True)):
        stack(features=features).save(path)
        names = read_npz(path, "stack").arrays
        assert any("directions" in name for name in names) == there


def test_files_whose_parts_do_not_fit_are_a_sentence(stack, path, sentence):
    header, arrays = stack(features=("gap", "neighbours")).state()
    for name in (
        "scorer/expert1/_v",
        "scorer/expert0/classes",
        "scorer/view0/a",
        "scorer/near0/neighbours_mean",
    ):
        write_npz(path, State(header, {k: v for k, v in arrays.items() if k != name}))
        with sentence(ValueError, path, "damaged model file"):
            tz.load_model(path)
    for key in ("scorer", "decision", "fold_unseen", "strict", "params", "held_out_h"):
        write_npz(path, State({k: v for k, v in header.items() if k != key}, arrays))
        with sentence(ValueError, path, "damaged model file"):
            tz.load_model(path)
    for place, value in (
        (("decision", "seen_weights"), [1.0]),
        (("decision", "gate", "weights"), [1.0]),
        (("decision", "gate", "offset"), "a"),
        (("decision", "gate", "kappa"), float("nan")),
        (("decision", "gate", "kappa"), 0.0),
        (("decision", "gate", "kappa"), -0.5),
        (("scorer", "units", "DEM"), 0),
        (("strict",), False),
        (("params", "seed"), -1),
    ):
        changed = json.loads(json.dumps(header))
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        write_npz(path, State(changed, arrays))
        with sentence(ValueError, path, "damaged model file"):
            tz.load_model(path)
    for name in ("entropy of ESZSL", "gap of nobody", "neighbours of l2", "gap", 3):
        changed = json.loads(json.dumps(header))
        changed["decision"]["gate"]["features"][0] = name
        write_npz(path, State(changed, arrays))
        with sentence(ValueError, path, "damaged model file", f"looks at {name!r}"):
            tz.load_model(path)
    near = {k: v for k, v in header["scorer"].items() if k != "scalings"}
    write_npz(path, State({**header, "scorer": {**near, "scalings": []}}, arrays))
    with sentence(ValueError, path, "damaged model file", "looks at 'neighbours of "):
        tz.load_model(path)
    classes = arrays["scorer/expert1/classes"] + 1
    write_npz(path, State(header, {**arrays, "scorer/expert1/classes": classes}))
    with sentence(ValueError, "the expert ESZSL is of other classes"):
        tz.load_model(path)


def test_a_file_of_a_flipped_bit_is_refused(stack, path, sentence):
    stack(features=("gap",)).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with sentence(ValueError, path, "damaged"):
        tz.load_model(path)


def test_a_class_that_could_not_be_loaded_is_not_saved(data, path, small_model, sentence):
    class Mine(ESZSL):
        pass

    class Ours(tz.EntropySeparationGZSL):
        pass

    ours = Ours(**small_model(vsmm_weight_es=0.0, vsmm_epochs=2).get_params())
    own = type("ESZSL", (ESZSL,), {})()  # a name is not enough
    for name, expert in (("Mine", Mine()), ("Ours", ours), ("ESZSL", own)):
        model = StackedGZSL(experts=[expert, ESZSL()] if name != "ESZSL" else [expert])
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
        with sentence(ValueError, f"the expert {name} is a {name}", "not one of tinygzsl's"):
            model.save(path)
        assert not path.exists()


def test_an_unfitted_model_is_not_saved(path, sentence):
    with sentence(ValueError, "not fitted"):
        StackedGZSL().save(path)
