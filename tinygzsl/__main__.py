"""``python -m tinygzsl`` is the ``tinygzsl`` command."""

from .cli.main import main

if __name__ == "__main__":
    main()
