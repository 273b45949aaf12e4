"""Measure how time and memory of an outer step grow with n, d, h, S and the batch size.

    python bench/growth.py

One size changes at a time and has four values; the others are those of BASE. Time is the median
over the steps, compared with the step's floor at the machine's measured limits. Memory is what the
networks, their optimisers and three steps add at the peak, compared with the parameters and two
moments for each. The features exist before that and have their own column.
"""

import json
import statistics
import time

import click

from tinygzsl.benchmarks.floor import floor_seconds
from tinygzsl.benchmarks.machine import measure_machine
from tinygzsl.benchmarks.resident import peak_memory
from tinygzsl.benchmarks.work_cwgan import OuterStep
from tinygzsl.runtime.threads import check_threads, default_threads, workers

BASE = {"samples": 10000, "d": 1024, "h": 1024, "classes": 50, "batch": 64, "k": 85}
SIZES = {
    "samples": (5000, 10000, 20000, 40000),
    "d": (512, 1024, 2048, 4096),
    "h": (512, 1024, 2048, 4096),
    "classes": (10, 50, 250, 1000),
    "batch": (32, 64, 128, 256),
}
NAMES = {"samples": "n", "d": "d", "h": "h", "classes": "S", "batch": "batch"}


def measure(sizes, threads, *, repeat):
    """Return the seconds of a step, the bytes added at the peak, and their reference values."""
    work = OuterStep(**sizes)
    with workers(threads):
        with peak_memory() as memory:
            runner = work.ours()
            for _ in range(3):
                runner.run()
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            runner.run()
            times.append(time.perf_counter() - start)
    parameters = sum(p.nbytes for p in work.start)
    return {
        "seconds": statistics.median(times),
        "added": memory.added,
        "parameters_and_moments": 3 * parameters,
        "features": work.x.nbytes,
        "phases": work.phases(),
    }


@click.command()
@click.option("--threads", type=int, help="[default: BLAS's number]")
@click.option("--repeat", default=9, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(threads, repeat, as_json):
    """Measure the growth."""
    threads = check_threads(threads) or default_threads()
    measure(BASE | {"d": 64, "h": 64, "samples": 100}, threads, repeat=1)  # compiles and loads
    machine = measure_machine(threads)
    rows = []
    for name, values in SIZES.items():
        for value in values:
            row = measure(BASE | {name: value}, threads, repeat=repeat)
            row["floor"] = floor_seconds(row.pop("phases"), machine)
            rows.append({"size": NAMES[name], "value": value, **row})
    facts = {"base": BASE, "threads": threads, "machine": machine._asdict(), "rows": rows}
    print(json.dumps(facts) if as_json else table(facts))


def table(facts):
    """Return a Markdown table, in ms and in MB of 10^6 bytes."""
    base = ", ".join(f"{NAMES.get(k, k)} {v}" for k, v in facts["base"].items())
    peak, bandwidth = facts["machine"]["peak"] / 1e9, facts["machine"]["bandwidth"] / 1e9
    lines = [
        f"one size changes, the others are {base}; {facts['threads']} threads, measured in this "
        f"run: {peak:.0f} GFLOP/s, {bandwidth:.1f} GB/s",
        "",
        "| size | step, ms | floor / step | added, MB | / parameters and moments | features, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for r in facts["rows"]:
        cells = (
            f"{r['size']} {r['value']}",
            f"{1e3 * r['seconds']:.1f}",
            f"{r['floor'] / r['seconds']:.2f}",
            f"{r['added'] / 1e6:.0f}",
            f"{r['added'] / r['parameters_and_moments']:.2f}",
            f"{r['features'] / 1e6:.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
