import numpy as np
import pytest

from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.nn.random import Purpose

PURPOSE = Purpose.PTC_HOLD_OUT


@pytest.mark.wheel
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_every_class_is_held_out_in_part_but_never_whole(share):
    y = np.repeat([0, 1, 2, 3], [2, 3, 10, 100])
    held = hold_out_rows(y, share=share, seed=0, purpose=PURPOSE)
    assert held.dtype == bool
    for c, size in enumerate([2, 3, 10, 100]):
        count = held[y == c].sum()
        assert 1 <= count <= size - 1
        assert count == min(max(1, round(share * size)), size - 1)


def test_what_is_held_out_follows_the_seed_and_is_spread_over_the_class():
    y = np.zeros(50, int)
    counts = np.zeros(50)
    for seed in range(200):
        held = hold_out_rows(y, share=0.2, seed=seed, purpose=PURPOSE)
        assert np.array_equal(held, hold_out_rows(y, share=0.2, seed=seed, purpose=PURPOSE))
        counts += held
    assert 15 < counts.min() <= counts.max() < 70  # 40 expected


def test_classes_are_held_out_independently():
    y = np.repeat([0, 1], 50)
    held = hold_out_rows(y, share=0.2, seed=0, purpose=PURPOSE)
    assert not np.array_equal(held[:50], held[50:])


@pytest.mark.parametrize("other", [{"purpose": Purpose.FOLD_HOLD_OUT}, {"draw": 1}, {"seed": 1}])
def test_every_user_and_draw_holds_out_other_samples(other):
    y = np.repeat([0, 1], 50)
    same = {"share": 0.2, "seed": 0, "purpose": PURPOSE, "draw": 0}
    assert not np.array_equal(hold_out_rows(y, **same), hold_out_rows(y, **{**same, **other}))


def test_a_draw_of_one_seed_is_not_a_draw_of_the_next():
    y = np.repeat([0, 1], 50)
    of_next = hold_out_rows(y, share=0.2, seed=1, purpose=PURPOSE, draw=0)
    assert not np.array_equal(hold_out_rows(y, share=0.2, seed=0, purpose=PURPOSE, draw=1), of_next)


def test_a_class_of_one_draw_is_not_the_next_class_of_the_draw_before():
    y = np.repeat([0, 1], 50)
    held = [
        hold_out_rows(y, share=0.5, seed=0, purpose=Purpose.FOLD_HOLD_OUT, draw=draw)
        for draw in (0, 1)
    ]
    assert not np.array_equal(held[0][50:], held[1][:50])
