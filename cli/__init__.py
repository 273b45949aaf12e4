"""The `tinygzsl` command: one file per sub-command, heavy imports inside the command."""
