"""The state of training in files, so that an interrupted run can be resumed.

Random numbers are functions of the step, so there is no random state to keep. On the same machine
with the same number of threads, a resumed run ends with the same bits as an uninterrupted one. The
arrays in the files are not tied to a device.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeGuard

from ..errors import InputError
from .arrays_file import FORMAT, State, read_npz, whole_or_damaged, write_npz

CHECKPOINT_SECONDS = 60.0


class Resumable(Protocol):
    """A training whose state can be saved and restored."""

    @property
    def step(self) -> int:
        """The number of steps done."""

    def state(self) -> State:
        """Return everything needed to resume, with arrays on the host."""

    def restore(self, state: State) -> None:
        """Set the state to one that `state` returned; raises one of DAMAGED if it doesn't fit."""


class Checkpoint(ABC):
    """The state of one phase of training in a file.

    Arrays are copied, and a GPU is waited for, only when the state is saved.

    Parameters
    ----------
    path : path
        The file.
    fingerprint : str
        Identifies the data and settings that the state belongs to.
    seconds : float
        Minimum seconds between two saves; 0 saves after every step.
    stopping : callable
        Returns whether the user wants to stop; then the state is saved at once and
        KeyboardInterrupt is raised.
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
        self.step: int | None = None  # the step in the file, after the first save or restore

    def due(self) -> bool:
        """Return whether the state should be saved now."""
        return time.monotonic() - self.saved_at >= self.seconds or self.stopping()

    def describe(self) -> str:
        """Return which checkpoint a failed training can resume from, in words."""
        if self.step is None:
            return "there is no checkpoint of it yet"
        return f"the last good checkpoint is {self.path}, of step {self.step}"

    def save(self, training: Resumable) -> None:
        """Write the state unless the file already holds this step, then stop if the user wants to.

        The caller has checked that the state is finite.
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
        """Restore the training from the file, if it exists and belongs to this training.

        Raises ValueError if it is damaged or belongs to another training.
        """
        state = self._read()
        if not self._belongs(state):
            return
        fix = f"delete it to train the {self.phase} again"
        with whole_or_damaged(self.path, self.kind, fix=fix):
            training.restore(state)
        self.step = training.step

    def _read(self) -> State | None:
        """Return the state in the file, or None if there is no file."""
        if not self.path.is_file():
            return None
        try:
            return read_npz(self.path, self.kind)
        except ValueError as error:
            raise InputError(f"{error}, or delete it to train this phase again") from None

    def _fits(self, state: State) -> bool:
        return state.header.get("fingerprint") == self.fingerprint

    @abstractmethod
    def _belongs(self, state: State | None) -> TypeGuard[State]:
        """Return whether there is a state that this training may resume from."""


@contextmanager
def named_in_errors(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Add the last good checkpoint, if checkpoints are kept, to the message of a divergence."""
    try:
        yield
    except FloatingPointError as error:
        if checkpoint is None:
            raise
        error.args = (f"{error}; {checkpoint.describe()}",)
        raise
