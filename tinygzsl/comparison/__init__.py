"""Comparison of the methods in the paper's tables with the model: settings, rows, table."""
