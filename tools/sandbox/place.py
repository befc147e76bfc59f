"""Put files into a session's work folder, and take the folder away: code may have left traps there. Blocking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tools.sandbox.base import File
from tools.sandbox.errors import BadCell


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
    """Everything in it, however deep: `shutil.rmtree` is recursive before Python 3.13, and paths have a limit."""
    emptied: list[Path] = []
    waiting = [folder]
    while waiting:
        emptied.append(here := waiting.pop())
        for entry in _entries(here):
            if entry.is_dir(follow_symlinks=False):
                # Up to the top, so that no path is long.
                target = folder / f".{os.urandom(8).hex()}"
                os.rename(entry.path, target)
                waiting.append(target)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
    for path in reversed(emptied):
        with suppress(FileNotFoundError):
            path.rmdir()


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        path.chmod(0o700)
        with os.scandir(path) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
