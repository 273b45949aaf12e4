"""Errors that are not this package's fault: their message is one sentence with the fix.

The command line shows the sentence of these, of a training that diverged (FloatingPointError) and
of the system's errors. Any other error is a fault of this package, and is shown as one.
"""

from __future__ import annotations


class InputError(ValueError):
    """What was given can't be used: an array, a parameter, a file, an option."""


class OutsideError(RuntimeError):
    """Something that this package calls failed: a GPU, another process."""
