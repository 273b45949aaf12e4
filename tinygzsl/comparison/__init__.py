"""Comparison of other methods with the model: settings, rows, table."""
