"""What is tried: the preset's own values first, nothing twice, and the edges by name."""

from dataclasses import replace

import pytest

from tinygzsl.settings import settings_for
from tinygzsl.tuning.space import SCALERS, SEPARATIONS, Space


def test_the_presets_values_come_first():
    space = Space(settings_for("letters"), frozenset())
    assert space.separations() == [(2.0, 1.0), *SEPARATIONS]
    standard = {"scale_features": "standard", "gan_output": "linear"}
    minmax = {"scale_features": "minmax", "gan_output": "relu"}
    assert space.scalings() == [standard, minmax]
    assert space.epochs()[0] == 20


def test_nothing_is_tried_twice():
    space = Space(settings_for("small", {"vsmm_epochs": 2}), frozenset())
    assert space.separations() == list(SEPARATIONS)
    assert len(space.scalings()) == len(SCALERS)
    assert space.epochs() == [2, 3, 1]


def test_what_is_fixed_has_one_value():
    changes = {"vsmm_gamma": 0.7, "vsmm_epochs": 7}
    start = settings_for("small", {**changes, "gan_output": "sigmoid"})
    space = Space(start, frozenset([*changes, "gan_output"]))
    assert space.separations() == [(0.7, 1.0)]
    assert Space(start, frozenset(["vsmm_weight_es"])).separations() == [
        *((0.7, 1.0), (1.0, 1.0), (3.0, 1.0))
    ]
    assert space.epochs() == [7]
    assert space.scalings() == [{"scale_features": "minmax", "gan_output": "sigmoid"}]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"vsmm_epochs": 5}, ["vsmm_epochs"]),
        ({"vsmm_epochs": 40}, ["vsmm_epochs"]),
        ({"vsmm_epochs": 30}, []),
        ({"vsmm_gamma": 3.0, "router_metric": "dot"}, []),
    ],
)
def test_edges_are_named(changes, names):
    start = settings_for("small")
    assert Space(start, frozenset()).edges(replace(start, **changes)) == names
    fixed = frozenset(changes)
    assert Space(replace(start, **changes), fixed).edges(replace(start, **changes)) == []
