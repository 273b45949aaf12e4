"""The state of a training in a file, so that a run that was interrupted goes on where it was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .archive import FORMAT, read_npz, write_npz
from .backend import array_module
from .cwgan import CWGAN
from .packing import pack_snapshot, unpack_snapshot
from .snapshots import Look, SnapshotKeeper

CHECKPOINT_SECONDS = 60.0


class GanCheckpoint:
    """The state of CWGAN training in a file, saved at most once a minute and at its end.

    fingerprint, any text, says which data and settings the state belongs to. Random numbers are
    functions of the step, so a run goes on to the bits it would have had, with as many threads on
    the same machine.
    """

    def __init__(self, path: Any, fingerprint: str):
        self.path, self.fingerprint = Path(path), fingerprint
        self.saved_at = time.monotonic()

    def save(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look], force: bool) -> None:
        """Write the state if a minute has passed since the last time, or if force."""
        if not force and time.monotonic() - self.saved_at < CHECKPOINT_SECONDS:
            return
        arrays = gan.state()
        nearest = keeper.nearest and pack_snapshot("nearest", keeper.nearest, arrays)
        header = {
            "kind": "checkpoint",
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "looks": [look._asdict() for look in looks],
            "inside": [pack_snapshot(f"inside{i}", s, arrays) for i, s in enumerate(keeper.inside)],
            "nearest": nearest,
            "seen_inside": keeper.seen_inside,
            "stride": keeper.stride,
        }
        write_npz(self.path, header, arrays)
        self.saved_at = time.monotonic()

    def restore(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look]) -> None:
        """Take the state over from the file, if there is one.

        Raises ValueError if it belongs to other data or settings.
        """
        if not self.path.is_file():
            return
        header, arrays = read_npz(self.path, "checkpoint")
        if header["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"{self.path} belongs to other training data or settings; restore them, or train "
                "into a new folder"
            )
        gan.restore(arrays)
        xp = array_module(*gan.generator.params)
        arrays = {name: xp.asarray(array) for name, array in arrays.items()}
        looks[:] = [Look(**look) for look in header["looks"]]
        keeper.inside = [
            unpack_snapshot(f"inside{i}", s, arrays) for i, s in enumerate(header["inside"])
        ]
        packed = header["nearest"]
        keeper.nearest = packed and unpack_snapshot("nearest", packed, arrays)
        keeper.seen_inside, keeper.stride = header["seen_inside"], header["stride"]
        values = [keeper.value(look) for look in looks]
        keeper.lowest, keeper.highest = min(values), max(values)
