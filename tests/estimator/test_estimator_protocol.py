import inspect
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone, is_classifier

from tinygzsl import EntropySeparationGZSL
from tinygzsl.settings import Settings

CALLER = str(Path(__file__).with_name("conftest.py"))  # where `fit` calls the estimator's

# A quick run in which every setting matters, and another value of each.
RUN = {
    "gan_max_epochs": 6,
    "gan_train_on": True,
    "gan_critic_steps": 2,
    "ptc_solver": "adam",
    "ptc_l2": (1e-2,),
    "ptc_lr": 1e-2,
    "ptc_epochs": 5,
    "cs_low": 0.002,
    "cs_high": 0.03,
    "proxy_from": "pool",
    "proxy_count": 60,
    "vsmm_epochs": 3,
    "router_delta_low": 0.8,
    "router_delta_high": 1.3,
}
CHANGES = {
    "scale_features": "minmax",
    "scale_prototypes": "none",
    "gan_generator_hidden": (12,),
    "gan_critic_hidden": (12,),
    "gan_activation": "relu",
    "gan_output": "relu",
    "gan_latent": 4,
    "gan_lr": 2e-3,
    "gan_beta1": 0.4,
    "gan_beta2": 0.99,
    "gan_penalty": 5.0,
    "gan_critic_steps": 1,
    "gan_batch": 17,
    "gan_max_epochs": 5,
    "gan_train_on": False,
    "ptc_solver": "lbfgs",
    "ptc_l2": (1e-1,),
    "ptc_lr": 2e-2,
    "ptc_epochs": 4,
    "ptc_batch": 50,
    "cs_unit": "absolute",
    "cs_low": 0.01,
    "cs_high": 0.018,
    "cs_per_class": 10,
    "cs_held_out": 0.3,
    "proxy_count": 61,
    "proxy_from": "single",
    "vsmm_latent": 15,
    "vsmm_hidden": (8,),
    "vsmm_lr": 2e-2,
    "vsmm_beta1": 0.8,
    "vsmm_beta2": 0.99,
    "vsmm_epochs": 2,
    "vsmm_batch": 17,
    "vsmm_reduction": "sum",
    "vsmm_weight_ae": 2.0,
    "vsmm_weight_le": 2.0,
    "vsmm_weight_clf": 2.0,
    "vsmm_weight_es": 2.0,
    "vsmm_gamma": 3.0,
    "router_gate": "soft",
    "router_unit": "measured",
    "router_delta_low": 1.0,
    "router_delta_high": 1.0,
    "router_held_out": 0.3,
    "router_bias": 0.5,
    "router_width": 0.1,
    "router_tau": 0.4,
    "router_features": ("gap", "neighbours"),
    "router_weights": (0.5, 0.5),
    "router_means": (0.3, 0.0),
    "router_deviations": (0.5, 1.0),
    "router_intercept": -1.0,
    "router_kappa": 2.0,
    "router_offset": 1.5,
    "router_fold_unseen": (9,),
    "router_metric": "dot",
    "router_temperature": 0.5,
}


LEARNED = {  # a gate that no fold has to find
    "router_gate": "learned",
    "router_weights": (-1.0, 1.0),
    "router_means": (0.5, 0.0),
    "router_deviations": (0.2, 1.0),
}


@pytest.mark.wheel
def test_every_setting_is_a_parameter_that_is_none_by_default():
    parameters = inspect.signature(EntropySeparationGZSL).parameters
    own = {"preset": "paper", "seed": 0, "device": "cpu", "dtype": "float32"}
    own |= {"threads": None, "callback": None}
    settings = {field.name: None for field in fields(Settings)}
    assert {name: p.default for name, p in parameters.items()} == {**own, **settings}
    assert EntropySeparationGZSL().get_params() == {**own, **settings}


