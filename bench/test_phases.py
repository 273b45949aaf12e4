"""The phases of training and prediction in every version, each checked before it is timed.

    pytest bench --benchmark-only           small sizes
    pytest bench --benchmark-only --full    the sizes of bench/README.md

Versions run one after the other here; `tinygzsl bench` times them in turns.
"""

import pytest

from tinygzsl.benchmarks.versions import OURS, PEERS, REFERENCE

SMALL = {"d": 512, "k": 85, "batch": 64, "samples": 2000}
FULL = {"d": 2048, "k": 85, "batch": 64}
SIZES = {
    "critic": (SMALL | {"h": 1024}, FULL | {"h": 4096}),
    "outer": (SMALL | {"h": 1024}, FULL | {"h": 4096}),
    "vsmm": (SMALL | {"m": 256}, FULL | {"m": 512, "batch": 256}),
    "route": ({"rows": 10000, "d": 512, "m": 256}, {"rows": 100_000, "d": 2048, "m": 512}),
}
GROUPS = {
    "critic": "critic step",
    "outer": "outer step",
    "vsmm": "VSMM step",
    "route": "predict",
}


@pytest.mark.parametrize("version", [OURS, REFERENCE, *PEERS])
@pytest.mark.parametrize("kind", SIZES)
def test_phase(kind, version, measure, benchmark):
    benchmark.group = f"phase: {GROUPS[kind]}"
    measure(kind, version, *SIZES[kind])
