"""The systems of the paper's tables: one file a method, all with fit and predict alike.

METHODS has them by name, in the order of the paper's tables. tinygzsl.stacking has RoutedGZSL,
which puts the paper's router in front of any of them.
"""

from .ale import ALE
from .cewgan import CEWGANOD
from .common.base import Baseline
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

METHODS: dict[str, type[Baseline]] = {
    "ConSE": ConSE,
    "DeViSE": DeViSE,
    "SJE": SJE,
    "ALE": ALE,
    "ESZSL": ESZSL,
    "SAE": SAE,
    "SYNC": SYNC,
    "DEM": DEM,
    "PSR": PSR,
    "SADLE": SADLE,
    "DSEN": DSEN,
    "GGM": GGM,
    "FCLSWGAN": FCLSWGAN,
    "SEGZSL": SEGZSL,
    "FVAEGAN": FVAEGAN,
    "CEWGANOD": CEWGANOD,
}

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
