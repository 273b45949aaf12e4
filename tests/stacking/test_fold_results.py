"""What the folds of one fit have found is enough for another one."""

from dataclasses import replace

import pytest

from tinygzsl.baselines import ESZSL
from tinygzsl.stacking import StackedGZSL
from tinygzsl.stacking import training as stack_training


@pytest.fixture
def fit(make, data):
    """fit(names, **how) -> a StackedGZSL of baselines, fitted on the tiny dataset."""

    def fitted(names=("ESZSL", "PrototypeRidge"), *, fold_results=None, **params):
        model = StackedGZSL(experts=[make(name) for name in names], **params)
        training = data.X_train, data.y_train, data.seen_prototypes
        return model.fit(*training, fold_results=fold_results)

    return fitted


@pytest.mark.parametrize("features", [("gap",), ("gap", "neighbours")])
def test_there_are_no_folds_and_the_same_bits(fit, monkeypatch, same_results, tmp_path, features):
    model = fit(features=features)
    monkeypatch.setattr(stack_training, "disjoint_folds", None)
    again = fit(features=features, fold_results=model.fold_results_)
    same_results(model, again)
    for name, fitted in (("one", model), ("other", again)):
        fitted.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_what_the_gate_looks_at_is_not_chosen_again(fit):
    near = fit(features=("gap", "neighbours")).fold_results_
    model = fit(features=("gap",), fold_results=near)
    assert model.decision_ == near.decision and model.fold_results_ == near


def test_only_the_last_pieces_are_left(fit):
    steps = []
    found = fit().fold_results_
    fit(fold_results=found, callback=lambda step, logs: steps.append((step, logs["total"])))
    assert steps == [(0, 2), (1, 2), (2, 2)]


def test_they_must_be_of_these_experts(fit, data, sentence):
    found = fit().fold_results_
    with sentence(ValueError, "of the experts ESZSL, PrototypeRidge", "these are ESZSL, SAE"):
        fit(("ESZSL", "SAE"), fold_results=found)
    gate = found.decision.gate
    other = replace(gate, features=("entropy of ESZSL", *gate.features[1:]))
    with sentence(ValueError, "looks at 'entropy of ESZSL'", "don't have"):
        fit(fold_results=replace(found, decision=replace(found.decision, gate=other)))
    views = {"att": data.seen_prototypes, "more": data.seen_prototypes}
    model = StackedGZSL(experts=[ESZSL()])
    with sentence(ValueError, "these are ESZSL, att, ESZSL, more"):
        model.fit(data.X_train, data.y_train, views, fold_results=found)
