"""The pieces of a stack's training in files, so that an interrupted fit can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..storage.arrays_file import FORMAT, State, read_npz, write_npz
from ..storage.atomic_write import leftovers

KIND = "stack checkpoint"  # of its files


class StackCheckpoint:
    """A folder with a file for every finished piece of work: an expert on a fold, or on everything.

    A fit that is stopped at any moment loses the piece it was at. On the same machine with the same
    number of threads, a resumed fit ends with the same bits as an uninterrupted one.

    Parameters
    ----------
    folder : path
        It is made if it does not exist.
    stopping : callable
        Returns whether the user wants to stop; then KeyboardInterrupt is raised after a piece.
    """

    def __init__(self, folder: Any, stopping: Callable[[], bool] = lambda: False):
        self.folder, self.stopping = Path(folder), stopping

    def read(self, name: str, fingerprint: str) -> State | None:
        """Return the state of a piece, None if there is no file of it.

        Raises ValueError if the file is damaged, or belongs to other data, another expert or
        another version.
        """
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            state = read_npz(path, KIND)
        except ValueError as error:
            raise InputError(f"{error}, or delete it to train this piece again") from None
        if state.header.get("fingerprint") != fingerprint:
            raise InputError(
                f"{path} belongs to other training data or another expert, or to another version "
                "of tinygzsl; restore these, use a new folder, or delete the file to train this "
                "piece again"
            )
        return state

    def write(self, name: str, state: State, *, fingerprint: str) -> None:
        """Write the state of a piece, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        for other in leftovers(path):  # of a process that was killed
            other.unlink(missing_ok=True)
        common = {"kind": KIND, "format": FORMAT, "fingerprint": fingerprint}
        write_npz(path, State(common | state.header, state.arrays))

    def stop_if_asked(self) -> None:
        """Raise KeyboardInterrupt if the user wants to stop."""
        if self.stopping():
            raise KeyboardInterrupt
