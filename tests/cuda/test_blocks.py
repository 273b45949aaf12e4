"""No two blocks of a kernel write to one place, so no result depends on their order."""

import numpy as np
import pytest
from ladder import checks, emulator
from ladder.cases import CASES

from tinygzsl.kernels.cuda import launch

ONE_BLOCK = {"entropy_hinge"}
FLAGS = {"bad"}  # any block may set one, all of them to the same value
LARGEST = 1 << 20  # bytes of a launch that is looked at: each block runs on a copy of all arrays


@pytest.fixture
def watched(monkeypatch):
    """A list that gets the number of blocks of every launch that was looked at."""
    whole, blocks = emulator.Kernel.__call__, []

    def run(self, grid, block, args, shared_mem=0):
        count = int(np.prod(grid))
        if 1 < count <= 64 and sum(a.nbytes for a in args) <= LARGEST:
            assert_disjoint(lambda copies: whole(self, grid, block, copies), count, args)
            blocks.append(count)
        whole(self, grid, block, args, shared_mem)

    monkeypatch.setattr(emulator.Kernel, "__call__", run)
    return blocks


def assert_disjoint(run, count, args):
    arrays = [i for i, a in enumerate(args) if a.ndim and a.dtype != np.int32]
    owners = {i: np.zeros(args[i].size, int) for i in arrays}
    for number in range(count):
        copies = [a.copy() for a in args]
        with emulator.only_block(number):
            run(tuple(copies))
        for i in arrays:
            before, after = (bits(a[i]) for a in (args, copies))
            owners[i] += before != after
    assert all(owner.max(initial=0) <= 1 for owner in owners.values()), "two blocks, one place"


def bits(a):
    """The elements as whole numbers: NaN equals itself then."""
    return a.reshape(-1).view(f"u{a.itemsize}")


@pytest.mark.parametrize("kernel", CASES)
def test_blocks_write_to_places_of_their_own(device, watched, kernel):
    checks.run_all(device, [kernel])
    assert bool(watched) != (kernel in ONE_BLOCK)


def test_blocks_that_share_a_place_are_noticed(device, monkeypatch, watched):
    whole = launch.source
    shared = ("(long long)blockIdx.x * columns + j", "j")
    monkeypatch.setattr(launch, "source", lambda *args: whole(*args).replace(*shared))
    with pytest.raises(AssertionError, match="two blocks, one place"):
        checks.run_all(device, ["activation_gradient"])
