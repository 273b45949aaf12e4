"""Combined methods: the router in front of a baseline."""

from .routed import RoutedGZSL, RoutedResult

__all__ = ["RoutedGZSL", "RoutedResult"]
