"""The router in front of a baseline."""

import json

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.stacking import RoutedGZSL
from tinygzsl.storage.arrays_file import State, read_npz, write_npz


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


@pytest.fixture
def router(small_model, data):
    def fit(**params):
        params = {
            "vsmm_weight_es": 0.0,
            "router_delta_low": 0.1,
            "router_delta_high": 0.6,
            **params,
        }
        return small_model(**params).fit(data.X_train, data.y_train, data.seen_prototypes)

    return fit


@pytest.fixture
def unseen(data):
    return data.unseen_prototypes, data.unseen_classes


@pytest.mark.parametrize("gate", ["hard", "soft", "learned"])
@pytest.mark.parametrize("name", ["ESZSL", "GGM"])
def test_each_route_has_its_labels(gate, name, router, fit, data, unseen):
    model = RoutedGZSL(router=router(router_gate=gate), expert=fit(name, offset=0.2))
    assert model.strict == (name == "ESZSL")
    found = model.route(data.X_test, *unseen)
    alone = model.router.route(data.X_test, *unseen)
    assert set(found.route) == ({"SL", "GZSL", "ZSL"} if gate == "hard" else {"SL", "ZSL"})
    np.testing.assert_array_equal(found.route, alone.route)
    np.testing.assert_array_equal(found.entropy, alone.entropy)
    of = {name: found.route == name for name in ("SL", "GZSL", "ZSL")}
    np.testing.assert_array_equal(found.label[of["SL"]], alone.label[of["SL"]])
    everywhere = model.expert.predict(data.X_test, *unseen)
    np.testing.assert_array_equal(found.label[of["GZSL"]], everywhere[of["GZSL"]])
    f = model.compatibility(data.X_test, unseen[0])[:, 5:]
    zero_shot = unseen[1][f.argmax(axis=1)]
    np.testing.assert_array_equal(found.label[of["ZSL"]], zero_shot[of["ZSL"]])
    np.testing.assert_array_equal(model.predict(data.X_test, *unseen), found.label)
    np.testing.assert_array_equal(model.predict(data.X_test), model.router.predict(data.X_test))


def test_evaluation_is_that_of_the_router_with_the_experts_scores(router, fit, data):
    model = RoutedGZSL(router=router(), expert=fit("ESZSL"))
    routed, router_alone, expert = (
        tz.evaluate(m, data) for m in (model, model.router, model.expert)
    )
    for name in ("auroc", "routes", "entropy", "supervised"):
        assert routed[name] == router_alone[name]
    assert (routed["zsl"], routed["ausuc"]) == (expert["zsl"], expert["ausuc"])
    assert routed["gzsl"]["H"] == expert["H"]
    json.dumps(routed, allow_nan=False)


@pytest.mark.parametrize("gate", ["hard", "soft"])
@pytest.mark.parametrize("name", ["DEM", "GGM"])
def test_a_loaded_model_is_the_same(gate, name, router, fit, data, unseen, tmp_path, sentence):
    model = RoutedGZSL(router=router(router_gate=gate), expert=fit(name, offset=0.2))
    path = tmp_path / "routed.npz"
    model.save(path)
    loaded = tz.load_model(path)
    assert isinstance(loaded, RoutedGZSL) and loaded.strict == model.strict
    for one, other in zip(
        model.route(data.X_test, *unseen), loaded.route(data.X_test, *unseen), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.predict(data.X_test), loaded.predict(data.X_test))
    assert tz.evaluate(model, data) == tz.evaluate(loaded, data)
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    header, arrays = read_npz(path, "routed")
    assert header["strict"] is (name == "DEM")
    parts = [key for key, array in arrays.items() if holds_rows(array, unseen[0])]
    assert parts == ([] if name == "DEM" else ["expert/_unseen_prototypes"])


def holds_rows(array, a):
    """Whether a matrix has a row of a (U, k), at its length or at length 1."""
    if array.ndim != 2 or array.shape[1] != a.shape[1]:
        return False
    both = np.concatenate([a, a / np.linalg.norm(a, axis=1)[:, None]])
    return bool((np.abs(array[:, None] - both).max(axis=2) < 1e-3).any())


