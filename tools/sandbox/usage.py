"""What a session uses, looked at from outside while its code runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
"""Of a second, in which the kernel counts CPU time."""

DEEPEST = 64
"""Folders in folders: deeper ones could not be walked, since the paths of the system are limited."""


@dataclass(frozen=True)
class Usage:
    cpu: float
    """Seconds of one core, since the session began."""
    disk: int
    """Bytes."""
    files: int
    threads: int


def excess(pid: int, work: str, allowed: Usage) -> str:
    """What is too much, in words; empty if nothing is."""
    fields = _stat(pid)
    if not fields:
        return ""
    if int(fields[17]) > allowed.threads:
        return f"more than {allowed.threads} threads"
    if _cpu(fields) > allowed.cpu:
        return "too many seconds of CPU"
    return _too_much_in(work, allowed)


def cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return _cpu(fields) if fields else 0.0


def _cpu(fields: list[str]) -> float:
    return (int(fields[11]) + int(fields[12])) / TICKS


def _stat(pid: int) -> list[str]:
    """Fields 3 and on of /proc/PID/stat: the second, the name, is in brackets and may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _too_much_in(folder: str, allowed: Usage) -> str:
    """Counts bytes on disk and entries until something is too much."""
    disk = files = 0
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            return f"folders more than {DEEPEST} deep"
        for entry in _entries(path):
            files += 1
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            disk += found.st_blocks * 512
            if stat.S_ISDIR(found.st_mode):
                waiting.append((entry.path, depth + 1))
            if disk > allowed.disk:
                return f"more than {allowed.disk >> 20} MiB in its work folder"
            if files > allowed.files:
                return f"more than {allowed.files} files in its work folder"
    return ""


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    """As far as they are there: the code works on while we look."""
    try:
        with os.scandir(path) as entries:
            yield from entries
    except PermissionError:  # The code took our right to look away, but the folder is ours.
        os.chmod(path, 0o700)
    except (FileNotFoundError, NotADirectoryError):
        return
