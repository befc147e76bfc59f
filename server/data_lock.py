"""One process at a time owns a data directory: two writers of one index would lose each other's changes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

NAME = "lock"


class DataDirectoryInUse(Exception):
    """`url` is where the owner serves, if it does."""

    def __init__(self, path: Path, url: str) -> None:
        where = f" by the service at {url}: use --url {url}" if url else ""
        super().__init__(f"the data directory {str(path)!r} is in use{where}")
        self.url = url


class DataLock:
    """Held until `release` or the end of the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (directory / NAME).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            url = self._file.read().strip()
            self._file.close()
            raise DataDirectoryInUse(directory, url) from None
        self.announce("")

    def announce(self, url: str) -> None:
        """Leave word where this process serves, for commands that find the directory taken."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(url)
        self._file.flush()
        os.fsync(self._file.fileno())

    def release(self) -> None:
        self.announce("")
        self._file.close()
