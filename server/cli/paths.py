"""From the paths of a command line to the files to send, each under a name that is the same the next time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Local:
    path: Path
    name: str
    """The path from the working directory with forward slashes; of a file elsewhere, the path from the folder that
    holds what was named. A collection knows the file by it."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of this file alone."""

    @property
    def shown(self) -> str:
        """A pair's file is made for the moment: its name says where it comes from."""
        return self.name if self.attributes else str(self.path)


@dataclass(frozen=True)
class Found:
    files: tuple[Local, ...]
    skipped: tuple[tuple[str, int], ...]
    """What was left out of folders, and how often: `hidden`, or a suffix."""
    clashes: tuple[Local, ...]
    """Files whose name another file of this call has already."""


def find(paths: Sequence[Path], here: Path) -> Found:
    """Files as they are named, folders with all they hold but hidden files and types that cannot be read."""
    files: dict[str, Local] = {}
    clashes: list[Local] = []
    skipped: Counter[str] = Counter()
    for given in paths:
        for path in _files_of(given, skipped):
            local = Local(path, _name(path, given, here))
            known = files.setdefault(local.name, local)
            if known.path.resolve() != path.resolve():
                clashes.append(local)
    return Found(tuple(files.values()), tuple(skipped.most_common()), tuple(clashes))


def _files_of(given: Path, skipped: Counter[str]) -> Iterator[Path]:
    from retrieval.loaders.formats import FORMATS

    if not given.is_dir():
        yield given
        return
    for folder, folders, names in os.walk(given):
        hidden = [name for name in folders if name.startswith(".")]
        skipped["hidden"] += len(hidden)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                skipped["hidden"] += 1
            elif suffix not in FORMATS:
                skipped[suffix or "no suffix"] += 1
            else:
                yield Path(folder, name)
    skipped += Counter()  # drops what counts zero


def _name(path: Path, given: Path, here: Path) -> str:
    # Not resolved: a linked file keeps the name that it was given.
    absolute = Path(os.path.abspath(path))
    base = here if absolute.is_relative_to(here) else Path(os.path.abspath(given)).parent
    return absolute.relative_to(base).as_posix()
