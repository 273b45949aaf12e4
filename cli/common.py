"""Code of all commands: errors as one sentence, results as text or one JSON object."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError, OutsideError
from ..runtime.memory import FIX, STARTING, require_room
from ..text import printable

if TYPE_CHECKING:
    from ..storage.output import OutputFile

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
FAULT = 70  # EX_SOFTWARE of sysexits.h
CLOSED = 141  # exit code if stdout is a closed pipe, as after SIGPIPE


def errors_as_sentences(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors into one line on stderr and an exit code.

    The code is 2 for bad input, 1 if training diverged or memory ran out, 130 for Ctrl-C, 143 for
    SIGTERM and 70 for a fault of this package. With `tinygzsl --debug` the traceback comes first.
    """

    @wraps(command)
    def run(*args, **kwargs):
        try:
            require_room(STARTING, "tinygzsl")
            return command(*args, **kwargs)
        except KeyboardInterrupt as error:
            code = getattr(error, "exit_code", INTERRUPTED)  # see signals.Stopped
            raise Failure("interrupted; no half-written file is left", code) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if click.get_current_context().find_root().params.get("debug"):
                note(traceback.format_exc().rstrip())
            raise Failure(sentence(error), _exit_code(error)) from None

    return run


FROM_OUTSIDE = (InputError, OSError, ImportError, UnicodeEncodeError)
FIXES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) or write elsewhere",
    errno.EACCES: "choose a place you may write to",
    errno.EPERM: "choose a place you may write to",
    errno.EROFS: "choose a place you may write to",
    errno.ENOTDIR: "a part of this path is a file; choose another",
    errno.ELOOP: "its links lead in a circle; remove one of them",
    errno.EPIPE: "what reads it has ended before its end",
}


def _out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; mapping a file or loading a library may also fail so."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, MemoryError) or "failed to map segment" in str(error)


def _exit_code(error: Exception) -> int:
    if _out_of_memory(error) or isinstance(error, FloatingPointError | OutsideError):
        return FAILED
    return BAD_INPUT if isinstance(error, FROM_OUTSIDE) else FAULT


def sentence(error: BaseException) -> str:
    """Return what the user is told about an error, on one line, with the fix."""
    if _out_of_memory(error):
        said = getattr(error, "strerror", None) or str(error) or "there is not enough memory"
        text = " ".join(said.split())
        return text if "; " in text else f"{text}; {FIX}"
    if isinstance(error, OSError) and error.strerror:  # the system's: without "[Errno 28]"
        fix = FIXES.get(error.errno or 0, "check the path")
        return f"{error.filename or 'the output'}: {error.strerror}; {fix}"
    if isinstance(error, UnicodeEncodeError):  # a name with bytes that can't be encoded
        bad = f"{error.object[error.start : error.end]!r} in {error.object[:200]!r}"
        return f"{bad} is not valid in {error.encoding}; rename the file, or set PYTHONUTF8=1"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Exception) and _exit_code(error) == FAULT:
        return (
            f"a fault of tinygzsl ({type(error).__name__}: {text}); please report it, with the "
            "traceback that `tinygzsl --debug COMMAND ...` shows"
        )
    return text


class Failure(click.ClickException):
    """An error with a sentence for stderr and an exit code."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click's is a class variable

    def show(self, file=None) -> None:
        """Print the sentence."""
        note(f"Error: {self.message}")


def emit(
    obj: dict[str, Any], *, as_json: bool, text: str, beside: "OutputFile | None" = None
) -> None:
    """Print obj as one JSON object, or text; characters that control a terminal are escaped.

    If stdout has got the content of `beside`, the text goes to stderr.
    """
    if beside is not None and beside.is_stdout:
        note(text)
        return
    _to_stdout(f"{json.dumps(obj, allow_nan=False) if as_json else _shown(text, sys.stdout)}\n")


def emit_data(text: str) -> None:
    """Print the text of a file unchanged, in UTF-8; on a terminal it is escaped."""
    _to_stdout(_shown(text, sys.stdout) if sys.stdout.isatty() else text.encode("utf-8"))


def note(text: str) -> None:
    """Print a line on stderr, as stdout holds results only; ignore errors of writing it."""
    with suppress(OSError):
        click.echo(_shown(text, sys.stderr), err=True)


def _shown(text, stream):
    return printable(text, getattr(stream, "encoding", None))


def output_file(path: str | Path, *, as_json: bool, inputs: Iterable[str] = ()) -> "OutputFile":
    """Return the file of an option, which has been tried.

    Raises ValueError if JSON goes there too, or if it is one of the files that are read.
    """
    from ..storage.output import OutputFile

    out = OutputFile(path)
    if as_json and out.is_stdout:
        raise InputError(f"--json and {path} would both write to stdout; leave one of them out")
    for read in inputs:
        with suppress(FileNotFoundError):
            if not out.is_stream and os.path.samefile(read, out.place):
                raise InputError(f"--out {path} is read itself; name another file")
    return out


def _to_stdout(content: str | bytes) -> None:
    try:
        click.echo(content, nl=False)
    except BrokenPipeError:
        drop_stdout()
        raise SystemExit(CLOSED) from None
    except OSError:  # a full disk
        drop_stdout()
        raise


def drop_stdout() -> None:
    """Drop what stdout has not been able to write; else Python would try it again at exit."""
    with suppress(OSError, AttributeError):  # stdout may be none of the system's
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The --json flag, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def threaded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the --threads option, and run the command on that many threads."""

    @click.option(
        "--threads", type=int, help="Threads for everything.  [default: as many as BLAS would use]"
    )
    @wraps(command)
    def run(*args, threads, **kwargs):
        from ..runtime.threads import check_threads, cores, workers

        if check_threads(threads) and threads > cores():
            note(f"note: --threads {threads} on {cores()} core(s) is slower than fewer")
        with workers(threads):
            return command(*args, **kwargs)

    return run


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of load_dataset; they are None if not given."""
    for decorate in (
        click.option(
            "--prototypes",
            help="Prototypes by name: att, original_att, sent; or several: att,sent.  "
            "[default: att]",
        ),
        click.option("--split", type=int, help="Split number of action recognition, 1 to 30."),
        click.option("--root", help="Folder to look in for a named dataset."),
    ):
        command = decorate(command)
    return command
