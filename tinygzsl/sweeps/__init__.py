"""Sweeps: many trainings, one row each, in local processes or on a dask cluster."""
