"""Run folders: the files that `train` writes, and reading them."""