def test_every_setting_has_another_value_here():
    assert list(CHANGES) == [field.name for field in fields(Settings)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the short training
@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_has_an_effect(fit, data, unseen, name, outputs, all_equal):
    soft = {key: {"router_gate": "soft"} for key in ("router_bias", "router_width", "router_tau")}
    window = {"cs_unit": {"cs_high": 1.05, "gan_max_epochs": 9}}
    of_gate = ("features", "weights", "means", "deviations", "intercept", "kappa", "offset")
    learned = dict.fromkeys((f"router_{part}" for part in (*of_gate, "fold_unseen")), LEARNED)
    more = soft | window | learned | {"router_held_out": {"router_unit": "measured"}}
    run, traces = RUN | more.get(name, {}), []
    for changes in ({}, {name: CHANGES[name]}):
        model = fit(**{**run, **changes})
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = outputs(model, data.X_test, unseen)
        told = [str(warning.message) for warning in said]
        traces.append([*found, model.proxy_source_.looks, told])
    assert not all_equal(*traces)


def test_parameters_are_kept_as_they_are_and_read_by_fit(fit, model):
    listed = fit(gan_generator_hidden=[16], vsmm_epochs=9)
    assert listed.get_params()["gan_generator_hidden"] == [16]
    assert len(listed.history_) == 9
    assert model.set_params(vsmm_epochs=2, seed=4) is model
    assert (model.vsmm_epochs, model.seed) == (2, 4)
    assert len(model.history_) == 15


def test_arguments_that_would_be_ignored_are_refused(fit, model, data, unseen, sentence):
    with sentence(ValueError, "unseen_classes came without unseen_prototypes"):
        model.predict(data.X_test, unseen_classes=unseen[1])
    with sentence(ValueError, "proxies were passed but vsmm_weight_es is 0"):
        fit(proxies=data.X_train, vsmm_weight_es=0.0)


def test_unknown_parameters_are_refused(sentence):
    model = EntropySeparationGZSL(seed=3)
    with sentence(ValueError, "no parameter 'sede'", "get_params()"):
        model.set_params(sede=1)
    with pytest.raises(TypeError, match="sede"):
        EntropySeparationGZSL(sede=1)


@pytest.mark.wheel
def test_scikit_learn_can_clone_it(small_model):
    model = small_model(seed=5, callback=print)
    twin = clone(model)
    assert twin is not model
    assert twin.get_params() == model.get_params()


def test_scikit_learn_takes_it_for_a_classifier():
    from sklearn.utils import get_tags  # since scikit-learn 1.6

    tags = get_tags(EntropySeparationGZSL())
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert is_classifier(EntropySeparationGZSL())


@pytest.mark.wheel
def test_repr_shows_what_was_changed():
    assert repr(EntropySeparationGZSL()) == "EntropySeparationGZSL()"
    model = EntropySeparationGZSL(preset="small", gan_lr=0.5)
    assert repr(model) == "EntropySeparationGZSL(preset='small', gan_lr=0.5)"


def test_numbers_of_numpy_are_as_good_as_those_of_python(fit, data, unseen, outputs, all_equal):
    rate = {"vsmm_lr": np.float64(0.01), "vsmm_gamma": np.float64(1.0), "seed": np.int64(3)}
    model, other = fit(seed=3), fit(**rate)
    assert all_equal(outputs(model, data.X_test, unseen), outputs(other, data.X_test, unseen))
    assert np.array_equal(model.sample_proxies(5), other.sample_proxies(5))


def test_parameters_that_are_set_after_fit_wait_for_the_next_fit(
    model, data, unseen, outputs, all_equal
):
    before = [*outputs(model, data.X_test, unseen), model.sample_proxies(5)]
    model.set_params(seed=9, dtype="float64", router_delta_high=0.7, router_metric="dot")
    after = [*outputs(model, data.X_test, unseen), model.sample_proxies(5)]
    assert all_equal(before, after)
    assert after[2].dtype == np.float32


# Errors and warnings


@pytest.mark.parametrize(
    "call", ["predict", "predict_proba", "entropy", "is_unseen", "sample_proxies"]
)
def test_an_unfitted_model_says_so(data, sentence, call):
    with sentence(ValueError, "not fitted", "call fit(X, y, prototypes)"):
        getattr(EntropySeparationGZSL(), call)(data.X_test)


def test_an_unfitted_model_routes_nothing(data, unseen, sentence):
    for call in (
        lambda model: model.route(data.X_test, *unseen),
        lambda model: model.predict(data.X_test, *unseen),
        lambda model: model.compatibility(data.X_test, unseen[0]),
    ):
        with sentence(ValueError, "not fitted"):
            call(EntropySeparationGZSL())


@pytest.mark.parametrize(
    ("params", "parts"),
    [
        ({"preset": "big"}, ("preset is 'big'", "paper")),
        ({"dtype": "float16"}, ("dtype is 'float16'", "float32")),
        ({"device": "tpu"}, ("device is 'tpu'", "cuda")),
        ({"seed": -1}, ("seed is -1",)),
        ({"gan_lr": 0.0}, ("gan_lr is 0.0",)),
        ({"proxies": np.ones((5, 3))}, ("proxies has 3 columns but X has 12",)),
        ({"proxies": np.full((5, 12), np.nan)}, ("proxies has 60 values", "row 0, column 0")),
        ({"proxies": [1.0] * 12}, ("proxies is float64 with shape (12,)",)),
    ],
)
def test_a_fit_that_fails_leaves_the_model_as_it_was(
    model, data, unseen, sentence, params, parts, outputs, all_equal
):
    before = [*outputs(model, data.X_test, unseen), model.sample_proxies(5)]
    params = {"seed": 7, "router_delta_high": 1.2, "router_metric": "dot", **params}
    proxies = params.pop("proxies", None)
    with sentence(ValueError, *parts):
        model.set_params(**params).fit(
            data.X_train, data.y_train, data.seen_prototypes, proxies=proxies
        )
    assert all_equal([*outputs(model, data.X_test, unseen), model.sample_proxies(5)], before)


def test_arrays_of_other_widths_are_refused(model, data, unseen, sentence):
    with sentence(ValueError, "X has 11 columns but the training data has 12"):
        model.predict(data.X_test[:, 1:])
    with sentence(ValueError, "5 columns but the model's seen prototypes has 6"):
        model.compatibility(data.X_test, unseen[0][:, 1:])
    with sentence(ValueError, "X is <U1 with shape ()", "pass a matrix"):
        model.predict("x")


class Frame:
    """What pandas' data frames have in common with arrays, and a `get` that is none of CuPy's."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def get(self, key):
        raise KeyError(key)


@pytest.mark.parametrize("wrap", [lambda a: a.tolist(), Frame], ids=["lists", "data frames"])
def test_lists_and_data_frames_are_as_good_as_arrays(
    fit, model, data, unseen, wrap, small_model, outputs, all_equal
):
    params = {"router_delta_low": 0.3, "router_delta_high": 0.8}
    other = small_model(**params)
    other.fit(wrap(data.X_train), wrap(data.y_train), wrap(data.seen_prototypes))
    wrapped = tuple(wrap(a) for a in unseen)
    assert all_equal(
        outputs(other, wrap(data.X_test), wrapped), outputs(model, data.X_test, unseen)
    )


def test_text_labels_of_pandas_are_objects(small_model, data):
    names = np.array([f"class {c}" for c in data.y_train], dtype=object)
    model = small_model(vsmm_weight_es=0.0).fit(data.X_train, names, data.seen_prototypes)
    assert model.classes_.tolist() == [f"class {c}" for c in data.seen_classes]


def test_score_is_the_share_of_right_labels_among_seen_classes(model, data):
    right = model.predict(data.X_test_seen) == data.y_test_seen
    assert model.score(data.X_test_seen, data.y_test_seen) == right.mean()


@pytest.mark.parametrize("count", [0, -1, 2.5, None, 2**32 + 1, "7"])
def test_a_number_of_proxies_that_makes_no_sense(model, count, sentence):
    with sentence(ValueError, f"count is {count!r}", "at least 1"):
        model.sample_proxies(count)


@pytest.mark.parametrize("draw", [-1, 2**64, 1.0, None, "1", True])
def test_a_draw_of_proxies_that_makes_no_sense(model, draw, sentence):
    with sentence(ValueError, f"draw is {draw!r}", "a whole number from 0 to 2**64 - 1"):
        model.sample_proxies(3, draw)


def test_draws_of_proxies_go_up_to_64_bits(model):
    last = model.sample_proxies(3, 2**64 - 1)
    assert np.isfinite(last).all()
    assert not np.array_equal(last, model.sample_proxies(3, 2**64 - 2))
    assert np.array_equal(model.sample_proxies(3, np.uint64(2**64 - 1)), last)


def test_a_classifier_that_cannot_fit_its_data_is_warned_about(fit, data):
    y = np.random.default_rng(0).permutation(data.y_train)
    with pytest.warns(UserWarning, match=r"\d+% of its own training samples right") as caught:
        fit(y=y, vsmm_epochs=1, vsmm_lr=1e-6, vsmm_weight_es=0.0)
    assert caught[0].filename == CALLER


def test_a_threshold_out_of_reach_is_warned_about(fit):
    with pytest.warns(UserWarning, match="at most ln 5 = 1.609") as caught:
        fit(router_delta_high=1.7, vsmm_weight_es=0.0)
    assert caught[0].filename == CALLER
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(router_delta_high=1.6, vsmm_weight_es=0.0)


def test_warnings_of_the_gan_point_at_the_call_of_fit(fit):
    with pytest.warns(UserWarning) as caught:
        fit(ptc_l2=(10.0,), cs_low=1e-9, cs_high=2e-9)
    low, jump = caught
    assert "barely tells the classes apart" in str(low.message)
    assert "jumped over" in str(jump.message)
    assert low.filename == jump.filename == CALLER
