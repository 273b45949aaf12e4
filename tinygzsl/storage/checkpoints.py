"""The state of a training in files, so that a run that was interrupted goes on where it was.

Random numbers are functions of the step, so there is no random state, and a run that goes on ends
with the very bits of one that was never interrupted, with as many threads on the same machine. The
arrays belong to no device.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cwgan import CWGAN
from ..model_checks import check_network, check_number, check_progress
from ..nn.mlp import MLP
from ..packing import pack_snapshot, unpack_snapshot
from ..runtime.backend import array_module
from ..snapshots import Look, SnapshotKeeper
from ..text import shown
from .arrays_file import FORMAT, read_npz, write_npz

if TYPE_CHECKING:
    from ..vsmm import VsmmTraining

CHECKPOINT_SECONDS = 60.0
DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


class PhaseCheckpoint:
    """The state of one phase of training in a file.

    path         the file
    fingerprint  any text that says which data and settings the state belongs to
    seconds      how often it is written, at most; 0 after every step
    stopping     whether the user wants to stop: then it is written at once, and KeyboardInterrupt
                 raised

    Nothing is copied, and no GPU waited for, before `due`.
    """

    kind = "checkpoint"

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

    def _write(self, step: int, header: dict, arrays: dict) -> None:
        """Write the state of that step, unless the file has it; stop if the user wants to."""
        if step != self.step:
            common = {"kind": self.kind, "format": FORMAT, "fingerprint": self.fingerprint}
            write_npz(self.path, common | header, arrays)
            self.step = step
        self.saved_at = time.monotonic()
        if self.stopping():
            raise KeyboardInterrupt

    def _read(self) -> tuple[dict, dict] | None:
        """Header and arrays; None if there is no file."""
        if not self.path.is_file():
            return None
        try:
            return read_npz(self.path, self.kind)
        except ValueError as error:
            raise ValueError(f"{error}; delete it, and this phase is trained anew") from None


class GanCheckpoint(PhaseCheckpoint):
    """The state of CWGAN training: networks, moments, looks and the snapshots that were kept."""

    def save(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look]) -> None:
        """Write the state, which must be known to be finite."""
        arrays = gan.state()
        nearest = keeper.nearest and pack_snapshot("nearest", keeper.nearest, arrays)
        header = {
            "looks": [look._asdict() for look in looks],
            "inside": [pack_snapshot(f"inside{i}", s, arrays) for i, s in enumerate(keeper.inside)],
            "nearest": nearest,
            "seen_inside": keeper.seen_inside,
            "stride": keeper.stride,
        }
        self._write(gan.step, header, arrays)

    def restore(self, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look]) -> None:
        """Take the state over from the file, if there is one.

        Raises ValueError if it belongs to other data or settings.
        """
        found = self._read()
        if found is None:
            return
        header, arrays = found
        if header.get("fingerprint") != self.fingerprint:
            raise ValueError(
                f"{self.path} belongs to other training data or settings; restore them, train "
                "into a new folder, or delete it, and the CWGAN is trained anew"
            )
        try:
            self._take_over(header, arrays, gan, keeper, looks)
        except DAMAGED as error:
            words = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"{self.path} is damaged ({shown(words, 300)}); delete it, and the "
                "CWGAN is trained anew"
            ) from None

    def _take_over(
        self, header: dict, arrays: dict, gan: CWGAN, keeper: SnapshotKeeper, looks: list[Look]
    ) -> None:
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
        generator = gan.generator
        for snapshot in [*keeper.inside, *([keeper.nearest] if keeper.nearest else [])]:
            check_network("a generator", snapshot.generator, *_ends(generator))
            if snapshot.look not in looks:
                raise ValueError("a snapshot is of none of the looks")
        for name, number in (("seen_inside", keeper.seen_inside), ("stride", keeper.stride)):
            check_number(name, number)
        for number in (number for look in looks for number in look):
            check_number("a look", number)
        values = [keeper.value(look) for look in looks]
        keeper.lowest = min(values, default=math.inf)
        keeper.highest = max(values, default=-math.inf)
        self.step = gan.step


class VsmmCheckpoint(PhaseCheckpoint):
    """The state of VSMM training: networks, moments, history and the sums of the epoch so far.

    began(anew) may be set: it is called once the CWGAN is there and this phase begins; anew says
    that the file belongs to other settings and is not used.
    """

    kind = "VSMM checkpoint"
    began: Callable[[bool], None] = staticmethod(lambda anew: None)

    def save(self, training: VsmmTraining) -> None:
        """Write the state, which must be known to be finite."""
        arrays, header = training.state()
        self._write(training.adam.t, header, arrays)

    def restore(self, training: VsmmTraining) -> None:
        """Take the state over from the file, if there is one and it belongs to these settings:
        those of this phase may change between two parts of a run, and it then begins anew.

        Raises ValueError if it is damaged.
        """
        found = self._read()
        fits = found is not None and found[0].get("fingerprint") == self.fingerprint
        self.began(found is not None and not fits)
        if not fits:
            return
        header, arrays = found
        try:
            check_progress(header, arrays)
            training.restore(arrays, header)
        except DAMAGED as error:
            words = shown(f"no {error}" if isinstance(error, KeyError) else error, 300)
            raise ValueError(
                f"{self.path} is damaged ({words}); delete it, and the VSMM is trained anew"
            ) from None
        self.step = training.adam.t


class Checkpoints(NamedTuple):
    """What fit goes on from and writes to; None for a phase of which nothing is kept."""

    gan: GanCheckpoint | None = None
    vsmm: VsmmCheckpoint | None = None


@contextmanager
def named_in_errors(checkpoint: PhaseCheckpoint | None) -> Iterator[None]:
    """Add the last good checkpoint, if any are kept, to the sentence of a divergence."""
    try:
        yield
    except FloatingPointError as error:
        if checkpoint is None:
            raise
        raise FloatingPointError(f"{error}; {checkpoint.describe()}") from None


def _ends(generator: MLP) -> tuple[int, int, Any]:
    """Width of the input and of the output, and the dtype."""
    return generator.sizes[0], generator.sizes[-1], generator.params[0].dtype
