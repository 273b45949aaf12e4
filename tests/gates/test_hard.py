"""Eq. 10: which route an entropy takes, and thresholds that can't be reached."""

import math
import warnings

import numpy as np
import pytest

from tinygzsl.gates.hard import warn_if_unreachable
from tinygzsl.kernels.reference import route_codes
from tinygzsl.metrics import ROUTES
from tinygzsl.settings import Settings


@pytest.mark.wheel
def test_ties_go_to_gzsl():
    entropy = np.array([0.0, np.nextafter(0.5, 0), 0.5, 1.0, 1.5, np.nextafter(1.5, 2), 9.0])
    codes = route_codes(entropy, 0.5, 1.5)
    assert np.array(ROUTES)[codes].tolist() == ["SL", "SL", "GZSL", "GZSL", "GZSL", "ZSL", "ZSL"]


def test_equal_thresholds_leave_the_tie_alone():
    assert route_codes(np.array([0.9, 1.0, 1.1]), 1.0, 1.0).tolist() == [0, 1, 2]
    assert route_codes(np.array([0.0]), 0.0, 0.0).tolist() == [1]


# A threshold out of reach


@pytest.mark.wheel
@pytest.mark.parametrize("n_seen", [2, 4])
def test_an_unreachable_threshold_is_warned_about(n_seen):
    limit = f"{math.log(n_seen):.3f}"
    with pytest.warns(UserWarning, match=f"delta_high is 1.5 nats.*at most ln {n_seen} = {limit}"):
        warn_if_unreachable(n_seen, Settings(router_delta_high=1.5))


def test_the_limit_itself_is_out_of_reach():
    with pytest.warns(UserWarning, match="no sample can take the route ZSL"):
        warn_if_unreachable(5, Settings(router_delta_high=math.log(5)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_unreachable(5, Settings(router_delta_high=math.log(5) - 1e-9))
        warn_if_unreachable(5, Settings(router_gate="soft", router_delta_high=9.0))
        warn_if_unreachable(5, Settings(router_unit="measured", router_delta_high=9.0))
