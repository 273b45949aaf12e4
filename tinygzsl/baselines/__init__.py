"""The methods in the paper's tables, one per file, all with the same fit and predict.

``from tinygzsl.baselines import SAE``; a method's modules are imported on first use. METHODS lists
the methods in the order of the paper's tables. RoutedGZSL in tinygzsl.stacking puts the paper's
router in front of any of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ale import ALE
    from .cewgan import CEWGANOD
    from .conse import ConSE
    from .dem import DEM
    from .devise import DeViSE
    from .dsen import DSEN
    from .eszsl import ESZSL
    from .fclswgan import FCLSWGAN
    from .fvaegan import FVAEGAN
    from .ggm import GGM
    from .psr import PSR
    from .sadle import SADLE
    from .sae import SAE
    from .segzsl import SEGZSL
    from .sje import SJE
    from .sync import SYNC

METHODS = (
    "ConSE",
    "DeViSE",
    "SJE",
    "ALE",
    "ESZSL",
    "SAE",
    "SYNC",
    "DEM",
    "PSR",
    "SADLE",
    "DSEN",
    "GGM",
    "FCLSWGAN",
    "SEGZSL",
    "FVAEGAN",
    "CEWGANOD",
)

__all__ = [
    "ALE",
    "CEWGANOD",
    "DEM",
    "DSEN",
    "ESZSL",
    "FCLSWGAN",
    "FVAEGAN",
    "GGM",
    "METHODS",
    "PSR",
    "SADLE",
    "SAE",
    "SEGZSL",
    "SJE",
    "SYNC",
    "ConSE",
    "DeViSE",
]

_HOME = {"CEWGANOD": "cewgan"}  # other modules have the class's name in lower case


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME.get(name, name.lower())}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
