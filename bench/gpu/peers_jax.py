"""JAX's versions on the GPU: every step is one jitted function; wait() waits for it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import precision
from timing import Version

from tinygzsl.benchmarks import jax_jit

DEVICE = "gpu"
CHUNK = 65_536  # rows routed at a time


def check_device() -> None:
    """RuntimeError if JAX has no GPU: peers never run on another device than ours."""
    if jax.default_backend() != DEVICE:
        raise RuntimeError(f"JAX runs on {jax.default_backend()}, not on a GPU")


class Training:
    """The benchmarks' JAX version of a training step, on the GPU."""

    def __init__(self, work: Any):
        check_device()
        self.runner = jax_jit.RUNNERS[work.kind](work)

    def run(self) -> None:
        """Start a step."""
        self.runner.state = self.runner.step(self.runner.state, *self.runner.inputs)

    def wait(self) -> None:
        """Wait for it."""
        jax.block_until_ready(self.runner.state)

    def result(self) -> list[np.ndarray]:
        """The parameters."""
        return self.runner.result()


class Softmax:
    """Both losses of a row and their gradient."""

    def __init__(self, work: Any):
        check_device()
        self.runner = jax_jit.RUNNERS[work.kind](work)

    def run(self) -> None:
        """Start it."""
        self.runner.outputs = self.runner.step(*self.runner.inputs)

    def wait(self) -> None:
        """Wait for it."""
        jax.block_until_ready(self.runner.outputs)

    def result(self) -> list[np.ndarray]:
        """What it computed."""
        return self.runner.result()


class LargeRoute:
    """Routing of x (rows, d) on the device in chunks; the results are copied to the host.

    x is a CuPy array, whose memory is shared, or a NumPy array.
    """

    def __init__(self, work: Any, x: Any):
        check_device()
        self.runner = jax_jit.RUNNERS[work.kind](work)
        self.x = jnp.from_dlpack(x)

    def run(self) -> None:
        """Route all rows."""
        runner, rows = self.runner, self.x.shape[0]
        starts = range(0, rows, CHUNK)
        parts = [runner.route(self.x[at : at + CHUNK], *runner.inputs) for at in starts]
        label, *rest = (
            np.concatenate([np.asarray(a) for a in part]) for part in zip(*parts, strict=True)
        )
        runner.found = [runner.work.classes[label], *rest]

    def wait(self) -> None:
        """Do nothing: run() waits."""

    def result(self) -> list[np.ndarray]:
        """Labels, entropies and scores."""
        return self.runner.found


def version(name: str, made: Any, how: str) -> Version:
    """Return the runner `made` as a version named "JAX ...", in float32 or TF32."""
    return Version(name=name, run=made.run, wait=made.wait, precision=lambda: precision.of_jax(how))
