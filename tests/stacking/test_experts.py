"""Which methods can be experts, what they are called, and errors that name them."""

import numpy as np
import pytest

from tinygzsl import EntropySeparationGZSL
from tinygzsl.baselines import DEM, ESZSL, ClassNormalization
from tinygzsl.stacking import RoutedGZSL, StackedGZSL, default_experts
from tinygzsl.stacking.experts import SEED_STEP, by_name, clone, with_views

GIVEN = {"seed": 7, "device": "cpu", "dtype": "float64", "threads": 2}


class Own:
    """A user's method, with nothing but what is needed."""

    def __init__(self, power=1.0):
        self.power = power

    def get_params(self, deep=True):
        return {"power": self.power}

    def fit(self, X, y, seen_prototypes):
        self.classes_ = np.unique(y)
        self.seen, centred = seen_prototypes, X - X.mean(axis=0)
        self.mean = X.mean(axis=0)
        self.map = np.linalg.lstsq(centred, seen_prototypes[np.searchsorted(self.classes_, y)])[0]
        return self

    def decision_function(self, X, unseen_prototypes=None):
        a = self.seen if unseen_prototypes is None else np.vstack([self.seen, unseen_prototypes])
        b = (X - self.mean) @ self.map
        return -(((b[:, None] - (a - self.seen.mean(axis=0))) ** 2).sum(axis=2) ** self.power)


def test_a_list_is_named_by_the_classes():
    assert list(by_name([ESZSL(), DEM(), ESZSL()])) == ["ESZSL 1", "DEM", "ESZSL 2"]
    assert list(by_name({"a": DEM()})) == ["a"]
    assert list(by_name(None)) == list(default_experts())


def test_experts_get_the_parameters_of_the_stack_and_seeds_of_their_own():
    own, last = EntropySeparationGZSL(seed=1, threads=1), Own(2.0)
    found = with_views({"a": own, "b": DEM(lr=0.5), "c": last}, ["att"], given=GIVEN)
    assert [expert.name for expert in found] == ["a, att", "b, att", "c, att"]
    seeds = [expert.method.get_params().get("seed") for expert in found]
    assert seeds == [7, (7 + SEED_STEP) % 2**64, None]
    for expert in found[:2]:
        assert (expert.method.dtype, expert.method.threads) == ("float64", 2)
    assert found[1].method.lr == 0.5 and found[2].method.power == 2.0
    assert own.seed == 1 and own.threads == 1 and found[2].method is not last


def test_scalings_are_those_of_the_methods():
    methods = {
        "a": EntropySeparationGZSL(scale_features="none"),
        "b": EntropySeparationGZSL(),
        "c": ESZSL(features="standard"),
        "d": Own(),
    }
    found = [expert.scaling for expert in with_views(methods, ["prototypes"], given=GIVEN)]
    assert found == ["none", "minmax", "standard", None]


def test_a_users_own_method_can_be_an_expert(data, unseen, tmp_path, sentence):
    model = StackedGZSL(experts=[Own(), Own(0.5)])
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    assert (model.predict(data.X_test, *unseen) == data.y_test).mean() > 0.8
    assert set(model.held_out_h_) == {("entropy", "gap"), ("entropy", "gap", "neighbours")}
    with sentence(ValueError, "Own 1 is a Own", "not one of tinygzsl's methods"):
        model.save(tmp_path / "model.npz")


def test_what_is_no_expert_is_a_sentence(sentence):
    router = EntropySeparationGZSL()
    for experts, parts in (
        ([], ("experts is empty",)),
        ("ESZSL", ("experts is 'ESZSL'",)),
        ({"": ESZSL()}, ("named ''",)),
        ({3: ESZSL()}, ("named 3",)),
        ([ESZSL], ("a class",)),
        ([object()], ("without fit, decision_function, get_params",)),
        ([RoutedGZSL(router=router, expert=ESZSL())], ("RoutedGZSL", "pass its expert")),
    ):
        with sentence(ValueError, *parts):
            by_name(experts)
    for wrong in (lambda self, X, unseen_prototypes: X, lambda self, X: X):
        expert = type("Wrong", (Own,), {"decision_function": wrong})()
        with sentence(ValueError, "of the expert Wrong", "decision_function(X, unseen_proto"):
            by_name([expert])
    with sentence(ValueError, "two experts are named 'a, b, c'"):
        with_views({"a": ESZSL(), "a, b": ESZSL()}, ["b, c", "c"], given=GIVEN)


