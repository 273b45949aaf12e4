"""The work of a fit in pieces: each is done or read from a checkpoint, counted and reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..runtime.checks import check_number
from ..storage.arrays_file import State, whole_or_damaged
from .checkpoints import KIND, StackCheckpoint

T = TypeVar("T")
Callback = Callable[[int, dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of work: its file, what is trained and on what, and the number of training samples.

    fingerprint identifies all that the result depends on.
    """

    file: str
    what: str
    where: str
    rows: int
    fingerprint: str


class Pieces:
    """Does the pieces of a plan, each once, and calls callback(pieces done, logs) after each.

    logs has the phase "stack", the total number of pieces, the piece that was done, roughly the
    bytes that fit takes at most (expected_bytes) and the seconds that it takes (expected_seconds)
    and that are left (seconds_left): None until every expert has been trained once, as before that
    nothing is known about its speed.
    """

    def __init__(
        self,
        plan: list[Piece],
        *,
        memory_bytes: int,
        callback: Callback | None,
        checkpoint: StackCheckpoint | None,
    ):
        self.plan, self.left, self.memory_bytes = plan, list(plan), memory_bytes
        self.callback, self.checkpoint = callback, checkpoint
        self.seconds_per_row: dict[str, float] = {}
        self._report("")

    def do(self, piece: Piece, make: Callable[[], State], take: Callable[[State], T]) -> T:
        """Return take(the state of the piece), from its file, or else from `make` and written.

        Raises ValueError if take finds that the file is damaged, by one of DAMAGED.
        """
        saved = self.checkpoint
        state = saved.read(piece.file, piece.fingerprint) if saved else None
        if saved and state is not None:
            fix = "delete it to train this piece again"
            with whole_or_damaged(saved.folder / piece.file, KIND, fix=fix):
                check_number("seconds", state.header["seconds"])
                taken = take(state)
        else:
            began = time.perf_counter()
            state = make()
            seconds = time.perf_counter() - began
            state = State({**state.header, "seconds": seconds}, state.arrays)
            if saved:
                saved.write(piece.file, state, fingerprint=piece.fingerprint)
            taken = take(state)
        self.seconds_per_row[piece.what] = state.header["seconds"] / piece.rows
        self.left.remove(piece)
        self._report(f"{piece.what}, {piece.where}")
        if saved:
            saved.stop_if_asked()
        return taken

    def _seconds(self, pieces: list[Piece]) -> float | None:
        """Return the seconds that the pieces take, by the last one of each kind, if it is known."""
        if any(piece.what not in self.seconds_per_row for piece in self.left):
            return None
        return sum(self.seconds_per_row[piece.what] * piece.rows for piece in pieces)

    def _report(self, done: str) -> None:
        if self.callback:
            logs = {
                "phase": "stack",
                "total": len(self.plan),
                "piece": done,
                "expected_bytes": self.memory_bytes,
                "expected_seconds": self._seconds(self.plan),
                "seconds_left": self._seconds(self.left),
            }
            self.callback(len(self.plan) - len(self.left), logs)
