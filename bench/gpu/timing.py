"""Times of versions in turns, and of a kernel on the device alone."""

import gc
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

MOST = 300  # runs of a version in a round
SLOW = 0.3  # seconds


@dataclass(frozen=True, kw_only=True)
class Version:
    """One way to do the work: run() starts it, wait() waits for it, precision() is around both."""

    name: str
    run: Callable[[], object]
    wait: Callable[[], object]
    precision: Callable[[], AbstractContextManager] = nullcontext


def in_turns(versions: list[Version], rounds: int, turn: float) -> dict[str, list[float]]:
    """Seconds of a run by version, one entry a round; in a round each version has its turn.

    In a turn of about `turn` seconds a version runs several times and is waited for once, as in
    training, after one run that doesn't count, unless a run is slow. The first round doesn't
    count either.
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
    """Seconds until run() returns, when the device has nothing to do."""
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
    """Seconds on the device, without the host's part.

    The host needs longer to start a kernel than many kernels run. So the device first gets a large
    product to do, and the kernels queue up behind it.
    """

    def __init__(self, cupy: ModuleType, order: int, rounds: int):
        self.cupy, self.rounds = cupy, rounds
        self.matrix = cupy.ones((order, order), "float32")
        self.out = cupy.empty_like(self.matrix)

    def seconds(self, run: Callable[[], object], count: int = 20) -> list[float]:
        """Seconds of a run, one entry a round of `count` runs."""
        cuda, samples = self.cupy.cuda, []
        start, end = cuda.Event(), cuda.Event()
        run()  # compiles, and
        run()  # fills CuPy's pool of memory
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
    """amount a second."""
    return [amount / seconds for seconds in samples]
