"""All hyper-parameters, each with its default, its range, its meaning and its source."""

from .presets import PRESETS, given_settings, settings_for
from .setting import is_finite
from .table import GROUPS, Settings

__all__ = ["GROUPS", "PRESETS", "Settings", "given_settings", "is_finite", "settings_for"]
