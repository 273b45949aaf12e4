"""Features that are larger than the GPU, and uploads in chunks."""

from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
from ladder import emulator, standin

from tinygzsl import kernels
from tinygzsl.cwgan import CWGAN
from tinygzsl.datasets import scaling
from tinygzsl.datasets.scaling import fit_and_scale, fit_scaler, map_scaled
from tinygzsl.nn import device_memory
from tinygzsl.nn.device_memory import Staging, blocks, empty_features, is_pinned, take_rows
from tinygzsl.ptc import PTC, ptc_loss
from tinygzsl.settings import Settings

N, D, CLASSES = 600, 32, 4
needs_emulator = pytest.mark.skipif(
    bool(emulator.why_not()), reason=f"{emulator.why_not()}, so this path was not run"
)


@pytest.fixture
def data():
    """X (N, D) float32, y (N,) and prototypes (CLASSES, 5): 77 kB of features."""
    rng = np.random.default_rng(0)
    prototypes, y = rng.random((CLASSES, 5)).astype("f"), np.arange(N) % CLASSES
    means = 2 * rng.normal(size=(CLASSES, D))
    return (means[y] + rng.normal(size=(N, D))).astype("f"), y, prototypes


@pytest.fixture
def plain():
    """The definitions in place of emulated kernels: these tests are about where arrays lie."""
    with kernels.reference_only():
        yield


@pytest.fixture
def gpu():
    """gpu(memory) -> the stand-in for CuPy, with so many bytes."""
    with ExitStack() as opened:
        yield lambda memory=8 << 30: opened.enter_context(standin.installed(memory))


# Where features lie


def test_features_take_three_quarters_of_the_free_memory_at_most(gpu):
    cupy = gpu(memory=1 << 20)
    assert not is_pinned(empty_features(cupy, (192, 1024), "float32"))
    assert is_pinned(empty_features(cupy, (193, 1024), "float32"))
    used = cupy.empty(1 << 19, "uint8")
    assert is_pinned(empty_features(cupy, (100, 1024), "float32"))
    del used
    assert not is_pinned(empty_features(cupy, (100, 1024), "float32"))  # what the pool keeps counts
    cupy.get_default_memory_pool().set_limit(size=1 << 19)
    assert is_pinned(empty_features(cupy, (100, 1024), "float32"))


def test_a_limit_of_the_pool_counts_with_what_is_used(gpu):
    cupy = gpu(memory=1 << 20)
    pool = cupy.get_default_memory_pool()
    pool.set_limit(size=1 << 19)
    used = cupy.empty(1 << 18, "uint8")
    assert device_memory.memory(cupy) == ((1 << 19) - used.nbytes, 1 << 19)


def test_on_the_cpu_features_are_plain_arrays_and_a_block_is_a_view():
    x = empty_features(np, (5, 3), "float64")
    assert type(x) is np.ndarray
    assert not is_pinned(x)
    ((rows, part),) = blocks(x)
    assert (rows, part.base) == (slice(0, 5), x)


def test_neither_memory_is_enough(gpu, sentence, monkeypatch):
    cupy = gpu(memory=1 << 20)

    def refuse(size, flags=0):
        raise cupy.cuda.runtime.CUDARuntimeError(2)

    monkeypatch.setattr(cupy.cuda, "PinnedMemory", refuse)
    with sentence(MemoryError, "1.0 MB", "neither on the GPU nor in pinned memory", "'cpu'"):
        empty_features(cupy, (256, 1024), "float32")


@pytest.mark.parametrize("pinned", [False, True])
def test_blocks_are_on_the_device_and_make_the_whole(gpu, plain, monkeypatch, pinned):
    cupy = gpu(memory=1 << 16 if pinned else 8 << 30)
    monkeypatch.setattr(device_memory, "BLOCK_VALUES", 1000)
    values = np.arange(N * D, dtype="float32").reshape(N, D)
    x = empty_features(cupy, (N, D), "float32")
    assert is_pinned(x) == pinned
    x.set(values)
    parts = [(rows, part.get()) for rows, part in blocks(x) if not is_pinned(part)]
    assert [rows.stop - rows.start for rows, _ in parts] == [31] * 19 + [11]
    assert np.array_equal(np.concatenate([part for _, part in parts]), values)
    rows = np.array([7, 0, 599])
    assert np.array_equal(take_rows(x, rows).get(), values[rows])


