"""All entries of `tinygzsl explain`: building blocks, then training, then prediction."""

from __future__ import annotations

from ..errors import InputError
from ..text import nearest, quoted
from .explanation import Explanation
from .gan import GAN
from .routing import ROUTING
from .tools import TOOLS
from .vsmm_terms import VSMM_TERMS

ALL: dict[str, Explanation] = {e.name: e for e in (*TOOLS, *VSMM_TERMS, *GAN, *ROUTING)}


def find(name: str) -> Explanation:
    """Return the explanation of that name; - and spaces stand for _.

    Raises ValueError, with the nearest names, for an unknown one.
    """
    asked = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    if asked not in ALL:
        near = nearest(asked, ALL, lists_all="`tinygzsl explain`")
        raise InputError(f"there is no explanation of {quoted(name)}; {near}")
    return ALL[asked]
