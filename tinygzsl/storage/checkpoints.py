"""The state of a training in files, so that a run that was interrupted goes on where it was.

Random numbers are functions of the step, so there is no random state, and a run that goes on ends
with the very bits of one that was never interrupted, with as many threads on the same machine. The
arrays belong to no device.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..text import shown
from .arrays_file import DAMAGED, FORMAT, State, read_npz, write_npz

CHECKPOINT_SECONDS = 60.0


class Resumable(Protocol):
    """A training that turns itself into arrays and text, and back."""

    @property
    def step(self) -> int:
        """How far it is."""

    def state(self) -> State:
        """All that a training that goes on needs, with arrays of the host."""

    def restore(self, state: State) -> None:
        """Take over what `state` returned. Raises ValueError, or any of DAMAGED, if it can't be."""


class Checkpoint(ABC):
    """The state of one phase of training in a file.

    path         the file
    fingerprint  any text that says which data and settings the state belongs to
    seconds      how often it is written, at most; 0 after every step
    stopping     whether the user wants to stop: then it is written at once, and KeyboardInterrupt
                 raised

    Nothing is copied, and no GPU waited for, before `due`.
    """

    kind: str  # of the file
    phase: str  # what is trained

    def __init__(
        self,
        path: Any,
        fingerprint: str,
        seconds: float = CHECKPOINT_SECONDS,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self.path, self.fingerprint = Path(path), fingerprint
        self.seconds, self.stopping = seconds, stopping
        self.saved_at = time.monotonic()
        self.step: int | None = None  # what the file holds, once it was written or read

    def due(self) -> bool:
        """Whether the time has come to save."""
        return time.monotonic() - self.saved_at >= self.seconds or self.stopping()

    def describe(self) -> str:
        """Where a training that has failed can go on."""
        if self.step is None:
            return "there is no checkpoint of it yet"
        return f"the last good checkpoint is {self.path}, of step {self.step}"

    def save(self, training: Resumable) -> None:
        """Write the state, which must be known to be finite, unless the file has it; stop if the
        user wants to.
        """
        if training.step != self.step:
            common = {"kind": self.kind, "format": FORMAT, "fingerprint": self.fingerprint}
            state = training.state()
            write_npz(self.path, State(common | state.header, state.arrays))
            self.step = training.step
        self.saved_at = time.monotonic()
        if self.stopping():
            raise KeyboardInterrupt

    def restore(self, training: Resumable) -> None:
        """Take the state over from the file, if there is one and it belongs to this training.

        Raises ValueError if it is damaged or of another training.
        """
        state = self._read()
        if not self._belongs(state):
            return
        try:
            training.restore(state)
        except DAMAGED as error:
            words = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"{self.path} is damaged ({shown(words, 300)}); delete it, and the {self.phase} "
                "is trained anew"
            ) from None
        self.step = training.step

    def _read(self) -> State | None:
        """None if there is no file."""
        if not self.path.is_file():
            return None
        try:
            return read_npz(self.path, self.kind)
        except ValueError as error:
            raise ValueError(f"{error}; delete it, and this phase is trained anew") from None

    def _fits(self, state: State) -> bool:
        return state.header.get("fingerprint") == self.fingerprint

    @abstractmethod
    def _belongs(self, state: State | None) -> bool:
        """Whether there is a state and the training may go on from it."""


@contextmanager
def named_in_errors(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Add the last good checkpoint, if any are kept, to the sentence of a divergence."""
    try:
        yield
    except FloatingPointError as error:
        if checkpoint is None:
            raise
        raise FloatingPointError(f"{error}; {checkpoint.describe()}") from None