def test_the_ptc_in_blocks_is_the_ptc(data, monkeypatch):
    x, y, _ = data
    rng = np.random.default_rng(1)
    w, b = rng.normal(size=(CLASSES, D)), rng.normal(size=CLASSES)
    x = x.astype(float)
    ptc = PTC(w, b, l2=0.1, held_out_loss=0.0)
    whole, log_p = ptc_loss(w, b, x, y, l2=0.1), ptc.log_proba(x)
    monkeypatch.setattr(device_memory, "BLOCK_VALUES", 50 * D)
    for part, expected in zip(ptc_loss(w, b, x, y, l2=0.1), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ptc.log_proba(x), log_p, rtol=1e-12)


SMALL = {
    "dtype": "float64",
    "gan_max_epochs": 1,
    "gan_critic_steps": 1,
    "cs_low": 1e-6,
    "cs_high": 0.99,
    "cs_per_class": 4,
    "ptc_l2": (1e-2,),
    "proxy_count": 20,
    "vsmm_epochs": 2,
    "vsmm_batch": 16,
}


@needs_emulator
def test_features_larger_than_the_gpu_give_the_same_model(
    gpu, data, small_model, monkeypatch, recwarn
):
    monkeypatch.setattr(device_memory, "BLOCK_VALUES", 100 * D)
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 70)
    weights = []
    for memory in (8 << 30, 160_000):  # the features take 154 kB
        gpu(memory)
        model = small_model(device="cuda", **SMALL).fit(*data)
        weights.append([p.get() for p in model.vsmm_.params])
    for one, other in zip(*weights, strict=True):
        assert np.array_equal(one, other)
    caught = [w for w in recwarn if "read over the bus" in str(w.message)]
    assert {w.filename for w in caught} == {__file__}  # where fit was called, however deep this was
    said = [str(w.message) for w in caught]
    assert [text.partition(" takes ")[0] for text in said] == [
        "X",
        "the part of X that trains the PTC",
    ]
    assert said[0].startswith("X takes 154 kB, more than 75% of the 160 kB")


def test_features_go_to_the_gpu_once(gpu, plain, data, small_model):
    cupy = gpu()
    with standin.recorded(cupy) as log:
        small_model(device="cuda", **{**SMALL, "ptc_solver": "adam"}).fit(*data)
    labels = 8 * data[1].size  # they and row numbers are the next larger ones
    assert sum(size for size in log.to_device if size > labels) == 8 * data[0].size


@needs_emulator
def test_a_gan_step_on_pinned_features_copies_nothing_through_the_host(gpu, data):
    cupy = gpu(memory=100_000)
    X, y, prototypes = data
    x = empty_features(cupy, X.shape, "float32")
    assert is_pinned(x)
    x.set(X)
    settings = Settings(gan_generator_hidden=(8,), gan_critic_hidden=(8,), gan_batch=16)
    gan = CWGAN(cupy, d=D, k=5, settings=settings, seed=0, dtype="float32")
    on_device = cupy.asarray(y), cupy.asarray(prototypes)
    gan.train_step(x, *on_device)
    with standin.recorded(cupy) as log:
        gan.train_step(x, *on_device)
    assert (log.to_host, log.to_device, log.syncs) == ([], [], [])
    assert log.launches


# Uploads


class LateCupy:
    """Copies to its device happen as late as they may: when an event after them is waited for."""

    def __init__(self):
        self.waiting, late = [], self

        class Array:
            def set(self, host):
                late.waiting.append((self, host))

        class Event:
            def __init__(self, disable_timing):
                self.before = 0

            def record(self):
                self.before = late.waiting[:]

            def synchronize(self):
                late.copy(self.before or [])

        self.empty = lambda shape, dtype: Array()
        self.cuda = SimpleNamespace(Event=Event, alloc_pinned_memory=bytearray)

    def copy(self, pairs):
        for array, host in pairs:
            array.values = getattr(array, "values", host.copy())


def test_a_staging_buffer_is_filled_only_when_its_copy_is_done():
    late = LateCupy()
    staging = Staging(late, values=6, dtype="float32")
    chunks = [np.full((2, 3), i) for i in range(5)] + [np.full((1, 3), 9)]
    arrays = [staging.upload(chunk) for chunk in chunks]
    del staging  # its memory is free for others then, so the last copies have to be done
    assert [a.values.tolist() for a in arrays] == [c.tolist() for c in chunks]


@pytest.fixture
def few_rows(monkeypatch):
    """Chunks of 140 rows on the device, which get there by 70 at a time."""
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 70)
    monkeypatch.setattr(scaling, "DEVICE_ROWS", 140)


