"""Means and standard deviations over splits or seeds."""

import pytest

from tinygzsl.sweeps.spread import spread


def test_a_spread_is_over_splits_or_else_over_seeds():
    seeds = [(None, 0, 0.2), (None, 1, 0.4)]
    assert spread(seeds) == (pytest.approx(0.3), pytest.approx(0.02**0.5), "2 seeds")
    splits = [(1, 0, 0.1), (1, 1, 0.3), (2, 0, 0.5), (2, 1, 0.7)]
    assert spread(splits) == (pytest.approx(0.4), pytest.approx(0.08**0.5), "2 splits")
    assert spread([(None, 0, 0.5)]) == (0.5, None, "1 seed")