def test_files_whose_parts_do_not_fit_are_a_sentence(router, fit, data, tmp_path, sentence):
    path, trained = tmp_path / "routed.npz", router()
    header, arrays = RoutedGZSL(router=trained, expert=fit("ESZSL")).state()
    for key in ("expert/_v", "router/classes"):
        write_npz(path, State(header, {k: v for k, v in arrays.items() if k != key}))
        with sentence(ValueError, path, "damaged model file", key.partition("/")[2]):
            tz.load_model(path)
    for part in ("router", "expert"):
        write_npz(path, State({k: v for k, v in header.items() if k != part}, arrays))
        with sentence(ValueError, path, "damaged model file"):
            tz.load_model(path)
    classes = arrays["expert/classes"] + 1
    write_npz(path, State(header, {**arrays, "expert/classes": classes}))
    with sentence(ValueError, path, "which are not the same"):
        tz.load_model(path)
    with sentence(ValueError, "the expert is not fitted"):
        RoutedGZSL(router=trained, expert=ESZSL()).save(path)


def test_classes_that_could_not_be_loaded_are_not_saved(router, fit, data, tmp_path, sentence):
    class Mine(ESZSL):
        pass

    class Router(tz.EntropySeparationGZSL):
        pass

    path, trained, expert = tmp_path / "routed.npz", router(), fit("ESZSL")
    mine, other = Mine(), Router()
    vars(mine).update(vars(expert))
    vars(other).update(vars(trained))
    with sentence(ValueError, "the expert is a Mine", "not one of tinygzsl's methods"):
        RoutedGZSL(router=trained, expert=mine).save(path)
    with sentence(ValueError, "the router is a Router", "not one of tinygzsl's methods"):
        RoutedGZSL(router=other, expert=expert).save(path)
    assert not path.exists()


def test_the_score_is_that_of_the_routers_classifier(router, fit, data):
    model = RoutedGZSL(router=router(), expert=fit("ESZSL"))
    assert model.score(data.X_train, data.y_train) == model.router.score(data.X_train, data.y_train)


def test_fit_trains_both(router, fit, small_model, make, data, unseen):
    new = small_model(vsmm_weight_es=0.0, router_delta_low=0.1, router_delta_high=0.6)
    model = RoutedGZSL(router=new, expert=make("GGM"))
    training = data.X_train, data.y_train, data.seen_prototypes
    assert model.fit(*training, unseen_prototypes=data.unseen_prototypes) is model
    apart = RoutedGZSL(router=router(), expert=fit("GGM"))
    np.testing.assert_array_equal(
        model.predict(data.X_test, *unseen), apart.predict(data.X_test, *unseen)
    )


def test_a_failed_fit_of_the_expert_leaves_the_router_as_it_was(router, fit, data, unseen):
    model = RoutedGZSL(router=router(), expert=fit("ESZSL"))
    before = model.route(data.X_test, *unseen)
    model.router.set_params(seed=5)
    model.expert.regularize_features = float("nan")
    with pytest.raises(ValueError, match="regularize_features"):
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
    for one, other in zip(before, model.route(data.X_test, *unseen), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.router.seed == 5


def test_a_failed_fit_leaves_an_unfitted_router_unfitted(small_model, data, sentence):
    model = RoutedGZSL(router=small_model(vsmm_weight_es=0.0), expert=ESZSL(prototypes="none of"))
    with sentence(ValueError, "prototypes is 'none of'"):
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
    with sentence(ValueError, "the router is not fitted"):
        _ = model.classes_


def test_without_prototypes_every_sample_has_the_route_sl(router, fit, data):
    result = RoutedGZSL(router=router(), expert=fit("ESZSL")).route(data.X_test)
    assert set(result.route) == {"SL"}


def test_errors_are_sentences(router, fit, data, unseen, sentence):
    trained = router()
    with sentence(ValueError, "the expert is not fitted"):
        RoutedGZSL(router=trained, expert=ESZSL()).predict(data.X_test, *unseen)
    fewer = data.y_train != 6
    expert = ESZSL().fit(data.X_train[fewer], data.y_train[fewer], data.seen_prototypes[:-1])
    with sentence(ValueError, "knows 5 seen classes and the expert 4"):
        RoutedGZSL(router=trained, expert=expert).predict(data.X_test, *unseen)
    model = RoutedGZSL(router=trained, expert=fit("ESZSL"))
    with sentence(ValueError, "both seen and unseen"):
        model.predict(data.X_test, unseen[0], data.seen_classes[:2])
    with sentence(ValueError, "unseen_classes came without"):
        model.predict(data.X_test, unseen_classes=unseen[1])
    assert "RoutedGZSL(" in repr(model)
    assert set(model.get_params()) == {"router", "expert"}
