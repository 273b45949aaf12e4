"""The baselines measured beside the model: rows, settings, table."""
