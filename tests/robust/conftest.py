"""Fast baselines, for the tests that go through every kind of model."""

from fast_methods import fast_params, fit, make  # noqa: F401
