"""Folders opened one below the other: no path becomes too long, and no link is followed. Standard library only."""

from __future__ import annotations

import errno
import os
import sys

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""It is not there any more, or no folder any more: code works on while we look."""


def open_folder(name: str | os.PathLike[str], above: int | None = None) -> int | None:
    """Its descriptor; None if there is no such folder. One that was made unreadable is made readable.

    Raises OSError.
    """
    try:
        return os.open(name, FLAGS, dir_fd=above)
    except PermissionError:  # Code took our right to look away, but the folder is ours.
        if sys.platform != "linux":
            raise
        _let_in(name, above)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None
    try:
        return os.open(name, FLAGS, dir_fd=above)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None


def _let_in(name: str | os.PathLike[str], above: int | None) -> None:
    """By descriptor: what a name stands for may change at any time."""
    try:
        place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)
