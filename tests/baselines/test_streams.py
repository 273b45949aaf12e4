"""Whoever draws random numbers in a training draws from streams that nobody else uses."""

import sys

import pytest

from tinygzsl.baselines import METHODS
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.nn import random
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.vsmm import epoch_batches

PRIMITIVES = ("philox_words", "philox_integers", "philox_uniform", "philox_normal")
FOR_OTHERS = {f.__code__ for f in (hold_out_rows, epoch_batches, MLP.create.__func__)}
MEASURED = {"router_unit": "measured", "router_delta_low": 0.2, "router_delta_high": 0.6}


@pytest.fixture
def users(monkeypatch):
    """{(seed, step, purpose): {(file, function) that drew from it}}, filled while a test runs."""
    found = {}

    def recording(primitive):
        def run(*args):
            frame = sys._getframe(1)
            while frame.f_code.co_filename == random.__file__ or frame.f_code in FOR_OTHERS:
                frame = frame.f_back  # to whom the numbers are for
            code = frame.f_code
            found.setdefault(args[-3:], set()).add((code.co_filename, code.co_qualname))
            return primitive(*args)

        return run

    for name in PRIMITIVES:
        monkeypatch.setattr(random, name, recording(getattr(random, name)))
    return found


def shared(users):
    return {stream: who for stream, who in users.items() if len(who) > 1}


@pytest.mark.parametrize(
    "settings",
    [
        {"proxy_from": "pool", **MEASURED},
        {"ptc_solver": "adam", "ptc_epochs": 2},
        {"preset": "auto", "vsmm_epochs": 4},
    ],
    ids=["measured", "adam", "auto"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_two_users_share_a_stream(users, small_model, tiny_dataset, settings):
    data = tiny_dataset()
    model = small_model(**settings).fit(data.X_train, data.y_train, data.seen_prototypes)
    model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    model.sample_proxies(5)
    assert len(users) > 50
    assert shared(users) == {}


@pytest.mark.parametrize("name", METHODS)
def test_no_two_users_share_a_stream_of_a_baseline(users, fit, name):
    fit(name)
    found = shared(users)
    if name == "CEWGANOD":  # its decoder learns from the critic's batches, on purpose
        found = {stream: who for stream, who in found.items() if stream[2] != Purpose.REAL_BATCH}
    assert found == {}


def test_a_stream_that_is_shared_is_found(users):
    import numpy as np

    def one():
        return random.normal(np, (3,), seed=0, step=0, purpose=random.Purpose.CHECK)

    def other():
        return random.uniform(np, (3,), seed=0, step=0, purpose=random.Purpose.CHECK)

    one()
    assert shared(users) == {}
    other()
    assert len(shared(users)) == 1
