"""What a setting asks for is compared with the memory before training."""

import numpy as np
import pytest

from tinygzsl.nn.room import check_room
from tinygzsl.settings import Settings

SIZES = {"d": 12, "k": 6, "n_classes": 5, "xp": np, "dtype": "float32"}


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({"gan_batch": 10**18}, ("a batch of the CWGAN needs", "gan_batch is 1000000000000000000")),
        ({"gan_batch": 10**300}, ("a batch of the CWGAN needs at least 1000000000.00 GB",)),
        ({"proxy_count": 10**15}, ("the proxies need at least 48000000.00 GB", "proxy_count is")),
        ({"cs_per_class": 10**15}, ("the samples that CS looks at need", "cs_per_class is")),
        ({"gan_latent": 10**15}, ("the hidden sizes of the generator need", "gan_latent is")),
        ({"gan_generator_hidden": (8, 10**15)}, ("gan_generator_hidden is (8, 1000000000000000)",)),
        ({"gan_critic_hidden": (10**15,)}, ("the hidden sizes of the critic need", "lower it")),
        ({"vsmm_latent": 10**15}, ("the hidden sizes of the VSMM need", "vsmm_latent is")),
        ({"vsmm_hidden": (10**9, 10**9)}, ("vsmm_hidden is (1000000000, 1000000000); lower them",)),
    ],
)
def test_settings_that_ask_for_more_than_there_is(sentence, setting, parts):
    with sentence(MemoryError, "of memory, more than there is", *parts):
        check_room(Settings(**setting), **SIZES)


def test_usual_settings_pass():
    check_room(Settings(), **SIZES)


def test_without_a_cwgan_its_settings_do_not_matter():
    check_room(Settings(gan_batch=10**18, vsmm_weight_es=0.0), **SIZES)


def test_nothing_is_trained_before(tiny_dataset, small_model, sentence):
    t, calls = tiny_dataset().training(), []
    model = small_model(gan_batch=10**18, callback=lambda step, logs: calls.append(logs))
    with sentence(MemoryError, "gan_batch is 1000000000000000000; lower it"):
        model.fit(t.X, t.y, t.prototypes)
    assert calls == []


def test_a_batch_of_the_vsmm_is_never_larger_than_the_data(tiny_dataset, small_model):
    t = tiny_dataset().training()
    one, other = (
        small_model(vsmm_batch=batch, vsmm_weight_es=0.0).fit(t.X, t.y, t.prototypes)
        for batch in (150, 10**18)
    )
    assert np.array_equal(one.predict_proba(t.X), other.predict_proba(t.X))


def test_an_absurd_batch_on_the_command_line(run_cli, tmp_path, write_xlsa17, fast_options):
    write_xlsa17(tmp_path / "data")
    options = (*fast_options, "--set", "gan.batch=1000000000000000000", "--out", tmp_path / "run")
    result = run_cli("train", tmp_path / "data", *options)
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert line.endswith("gan_batch is 1000000000000000000; lower it")
