"""Fast methods to compare."""

from fast_methods import fast_params, fit, make  # noqa: F401
