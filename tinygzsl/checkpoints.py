"""The checkpoints of the two phases of training, and which settings each depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from .settings import Settings
from .storage.arrays_file import State
from .storage.checkpoints import Checkpoint


class GanCheckpoint(Checkpoint):
    """The state of CWGAN training: networks, moments, looks and the snapshots that were kept."""

    kind, phase = "checkpoint", "CWGAN"

    def _belongs(self, state: State | None) -> bool:
        """False if there is no state. Raises ValueError if it is of other data or settings."""
        if state is not None and not self._fits(state):
            raise ValueError(
                f"{self.path} belongs to other training data or settings; restore them, train "
                "into a new folder, or delete it, and the CWGAN is trained anew"
            )
        return state is not None


class VsmmCheckpoint(Checkpoint):
    """The state of VSMM training: networks, moments, history and the sums of the epoch so far.

    began(anew) may be set: it is called once the CWGAN is there and this phase begins; anew says
    that the file belongs to other settings and is not used. The settings of this phase may change
    between two parts of a run, and it then begins anew.
    """

    kind, phase = "VSMM checkpoint", "VSMM"
    began: Callable[[bool], None] = staticmethod(lambda anew: None)

    def _belongs(self, state: State | None) -> bool:
        fits = state is not None and self._fits(state)
        self.began(state is not None and not fits)
        return fits


class Checkpoints(NamedTuple):
    """What fit goes on from and writes to; None for a phase of which nothing is kept."""

    gan: GanCheckpoint | None = None
    vsmm: VsmmCheckpoint | None = None


def gan_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a CWGAN's checkpoint depends on; --resume may change the others."""
    sections = ("scale_", "gan_", "ptc_", "cs_", "proxy_from")
    later = ("gan_max_epochs", "gan_train_on")
    values = asdict(settings).items()
    found = {k: v for k, v in values if k.startswith(sections) and k not in later}
    if settings.router_unit == "measured":  # the CWGAN then has fewer samples
        found["router_held_out"] = settings.router_held_out
    return found


def vsmm_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a VSMM's checkpoint depends on: all but the router's, as the proxies come
    from the CWGAN.
    """
    found = {k: v for k, v in asdict(settings).items() if not k.startswith("router_")}
    return found | gan_settings(settings)
