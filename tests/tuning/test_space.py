"""What is tried: the preset's own values first, nothing twice, and the edges by name."""

from dataclasses import replace

import pytest

from tinygzsl.settings import settings_for
from tinygzsl.tuning.space import SEPARATIONS, WINDOWS, Space


def test_the_presets_window_and_pair_come_first():
    space = Space(settings_for("letters"), frozenset())
    assert space.windows() == [(0.4, 0.7), *WINDOWS]
    assert space.separations() == [(2.0, 1.0), *SEPARATIONS]


def test_nothing_is_tried_twice():
    start = settings_for("small", {"cs_low": 0.55, "cs_high": 0.7})
    space = Space(start, frozenset())
    assert space.windows()[0] == (0.55, 0.7)
    assert sorted(space.windows()) == sorted(WINDOWS)
    assert space.separations() == list(SEPARATIONS)


def test_what_is_fixed_has_one_value():
    start = settings_for("small", {"cs_low": 0.3, "vsmm_gamma": 0.7})
    space = Space(start, frozenset(["cs_low", "vsmm_gamma"]))
    assert space.windows() == [(0.3, 0.7)]
    assert space.separations() == [(0.7, 1.0), (0.7, 0.3)]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"vsmm_lr": 2e-3}, ["vsmm_lr"]),
        ({"vsmm_lr": 5e-4, "vsmm_epochs": 5}, ["vsmm_lr", "vsmm_epochs"]),
        ({"vsmm_epochs": 50}, ["vsmm_epochs"]),
        ({"cs_low": 0.25, "cs_high": 0.4}, ["cs_low"]),
        ({"cs_low": 0.25, "cs_high": 0.4, "vsmm_weight_es": 0.0}, []),
        ({"cs_low": 0.55, "cs_high": 0.7}, []),
    ],
)
def test_edges_are_named(changes, names):
    start = settings_for("small")
    assert Space(start, frozenset()).edges(replace(start, **changes)) == names
    fixed = frozenset(changes)
    assert Space(replace(start, **changes), fixed).edges(replace(start, **changes)) == []
