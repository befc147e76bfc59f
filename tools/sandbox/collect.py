"""Take the files that code made out of its work folder, trusting nothing that lies there. Blocking.

Nothing is followed, nothing that blocks or is no plain file is read, and there is a limit to everything; what is passed
over is said. Tiers let no links, pipes or devices come into being, and this does not rely on it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.sandbox.base import File

MOST_FILES, MOST_BYTES, MOST_TOTAL, DEEPEST = 20, 16 << 20, 32 << 20, 4
MOST_LOOKED_AT = 3000
MOST_REFUSALS = 10
LEFT_OUT = frozenset({"__pycache__"})


@dataclass(frozen=True)
class Stamp:
    """By which a file that has not changed is known; code cannot set the last of them."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass
class Collected:
    files: tuple[File, ...] = ()
    refused: list[str] = field(default_factory=list)
    """What was passed over, in words."""
    seen: dict[str, Stamp] = field(default_factory=dict)
    """Of everything that is there now, so that the next time only what is new comes."""


def collect(work: Path, seen: Mapping[str, Stamp]) -> Collected:
    walk = _Walk(seen)
    try:
        folder = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return Collected()
    try:
        walk.folder(folder, "", 0)
    except OSError as error:
        walk.made.refused.append(f"the work folder cannot be read ({error.strerror})")
    finally:
        os.close(folder)
    if len(walk.made.refused) > MOST_REFUSALS:
        more = len(walk.made.refused) - MOST_REFUSALS
        walk.made.refused = [*walk.made.refused[:MOST_REFUSALS], f"{more} more files were not kept"]
    walk.made.files = tuple(walk.files)
    return walk.made


class _Walk:
    def __init__(self, seen: Mapping[str, Stamp]) -> None:
        self.made = Collected()
        self.files: list[File] = []
        self._seen = seen
        self._looked_at = 0
        self._total = 0

    def folder(self, fd: int, before: str, depth: int) -> None:
        for name in sorted(os.listdir(fd)):
            self._looked_at += 1
            if self._looked_at > MOST_LOOKED_AT:
                return
            if not name.startswith(".") and name not in LEFT_OUT:
                self._entry(fd, name, before + name, depth)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> None:
        shown = path.encode("utf-8", "replace").decode()
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        try:
            fd = os.open(name, flags, dir_fd=folder)
        except OSError:
            self._refuse(shown, "it is no plain file")
            return
        try:
            found = os.fstat(fd)
            if stat.S_ISDIR(found.st_mode):
                if depth >= DEEPEST:
                    self._refuse(shown, "it lies too deep")
                else:
                    self.folder(fd, f"{path}/", depth + 1)
            elif not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                self._refuse(shown, "it is no plain file")
            else:
                self._file(fd, found, path, shown)
        except OSError as error:
            self._refuse(shown, f"it cannot be read ({error.strerror})")
        finally:
            os.close(fd)

    def _file(self, fd: int, found: os.stat_result, path: str, shown: str) -> None:
        stamp = Stamp.of(found)
        if self._seen.get(path) == stamp:
            self.made.seen[path] = stamp
            return
        if len(self.files) >= MOST_FILES:
            self._refuse(shown, f"there are more than {MOST_FILES} files", seen=(path, stamp))
        elif found.st_size > MOST_BYTES:
            self._refuse(shown, f"it has more than {MOST_BYTES >> 20} MiB", seen=(path, stamp))
        elif self._total + found.st_size > MOST_TOTAL:
            self._refuse(shown, f"all files together have more than {MOST_TOTAL >> 20} MiB", seen=(path, stamp))
        else:
            data = _content(fd, found.st_size)
            self._total += len(data)
            self.made.seen[path] = stamp
            self.files.append(File(shown, data))

    def _refuse(self, shown: str, why: str, seen: tuple[str, Stamp] | None = None) -> None:
        self.made.refused.append(f"{shown[:200]!r} was not kept: {why}")
        if seen is not None:  # said once
            self.made.seen[seen[0]] = seen[1]


def _content(fd: int, size: int) -> bytes:
    """As long as it was a moment ago, whatever it grows to meanwhile."""
    data = bytearray()
    while len(data) < size and (piece := os.read(fd, size - len(data))):
        data += piece
    return bytes(data)
