"""The checkpoints of the two phases, and which settings each depends on."""

import pytest

from tinygzsl.checkpoints import VsmmCheckpoint, gan_settings, vsmm_settings
from tinygzsl.settings import settings_for


def test_a_first_training_says_nothing_of_other_settings(tmp_path):
    said, checkpoint = [], VsmmCheckpoint(tmp_path / "vsmm.npz", "text")
    checkpoint.began = said.append
    checkpoint.restore(None)
    assert said == [False]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proxy_from", "pool"),
        ("cs_high", 0.8),
        ("ptc_l2", (1.0,)),
        ("scale_features", "standard"),
    ],
)
def test_a_checkpoint_of_the_cwgan_belongs_to_all_that_made_it(name, value):
    one, other = settings_for("small"), settings_for("small", {name: value})
    assert gan_settings(one) != gan_settings(other)
    assert vsmm_settings(one) != vsmm_settings(other)


def test_a_checkpoint_of_the_vsmm_belongs_to_what_was_kept_out():
    few, many = (
        settings_for("small", {"router_unit": "measured", "router_held_out": share})
        for share in (0.1, 0.3)
    )
    assert vsmm_settings(few) != vsmm_settings(many)
