"""What a session uses, looked at from outside while its code runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tools.sandbox.disk import too_much_held

TICKS = os.sysconf("SC_CLK_TCK")
"""Of a second, in which the kernel counts CPU time."""
DEAD = ("Z", "X")


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
    try:
        return _excess(pid, work, allowed)
    except OSError as error:
        # Whatever its files are like is no reason to stop looking after the others.
        return "" if _gone(pid) else f"what it uses cannot be looked at ({error.strerror})"


def _excess(pid: int, work: str, allowed: Usage) -> str:
    fields = _stat(pid)
    if not fields:
        return ""
    threads = int(fields[17])
    if fields[0] in DEAD:
        # Of a process that goes on without its first thread the kernel shows neither descriptors nor mappings.
        return "its first thread ended before the others" if threads > 1 else ""
    if threads > allowed.threads:
        return f"more than {allowed.threads} threads"
    if _cpu(fields) > allowed.cpu:
        return "too many seconds of CPU"
    return too_much_held(pid, work, allowed.disk, allowed.files)


def _gone(pid: int) -> bool:
    fields = _stat(pid)
    return not fields or fields[0] in DEAD


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
