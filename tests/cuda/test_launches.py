"""What a training step asks of the device: no copy, no wait, and the published launches."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from ladder import counting, standin

from tinygzsl.cwgan import CWGAN
from tinygzsl.settings import settings_for

SMALL = {"k": 5, "classes": 6, "batch": 32}


@pytest.mark.parametrize(
    ("step", "sizes"),
    [(counting.cwgan_step, {"d": 12, "h": 40}), (counting.vsmm_step, {"d": 12, "m": 8})],
    ids=["CWGAN", "VSMM"],
)
def test_a_training_step_neither_copies_nor_waits(device, step, sizes):
    work = step(device, **sizes, **SMALL)
    assert work.host_copies == 0
    assert work.waits == []
    assert len(work.launches) > 30


def test_more_data_takes_no_more_launches(device):
    few = counting.cwgan_step(device, d=12, h=40, **SMALL)
    many = counting.cwgan_step(device, d=64, h=300, **{**SMALL, "batch": 100})
    assert [name for name, *_ in few.launches] == [name for name, *_ in many.launches]
    assert many.bytes > 5 * few.bytes


def test_bytes_and_operations_are_those_of_the_arrays(device):
    work = counting.cwgan_step(device, d=12, h=40, **SMALL)
    adam = sorted(size for name, size, _ in work.launches if name == "adam_update")
    weights = 40 * (12 + 5)  # of the critic's first layer: p, g, m, v read; p, m, v written
    assert adam.count(7 * 4 * weights + 4) == 5
    gathered = [size for name, size, _ in work.launches if name == "gradient_penalty"]
    assert gathered == [2 * 4 * 32 * 17 + 4 * 32] * 5
    products = [flops for name, _, flops in work.launches if name == "matmul"]
    assert products.count(2 * 40 * 96 * 17) == 5  # the gradient of that layer


def test_a_wait_in_a_step_would_be_seen(device):
    with standin.recorded(device) as log:
        start = counting._sizes(log)
        float(device.ones(3).sum())
        work = counting._between(log, start, counting._sizes(log))
    assert work.host_copies == 1
    assert [wait.what for wait in work.waits] == ["float"]


def test_a_nan_is_flagged_with_its_step_and_nobody_waits(device):
    rng = np.random.default_rng(0)
    x, prototypes = (device.asarray(rng.random(shape)) for shape in ((50, 7), (4, 3)))
    y = device.asarray(rng.integers(0, 4, 50))
    hidden = {"gan_generator_hidden": (8,), "gan_critic_hidden": (8,), "gan_batch": 16}
    gan = CWGAN(device, d=7, k=3, settings=settings_for("paper", hidden), seed=0, dtype="float64")
    for step in range(1, 7):
        if step == 4:
            x[:] = np.nan
        with standin.recorded(device) as log:
            gan.train_step(x, y, prototypes)
        assert not (log.syncs or log.to_host or log.to_device)
    assert gan.diverged_at == 4


def test_the_published_table_is_what_is_counted(device):
    bench = Path(__file__).parents[2] / "bench"
    spec = spec_from_file_location("launches", bench / "launches.py")
    launches = module_from_spec(spec)
    spec.loader.exec_module(launches)
    published = (bench / "README.md").read_text(encoding="utf-8")
    assert launches.table(launches.measure()) in published
