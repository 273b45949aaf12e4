"""Arrays of both kinds in one call, and errors of the GPU as one sentence."""

import numpy as np
import pytest
from ladder import standin

from tinygzsl import kernels, load_model
from tinygzsl.nn.device_memory import device_errors
from tinygzsl.ptc import ptc_loss

SMALL = {
    "gan_max_epochs": 1,
    "gan_critic_steps": 1,
    "cs_low": 1e-6,
    "cs_high": 0.99,
    "ptc_l2": (1e-2,),
    "proxy_count": 20,
    "vsmm_epochs": 1,
}
pytestmark = pytest.mark.filterwarnings("ignore:the classifier gets")  # of so little training


@pytest.fixture
def cupy():
    """The stand-in, with the definitions in place of emulated kernels: they aren't tested here."""
    with standin.installed() as cupy, kernels.reference_only():
        yield cupy


@pytest.fixture
def data(tiny_dataset):
    """X, y and prototypes of five seen classes."""
    tiny = tiny_dataset()
    return tiny.X_train, tiny.y_train, tiny.seen_prototypes


def test_arrays_of_both_kinds_are_welcome_in_public_and_refused_inside(
    cupy, data, small_model, sentence
):
    X, y, prototypes = data
    there = cupy.asarray(X), cupy.asarray(y), cupy.asarray(prototypes)
    proxies = X[:50] + 1
    unseen = prototypes[:2] + 1, [10, 11]
    for device in ("cuda", "cpu"):
        routes = []
        for arrays, more in (
            ((X, y, prototypes), proxies),
            ((X, y, there[2]), cupy.asarray(proxies)),
            ((there[0], there[1], prototypes), proxies),
            (there, cupy.asarray(proxies)),
        ):
            model = small_model(device=device, **SMALL).fit(*arrays, proxies=more)
            assert type(model.predict(arrays[0])) is np.ndarray
            routes.append(model.route(arrays[0], cupy.asarray(unseen[0]), unseen[1]))
            assert all(type(column) is np.ndarray for column in routes[-1])
            assert model.score(there[0], there[1]) == model.score(X, y)
        for route in routes[1:]:
            for one, other in zip(route, routes[0], strict=True):
                assert np.array_equal(one, other)
    with sentence(TypeError, "different devices (numpy, cupy, cupy, numpy)", "to_device"):
        kernels.scale_rows(X, there[2][0], there[2][0], False, X)
    with sentence(TypeError, "different devices", "to_device"):
        ptc_loss(np.zeros((5, 12), "f"), np.zeros(5, "f"), there[0], there[1], l2=0.1)


def out_of_memory(cupy):
    return cupy.cuda.memory.OutOfMemoryError(3 * 10**9, 10**9)


@pytest.mark.parametrize(
    ("phase", "fix"), [("ptc", "end other programs"), ("gan", "gan_batch"), ("vsmm", "vsmm_batch")]
)
def test_fit_says_what_to_lower(cupy, data, small_model, sentence, phase, fix):
    def stop(step, logs):
        if logs["phase"] == phase:
            raise out_of_memory(cupy)

    model = small_model(device="cuda", callback=stop, **SMALL)
    with sentence(MemoryError, "3.00 GB were asked for", "of 8.59 GB are free", fix, "'cpu'"):
        model.fit(*data)


def test_predict_and_load_say_that_memory_is_out(cupy, data, small_model, sentence, tmp_path):
    model = small_model(device="cuda", **SMALL).fit(*data, proxies=data[0])
    model.save(tmp_path / "model.npz")
    unseen = data[2] + 1, range(10, 15)
    for call in (
        lambda: model.predict(data[0]),
        lambda: model.route(data[0], *unseen),
        lambda: model.compatibility(data[0], unseen[0]),
        lambda: load_model(tmp_path / "model.npz"),
    ):
        with standin.fail_after(cupy, 0, out_of_memory(cupy)):  # noqa: SIM117
            with sentence(MemoryError, "3.00 GB were asked for", "use device='cpu'"):
                call()


def test_sample_proxies_says_that_memory_is_out(cupy, data, small_model, sentence):
    model = small_model(device="cuda", **SMALL).fit(*data)
    with standin.fail_after(cupy, 0, out_of_memory(cupy)):  # noqa: SIM117
        with sentence(MemoryError, "3.00 GB were asked for", "use device='cpu'"):
            model.sample_proxies(5)
    assert model.sample_proxies(5).shape == (5, 12)


def test_the_figures_are_those_of_the_device(sentence):
    figures = "500.0 MB were asked for and 400.0 MB of 1.00 GB are free; sell"
    with standin.installed(memory=10**9) as cupy:
        used = cupy.empty(600 * 10**6, "uint8")
        with sentence(MemoryError, figures), device_errors("sell"):
            cupy.empty(500 * 10**6, "uint8")
        assert used.size


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("driver.CUDADriverError", "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        ("runtime.CUDARuntimeError", "cudaErrorMemoryAllocation: out of memory"),
        ("cublas.CUBLASError", "CUBLAS_STATUS_ALLOC_FAILED"),
    ],
)
def test_the_driver_and_cublas_run_out_of_memory_too(cupy, sentence, kind, text):
    module, _, name = kind.partition(".")
    error = getattr(getattr(cupy.cuda, module), name)(text)
    with (
        sentence(MemoryError, "the GPU is out of memory: 8.59 GB of", "sell"),
        device_errors("sell"),
    ):
        raise error


@pytest.mark.parametrize("kind", ["driver.CUDADriverError", "cublas.CUBLASError"])
def test_launches_and_products_fail_in_a_sentence(cupy, sentence, kind):
    module, _, name = kind.partition(".")
    error = getattr(getattr(cupy.cuda, module), name)("went\nwrong")
    with sentence(RuntimeError, "CUDA failed (went wrong)", "cpu"), device_errors("sell"):
        raise error


def test_errors_of_others_stay_as_they_are(cupy):
    for error in (RuntimeError("mine"), MemoryError("host")):
        with pytest.raises(type(error), match=str(error)), device_errors("sell"):
            raise error


def test_other_errors_of_cuda_are_one_sentence(cupy, data, small_model, sentence):
    failed = cupy.cuda.runtime.CUDARuntimeError(719)
    with standin.fail_after(cupy, 20, failed), sentence(RuntimeError, "CUDA failed (", "Python"):
        small_model(device="cuda", **SMALL).fit(*data)
