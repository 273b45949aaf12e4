"""Times of versions measured in turns, and of single kernels on the device."""

import gc
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

MOST = 300  # maximum runs of a version in a round
SLOW = 0.3  # seconds of a run from which it is slow


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of the work: run() starts it, wait() waits for it, both inside precision()."""

    name: str
    run: Callable[[], object]
    wait: Callable[[], object]
    precision: Callable[[], AbstractContextManager] = nullcontext


def in_turns(versions: list[Version], rounds: int, turn: float) -> dict[str, list[float]]:
    """Return the seconds of a run by version, one entry per round; each round times every version.

    A turn takes about `turn` seconds: after an uncounted run, a version runs several times and is
    then waited for once, as in training. A slow version runs once. The first round doesn't count.
    """
    samples: dict[str, list[float]] = {version.name: [] for version in versions}
    counts, slow = dict.fromkeys(samples, 1), dict.fromkeys(samples, False)
    gc.collect()
    for number in range(rounds + 1):
        for version in versions if number % 2 == 0 else versions[::-1]:
            count = counts[version.name]
            with version.precision():
                if not slow[version.name]:
                    version.run()
                    version.wait()
                start = time.perf_counter()
                for _ in range(count):
                    version.run()
                version.wait()
                seconds = (time.perf_counter() - start) / count
            counts[version.name] = max(1, min(MOST, int(turn / seconds)))
            slow[version.name] = seconds > SLOW
            if number:
                samples[version.name].append(seconds)
    return samples


def host_seconds(version: Version, count: int) -> list[float]:
    """Return the seconds until run() returns while the device is idle."""
    samples = []
    with version.precision():
        for _ in range(count):
            version.wait()
            start = time.perf_counter()
            version.run()
            samples.append(time.perf_counter() - start)
        version.wait()
    return samples


class DeviceClock:
    """Measures seconds on the device, without the host's overhead.

    Starting a kernel takes the host longer than many kernels run. So the device first gets a large
    matrix product, and the kernels wait in the queue behind it.
    """

    def __init__(self, cupy: ModuleType, order: int, rounds: int):
        self.cupy, self.rounds = cupy, rounds
        self.matrix = cupy.ones((order, order), "float32")
        self.out = cupy.empty_like(self.matrix)

    def seconds(self, run: Callable[[], object], count: int = 20) -> list[float]:
        """Return the seconds of a run, one entry per round of `count` runs."""
        cuda, samples = self.cupy.cuda, []
        start, end = cuda.Event(), cuda.Event()
        run()  # compiles the kernel
        run()  # fills CuPy's memory pool
        for _ in range(self.rounds):
            self.cupy.matmul(self.matrix, self.matrix, out=self.out)
            start.record()
            for _ in range(count):
                run()
            end.record()
            end.synchronize()
            samples.append(cuda.get_elapsed_time(start, end) / 1e3 / count)
        return samples


def rates(amount: float, samples: list[float]) -> list[float]:
    """Return amount per second for each sample."""
    return [amount / seconds for seconds in samples]
