"""Fast methods to put together."""

from fast_methods import fast_params, fit, make  # noqa: F401
