"""The methods of the paper's tables beside the model: rows, settings, table."""
