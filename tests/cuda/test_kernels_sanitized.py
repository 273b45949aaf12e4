"""All kernels under the sanitizers: no access beyond an array, no race within a block."""

from pathlib import Path

import pytest
from ladder import all_cases, sanitize
from ladder.cases import CASES

SCRIPT = Path(all_cases.__file__)
BEYOND = [
    ("adam", "first; i < packs;", "first; i <= packs;"),
    ("activation", "j < columns; j += columns_at_once", "j <= columns; j += columns_at_once"),
    ("softmax", "if (i >= rows)", "if (i > rows)"),
    ("philox", "4 * i + k < n", "true"),
    ("critic", "|| i >= n", ""),
    ("common", "% 16 == 0", "% 4 == 0"),  # loads of 16 bytes from anywhere
]


@pytest.fixture
def watched():
    """watched(kind, *args) -> what the sanitizer says of all cases."""

    def run(kind, *args):
        if why := sanitize.why_not(kind):
            pytest.skip(why)
        return sanitize.run(kind, SCRIPT, *args)

    return run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_kernel_reads_or_writes_beyond_its_arrays(watched, dtype):
    result = watched("address", "forward", dtype)
    assert not result.found, result.report
    assert f"{len(CASES)} kernels ran" in result.output


@pytest.mark.parametrize("order", ["forward", "random"])
def test_no_kernel_has_a_race(watched, order):
    result = watched("thread", order, "float32")
    assert not result.found, result.report
    assert f"{len(CASES)} kernels ran" in result.output


@pytest.mark.parametrize("fault", BEYOND, ids=lambda fault: f"{fault[0]}: {fault[1]} -> {fault[2]}")
def test_an_access_beyond_an_array_is_found(watched, fault):
    result = watched("address", "forward", "float32", *fault)
    assert result.found
    assert ".cu:" in result.report


@pytest.mark.parametrize(
    "old", ["parts[warp] = x;\n  __syncthreads();", "= x;\n  __syncthreads();"]
)
def test_a_dropped_barrier_is_found(watched, old):
    new = old.replace("__syncthreads();", "__syncwarp();")
    result = watched("thread", "forward", "float32", "common", old, new)
    assert "data race" in result.report
