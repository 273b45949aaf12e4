"""The checkpoints of the two phases of training, and the settings that each depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple, TypeGuard

from .errors import InputError
from .settings import Settings
from .storage.arrays_file import State
from .storage.checkpoints import Checkpoint


class GanCheckpoint(Checkpoint):
    """The state of CWGAN training: networks, Adam's moments, looks at CS and kept snapshots."""

    kind, phase = "checkpoint", "CWGAN"

    def _belongs(self, state: State | None) -> TypeGuard[State]:
        """False if there is no state; ValueError if it belongs to other data or settings."""
        if state is not None and not self._fits(state):
            raise InputError(
                f"{self.path} belongs to other training data or settings; restore these, use a new "
                "folder, or delete the file to train the CWGAN again"
            )
        return state is not None


class VsmmCheckpoint(Checkpoint):
    """The state of VSMM training: networks, Adam's moments, history and sums of the current epoch.

    The settings of this phase may change when a run is resumed; the phase then starts again.
    began(anew), if set, is called when this phase starts; anew is True if the file belongs to other
    settings and is not used.
    """

    kind, phase = "VSMM checkpoint", "VSMM"
    began: Callable[[bool], None] = staticmethod(lambda anew: None)

    def _belongs(self, state: State | None) -> TypeGuard[State]:
        fits = state is not None and self._fits(state)
        self.began(state is not None and not fits)
        return fits


class Checkpoints(NamedTuple):
    """The checkpoint of each phase, which fit resumes from and writes; None: no checkpoint."""

    gan: GanCheckpoint | None = None
    vsmm: VsmmCheckpoint | None = None


def gan_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that a CWGAN's checkpoint depends on; --resume may change the others."""
    sections = ("scale_", "gan_", "ptc_", "cs_", "proxy_from")
    later = ("gan_max_epochs", "gan_train_on")
    values = asdict(settings).items()
    found = {k: v for k, v in values if k.startswith(sections) and k not in later}
    if settings.router_unit == "measured":  # the CWGAN then has fewer samples
        found["router_held_out"] = settings.router_held_out
    return found


def vsmm_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that a VSMM's checkpoint depends on: all except the router's.

    Those of the CWGAN are included, as the proxies come from it.
    """
    found = {k: v for k, v in asdict(settings).items() if not k.startswith("router_")}
    return found | gan_settings(settings)
