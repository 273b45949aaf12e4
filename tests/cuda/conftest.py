"""The folder of these tests is importable, so that they say `from ladder import ...`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from ladder import emulator, standin

from tinygzsl.kernels.cuda import launch


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No test leaves a stand-in behind, or the next tests would believe in a GPU."""
    before = sys.modules.get("cupy")
    yield
    assert sys.modules.get("cupy") is before


@pytest.fixture
def device():
    """The stand-in for CuPy, whose kernels run on the emulator."""
    if emulator.why_not():
        pytest.skip(emulator.why_not())
    with standin.installed() as cupy:
        yield cupy
    launch._compiled.cache_clear()  # every stand-in is a module of its own
    launch._module.cache_clear()
