"""All hyper-parameters, each with its default, its range, its meaning and its source."""

from .describe import with_settings
from .presets import BEST, PRESETS, given_settings, settings_for
from .setting import is_finite
from .table import GROUPS, Settings

with_settings(indent="    ")(Settings)  # not in table.py, which describe.py imports

__all__ = [
    "BEST",
    "GROUPS",
    "PRESETS",
    "Settings",
    "given_settings",
    "is_finite",
    "settings_for",
]
