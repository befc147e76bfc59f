"""What a process needs that must not outlive the one that started it."""

from __future__ import annotations

import signal
import sys
from typing import Final

_PARENT_DEATH_SIGNAL: Final = 1


def die_with_parent() -> None:
    """Where the end of stdin would be noticed late: a library may hold the interpreter lock for long.

    Linux counts the thread that started this process as its parent.
    """
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
