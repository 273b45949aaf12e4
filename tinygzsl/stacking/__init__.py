"""Combined methods: several experts behind one gate, and the router in front of a baseline."""

from .checkpoints import StackCheckpoint
from .experts import default_experts
from .fold_results import FoldResults
from .routed import RoutedGZSL, RoutedResult
from .stack import StackedGZSL

__all__ = [
    "FoldResults",
    "RoutedGZSL",
    "RoutedResult",
    "StackCheckpoint",
    "StackedGZSL",
    "default_experts",
]
