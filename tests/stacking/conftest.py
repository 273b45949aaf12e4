"""Fast methods to put together."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fast_methods import fast_params, fit, make  # noqa: F401
