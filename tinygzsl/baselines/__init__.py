"""The methods in the paper's tables and two more, one per file, with the same fit and predict.

``from tinygzsl.baselines import SAE``; a method's modules are imported on first use. METHODS lists
the methods of the paper's tables in their order, then the two others. RoutedGZSL in
tinygzsl.stacking puts the paper's router in front of any of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ale import ALE
    from .cewgan import CEWGANOD
    from .class_normalization import ClassNormalization
    from .conse import ConSE
    from .dem import DEM
    from .devise import DeViSE
    from .dsen import DSEN
    from .eszsl import ESZSL
    from .fclswgan import FCLSWGAN
    from .fvaegan import FVAEGAN
    from .ggm import GGM
    from .prototype_ridge import PrototypeRidge
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
    "PrototypeRidge",
    "ClassNormalization",
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
    "ClassNormalization",
    "ConSE",
    "DeViSE",
    "PrototypeRidge",
]

_HOME = {  # other modules have the class's name in lower case
    "CEWGANOD": "cewgan",
    "ClassNormalization": "class_normalization",
    "PrototypeRidge": "prototype_ridge",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME.get(name, name.lower())}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
