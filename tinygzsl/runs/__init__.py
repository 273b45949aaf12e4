"""Run folders: what `train` writes and `evaluate`, `predict`, `plot` and `report` read."""
