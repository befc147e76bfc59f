"""Uploaded files on disk: one file per id, synced before the database hears of it. Blocking.

What is only half written has no row in the database: nobody reads it, and the next start sweeps it away. So it needs no
other name in the meantime, with which the sync takes twice as long."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

KEEP_FREE = 64 << 20
"""Bytes of disk that an upload must leave free, so that the database can still write."""


class DiskFull(Exception):
    """The disk of the data directory is nearly full."""


class Blobs:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, file_id: str) -> Path:
        return self._directory / file_id

    def write(self, file_id: str, source: BinaryIO, size: int | None = None) -> tuple[int, str]:
        """Store all of `source`; returns its length in bytes and its sha256.

        Raises DiskFull if `size` bytes would leave less than KEEP_FREE; None: it is stored whatever is left."""
        if size is not None and shutil.disk_usage(self._directory).free < size + KEEP_FREE:
            raise DiskFull
        digest, written = hashlib.sha256(), 0
        with self.path(file_id).open("xb") as target:
            while piece := source.read(1 << 20):
                digest.update(piece)
                written += target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        return written, digest.hexdigest()

    def delete(self, file_id: str) -> None:
        """Remove the file, or what an upload that failed left of it."""
        self.path(file_id).unlink(missing_ok=True)

    def sweep(self, known: set[str]) -> int:
        """Remove what a crash left between the disk and the database; returns how many files."""
        stray = [p for p in self._directory.iterdir() if p.name not in known]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(stray)
