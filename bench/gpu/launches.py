"""Count the launches of our steps and their time on the device, with PyTorch's profiler.

The profiler records all kernels of the process.
"""

from collections import Counter
from typing import Any

from precision import FLOAT32
from steps import Bench, ours

from tinygzsl.benchmarks.work_cwgan import OuterStep
from tinygzsl.benchmarks.work_vsmm import VsmmStep

STEPS = 3
SHOWN = 15  # kernels in the table, those with the most time


def of_steps(bench: Bench) -> None:
    """Measure an outer step of the CWGAN at batch 64, and a step of the VSMM."""
    sizes, book = bench.sizes, bench.book
    batch = min(64, sizes.most_in_batch)
    works = {
        "CWGAN step, batch 64": lambda: OuterStep(batch=batch, **sizes.cwgan),
        "VSMM step": lambda: VsmmStep(**sizes.vsmm),
    }
    for name, make in works.items():
        book.attempt(name, lambda name=name, make=make: _launches(bench, name, make()))


def _launches(bench: Bench, name: str, work: Any) -> None:
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    _, version = ours(bench, work, FLOAT32)
    with version.precision():
        version.run()
        version.wait()
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            for _ in range(STEPS):
                version.run()
            version.wait()
    events = [
        e for e in seen.profiler.kineto_results.events() if e.device_type() == DeviceType.CUDA
    ]
    if not events:
        raise RuntimeError("PyTorch's profiler saw no kernel")
    count, times = Counter(), Counter()
    for event in events:
        count[event.name()] += 1
        times[event.name()] += event.duration_ns()
    bench.book.row(f"{name}, launches and copies", [len(events) / STEPS], "a step")
    bench.book.row(f"{name}, the device works", [sum(times.values()) / STEPS / 1e6], "ms")
    kinds = [
        {"kernel": k[:80], "launches": count[k] / STEPS, "us": round(t / STEPS / 1e3, 1)}
        for k, t in times.most_common(SHOWN)
    ]
    bench.book.fact(f"{name}, by kernel", kinds)
