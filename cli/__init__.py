"""The `tinygzsl` command: one file per sub-command, which imports heavy packages when it runs."""
