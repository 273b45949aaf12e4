"""The work that is compared: a short selection and the full table."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from ..errors import InputError
from .versions import Work
from .work_cwgan import CriticStep, OuterStep
from .work_kernels import AdamUpdate, Softmax
from .work_route import Route
from .work_vsmm import VsmmStep

KINDS: dict[str, type[Work]] = {
    "critic": CriticStep,
    "outer": OuterStep,
    "vsmm": VsmmStep,
    "softmax": Softmax,
    "adam": AdamUpdate,
    "route": Route,
}


class Item(NamedTuple):
    """The work of a row in the table: its name, kind and sizes."""

    name: str
    kind: str
    sizes: dict[str, Any]

    def make(self) -> Work:
        """Return the work with its inputs."""
        return KINDS[self.kind](**self.sizes)


def _sizes(**sizes: Any) -> dict[str, Any]:
    return sizes


_AWA = partial(_sizes, d=2048, k=85, h=4096)  # f-CLSWGAN's networks on AWA1
_ACTION = partial(_sizes, d=8192, k=300, h=4096, hidden=(4096, 4096), samples=7000)

SHORT = (
    Item(
        "CWGAN outer step, d 512, h 1024, batch 64",
        "outer",
        _sizes(d=512, k=85, h=1024, batch=64, samples=5000),
    ),
    Item(
        "VSMM step, d 512, m 256, batch 128 + 128",
        "vsmm",
        _sizes(d=512, k=85, m=256, batch=128, samples=5000),
    ),
    Item("softmax with both losses, (4096, 150)", "softmax", _sizes(rows=4096, classes=150)),
    Item("route, 20000 x 512, m 256", "route", _sizes(rows=20000, d=512, m=256)),
)
FULL = (
    Item("CWGAN outer step, d 2048, h 4096, batch 64", "outer", _AWA(batch=64)),
    Item("CWGAN outer step, d 2048, h 4096, batch 256", "outer", _AWA(batch=256)),
    Item("CWGAN outer step, d 8192, h 4096, batch 64", "outer", _ACTION(batch=64)),
    Item(
        "VSMM step, d 2048, m 512, batch 256 + 256", "vsmm", _sizes(d=2048, k=85, m=512, batch=256)
    ),
    Item("softmax with both losses, (4096, 150)", "softmax", _sizes(rows=4096, classes=150)),
    Item("softmax with both losses, (65536, 1000)", "softmax", _sizes(rows=65536, classes=1000)),
    Item("route, 100000 x 2048, m 512", "route", _sizes(rows=100_000, d=2048, m=512)),
)


def chosen(items: tuple[Item, ...], only: str | None) -> list[Item]:
    """Return the items whose names contain `only`; ValueError, with all names, if there is none."""
    found = [item for item in items if not only or only.casefold() in item.name.casefold()]
    if not found:
        names = "; ".join(item.name for item in items)
        raise InputError(f"no work has {only!r} in its name; there are: {names}")
    return found
