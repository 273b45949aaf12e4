"""Locks and os.fork: a child has only the thread that forked.

A lock that another thread holds at that moment would never be released in the child, and what it
guards may be half changed. So a fork waits for such locks.
"""

from __future__ import annotations

import os
from collections.abc import Callable


def at_fork(
    acquire: Callable[[], object],
    release: Callable[[], object],
    *,
    in_child: Callable[[], object] | None = None,
) -> None:
    """Call acquire before each fork and release after it; in the child, in_child if it is given.

    What is done with the lock must not wait for another lock that a fork waits for.
    """
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(
            before=acquire, after_in_parent=release, after_in_child=in_child or release
        )