@pytest.mark.parametrize("kind", ["minmax", "standard", "l2", "none"])
def test_chunks_scaled_on_the_device_are_those_of_the_cpu(gpu, plain, data, few_rows, kind):
    cupy, X = gpu(), data[0].astype(float)
    theirs = fit_scaler(X, kind, xp=cupy, dtype="float32")
    _, expected = fit_and_scale("X", X, kind, xp=np, dtype="float32")
    _, there = fit_and_scale("X", X, kind, xp=cupy, dtype="float32")
    assert np.array_equal(there.get(), expected)
    parts = map_scaled(lambda rows: rows.copy(), "X", X, theirs, xp=cupy, dtype="float32")
    assert np.array_equal(np.concatenate([p.get() for p in parts]), expected)
    on_device = cupy.asarray(X)
    parts = map_scaled(lambda rows: rows.copy(), "X", on_device, theirs, xp=cupy, dtype="float32")
    assert np.array_equal(np.concatenate([p.get() for p in parts]), expected)
    _, there = fit_and_scale("X", on_device, kind, xp=cupy, dtype="float32")
    assert np.array_equal(there.get(), expected)
    assert np.array_equal(on_device.get(), X)  # the caller's array stays as it was
    _, here = fit_and_scale("X", on_device, kind, xp=np, dtype="float32")
    assert np.array_equal(here, expected)


def test_the_host_waits_once_for_all_chunks(gpu, plain, data, few_rows):
    cupy = gpu()
    scaler = fit_scaler(data[0], "minmax", xp=cupy, dtype="float32")
    with standin.recorded(cupy) as log:
        map_scaled(lambda rows: rows.sum(), "X", data[0], scaler, xp=cupy, dtype="float32")
    assert len(log.to_device) == 9
    assert [s.what for s in log.syncs if "event" not in s.what.lower()] == ["bool"]


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        (np.nan, ("X[140:] has 1 values", "row 5, column 3")),
        (1e39, ("X[140:] has 1e+39 in row 5",)),
    ],
)
def test_bad_values_are_found_in_their_chunk(gpu, plain, data, few_rows, sentence, bad, parts):
    cupy, X = gpu(), data[0].astype(float)
    scaler = fit_scaler(X, "minmax", xp=cupy, dtype="float32")
    X[145, 3] = bad
    with sentence(ValueError, *parts):
        map_scaled(lambda rows: rows.sum(), "X", X, scaler, xp=cupy, dtype="float32")


@pytest.mark.parametrize(
    ("rows", "columns", "width", "chunks"),
    [
        (1_000_000, 64, 1, [32768] * 30 + [16960]),
        (70_000, 2048, 50, [32768, 32768, 4464]),
        (40_000, 2049, 50, [32752, 7248]),
        (6000, 16, 1 << 14, [4096, 1904]),
        (2, 16, 1 << 27, [1, 1]),
    ],
)
def test_chunks_of_the_device_have_many_rows_and_bounded_values(
    monkeypatch, rows, columns, width, chunks
):
    found = []
    monkeypatch.setattr(
        scaling, "_scaled_chunks", lambda *args, chunks, **more: found.extend(chunks) or []
    )
    cupy = SimpleNamespace(empty=lambda shape, dtype: np.empty((0, 0)))
    x = np.broadcast_to(np.float32(0), (rows, columns))
    map_scaled(len, "X", x, None, xp=cupy, dtype="float32", width=width)
    assert [part.stop - part.start for part in found] == chunks
    assert [part.start for part in found] == np.cumsum([0, *chunks[:-1]]).tolist()


@pytest.mark.parametrize("gate", ["hard", "soft"])
def test_a_route_is_the_same_whatever_the_chunk_and_copied_once_a_column(
    gpu, plain, data, small_model, monkeypatch, gate
):
    cupy, rng = gpu(), np.random.default_rng(2)
    model = small_model(device="cuda", router_gate=gate, **SMALL).fit(*data)
    unseen, x = (rng.random((2, 5)), [4, 5]), cupy.asarray(data[0])
    whole, entropy = model.route(x, *unseen), model.entropy(x)
    assert np.unique(whole.label).size > 1
    for rows in (600, 140, 70, 1):
        monkeypatch.setattr(scaling, "DEVICE_ROWS", rows)
        for given in (x, data[0]):
            with standin.recorded(cupy) as log:
                routed = model.route(given, *unseen)
            of_prototypes, of_x = 2, 1  # whether they are usable
            assert len(log.to_host) == of_prototypes + of_x + len(routed)
            for one, other in zip(routed, whole, strict=True):
                assert one.dtype == other.dtype
                if one.dtype.kind in "iU":
                    assert np.array_equal(one, other)
                else:
                    np.testing.assert_allclose(one, other, rtol=1e-12)
        np.testing.assert_allclose(model.entropy(x), entropy, rtol=1e-12)