def test_an_expert_that_would_search_on_every_fold_is_refused(small_model, sentence):
    auto = EntropySeparationGZSL(preset="auto")
    with sentence(ValueError, "a has preset='auto'", "on every fold", "set a preset like 'small'"):
        by_name({"a": auto})
    gate = {"router_gate": "learned", "router_features": ("gap",)}
    with sentence(ValueError, "a has router_gate='learned'", "set router_gate='soft'"):
        by_name({"a": small_model(**gate)})
    numbers = {"router_weights": (1.0,), "router_means": (0.0,), "router_deviations": (1.0,)}
    assert list(by_name({"a": small_model(**gate, **numbers)})) == ["a"]


@pytest.mark.parametrize("fails_on", ["fold 2 of 2", "all samples"])
def test_an_expert_that_fails_is_named(data, sentence, fails_on, monkeypatch):
    counts = {"fold 2 of 2": 2, "all samples": 3}
    calls = []

    class Diverging(ESZSL):
        def fit(self, X, y, seen_prototypes):
            calls.append(1)
            if len(calls) == counts[fails_on]:
                raise FloatingPointError("it diverged")
            return super().fit(X, y, seen_prototypes)

    with sentence(FloatingPointError, "the expert Diverging failed on", fails_on, "it diverged"):
        StackedGZSL(experts=[Diverging()]).fit(data.X_train, data.y_train, data.seen_prototypes)


@pytest.mark.parametrize("method", ["fit", "decision_function"])
def test_any_exception_of_a_users_method_is_named(data, sentence, method):
    class Broken(Own):
        pass

    def fails(self, *arrays, unseen_prototypes=None):
        return {}["no such key"]

    setattr(Broken, method, fails)
    training = data.X_train, data.y_train, data.seen_prototypes
    with sentence(ValueError, "the expert Broken failed on fold 1 of 2", "KeyError: 'no such key'"):
        StackedGZSL(experts=[Broken()]).fit(*training)


def test_full_memory_is_not_the_experts_fault(data):
    class Large(Own):
        def fit(self, X, y, seen_prototypes):
            raise MemoryError("full")

    with pytest.raises(MemoryError, match="full"):
        StackedGZSL(experts=[Large()]).fit(data.X_train, data.y_train, data.seen_prototypes)


def test_what_fit_returns_is_not_used(data, unseen):
    class Silent(Own):
        def fit(self, X, y, seen_prototypes):
            super().fit(X, y, seen_prototypes)

    training = data.X_train, data.y_train, data.seen_prototypes
    one, other = (StackedGZSL(experts=[expert]).fit(*training) for expert in (Own(), Silent()))
    np.testing.assert_array_equal(
        one.predict(data.X_test, *unseen), other.predict(data.X_test, *unseen)
    )


def test_values_that_an_expert_refuses_are_named(data, sentence):
    with sentence(ValueError, "ClassNormalization failed on fold 1 of 2", "epochs is 0"):
        StackedGZSL(experts=[ClassNormalization(epochs=0)]).fit(
            data.X_train, data.y_train, data.seen_prototypes
        )


@pytest.mark.parametrize(
    ("scores", "kind"), [(lambda f: f[:, 1:], "shape"), (lambda f: f * np.nan, "NaN")]
)
def test_scores_that_are_no_scores_are_refused(data, sentence, scores, kind):
    class Wrong(Own):
        def decision_function(self, X, unseen_prototypes=None):
            return scores(super().decision_function(X, unseen_prototypes))

    with sentence(ValueError, "Wrong", kind):
        StackedGZSL(experts=[Wrong()]).fit(data.X_train, data.y_train, data.seen_prototypes)


def test_a_clone_is_unfitted(data):
    model = ESZSL(features="l2").fit(data.X_train, data.y_train, data.seen_prototypes)
    copied = clone(model, seed=5, nothing=3)
    assert copied.get_params() == {**model.get_params(), "seed": 5}
    assert not hasattr(copied, "classes_")
