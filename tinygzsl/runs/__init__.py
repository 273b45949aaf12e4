"""Run folders: what `train` writes, and reading it back."""
