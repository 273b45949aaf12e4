"""Count the launches, bytes and operations of training steps on a GPU, and give their roofline.

    python bench/launches.py

Needs g++ but no GPU: the steps run on the tests' stand-in for CuPy. Bytes count every operand and
result once; operations are those of the matrix products. The time of a launch is the longer of both
at the limits of an H100, so the last column is a lower bound, not a prediction.
"""

import sys
from collections import Counter
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "cuda"))

from ladder import counting, emulator, standin

BANDWIDTH, PEAK = 3.35e12, 67e12  # bytes and float32 operations per second
SHOWN = 5e6  # minimum bytes of a kind of launch that has its own row
AWA = {"k": 85, "classes": 40}
STEPS = {
    "CWGAN outer step, d 2048, h 4096, batch 64": (
        counting.cwgan_step,
        {"d": 2048, "h": 4096, "batch": 64, **AWA},
    ),
    "CWGAN outer step, d 2048, h 4096, batch 256": (
        counting.cwgan_step,
        {"d": 2048, "h": 4096, "batch": 256, **AWA},
    ),
    "CWGAN outer step, d 8192, h 4096, batch 64": (
        counting.cwgan_step,
        {"d": 8192, "h": 4096, "batch": 64, **AWA},
    ),
    "VSMM step, d 2048, m 512, batch 256 + 256": (
        counting.vsmm_step,
        {"d": 2048, "m": 512, "batch": 256, **AWA},
    ),
}


def measure():
    """Return the work of every step by name."""
    with standin.installed(memory=64 << 30) as cupy, counting.only_random_kernels():
        return {name: count(cupy, **sizes) for name, (count, sizes) in STEPS.items()}


def table(works):
    """Return one row per step, and for the first one a row per kind of launch, in Markdown."""
    lines = [
        "| step | launches | host copies, waits | MB moved | GFLOP | floor on an H100, ms |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, work in works.items():
        lines.append(
            f"| {name} | {len(work.launches)} | {work.host_copies}, {len(work.waits)} "
            f"| {work.bytes / 1e6:.0f} | {work.flops / 1e9:.1f} "
            f"| {1e3 * work.seconds(BANDWIDTH, PEAK):.2f} |"
        )
    name, work = next(iter(works.items()))
    lines += ["", f"| {name} | launches | MB moved |", "|---|--:|--:|"]
    count, moved = Counter(), Counter()
    for kind, size, _ in work.launches:
        count[kind] += 1
        moved[kind] += size
    large = [kind for kind, size in moved.most_common() if size >= SHOWN]
    for kind in large:
        lines.append(f"| `{kind}` | {count[kind]} | {moved[kind] / 1e6:.0f} |")
    rest = [sum(counter.values()) - sum(counter[k] for k in large) for counter in (count, moved)]
    lines.append(f"| all others | {rest[0]} | {rest[1] / 1e6:.0f} |")
    return "\n".join(lines)


@click.command()
def main():
    """Count the launches, bytes and operations of training steps."""
    if emulator.why_not():
        raise click.ClickException(emulator.why_not())
    click.echo(table(measure()))


if __name__ == "__main__":
    main()
