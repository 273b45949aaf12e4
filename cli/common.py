"""What every command shares: errors as one sentence, results as text or one JSON object."""

import json
from collections.abc import Callable
from functools import wraps

import click


def errors_as_sentences(command: Callable) -> Callable:
    """Turn ValueError, OSError and ImportError into one line on stderr and exit code 2."""

    @wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            sentence = click.ClickException(" ".join(str(error).split()))
            sentence.exit_code = 2
            raise sentence from None

    return run


def emit(obj: dict, as_json: bool, text: str) -> None:
    """Print obj as one JSON object, or text."""
    click.echo(json.dumps(obj, allow_nan=False) if as_json else text)
