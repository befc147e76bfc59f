"""Put files into a session's work folder, and take the folder away: code may have left traps there. Blocking."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.sandbox.base import File
from tools.sandbox.errors import BadCell
from tools.sandbox.folders import FLAGS, open_folder

log = logging.getLogger(__name__)


def put(work: Path, files: Sequence[File]) -> None:
    """Raises BadCell for a name that is no plain file name, or that a folder has."""
    for file in files:
        if file.name in ("", ".", "..") or "/" in file.name or "\0" in file.name:
            raise BadCell(f"{file.name!r} is no file name")
        folder = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            temporary = f".{os.urandom(8).hex()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as target:
                target.write(file.data)
            os.rename(temporary, file.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise BadCell(f"{file.name!r} cannot be put into the work folder: {error.strerror}") from None
        finally:
            os.close(folder)


def remove(folder: Path) -> None:
    """Everything in it, however deep, and it; what cannot be removed stays, and the log says so.

    `shutil.rmtree` is recursive before Python 3.13, takes a descriptor for each folder in a folder, and paths have a
    limit: here one folder is open at a time, and the way back is its "..".
    """
    try:
        if (top := open_folder(folder)) is not None:
            _empty(top)
            folder.rmdir()
    except OSError as error:
        log.warning("the folder %s could not be removed: %s", folder, error.strerror)


@dataclass
class _Level:
    """A folder between the top and where we are."""

    name: str
    same: tuple[int, int]
    folders: list[str]
    """In it, still to be removed."""


def _empty(here: int) -> None:
    """Closes the folder. Raises OSError."""
    levels = [_Level("", _identity(here), _unlinked(here))]
    try:
        while True:
            while levels[-1].folders:
                name = levels[-1].folders.pop()
                if (below := open_folder(name, here)) is not None:
                    os.close(here)
                    here = below
                    levels.append(_Level(name, _identity(here), _unlinked(here)))
            left = levels.pop()
            if not levels:
                return
            above = os.open("..", FLAGS, dir_fd=here)
            os.close(here)
            here = above
            if _identity(here) != levels[-1].same:  # Somebody moves folders about: the next ".." could lead out.
                return
            with suppress(FileNotFoundError):
                os.rmdir(left.name, dir_fd=here)
    finally:
        os.close(here)


def _identity(folder: int) -> tuple[int, int]:
    found = os.fstat(folder)
    return found.st_dev, found.st_ino


def _unlinked(folder: int) -> list[str]:
    """Remove all but folders, and name these."""
    os.fchmod(folder, 0o700)
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]
