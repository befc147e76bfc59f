"""Landlock: which files a process may still read and write, decided by itself and for good. No rights are needed.

What it does not see (modes, times, extended attributes, whether a file is there and how long it is) is the filter's
business, or nobody's: `docs/sandbox.md`.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from tools.sandbox import syscalls as nr
from tools.sandbox.kernel import syscall

WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, REFER, TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""The rights over files that each version of the interface knows; all are taken away but those given back by a rule."""
NEWEST = 5
NET_SINCE, SCOPED_SINCE, TRUNCATE_SINCE = 4, 6, 3
READS = READ_FILE | READ_DIR
WRITES = READS | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
"""No links, sockets, pipes or devices: whoever walks the folder later meets files and folders only."""
OF_FILES = WRITE_FILE | READ_FILE | TRUNCATE
GET_VERSION = 1
RULE_PATH_BENEATH = 1


def version() -> int:
    """Of the interface; 0 if this kernel has none, or it is switched off."""
    try:
        return syscall(nr.LANDLOCK_CREATE, 0, 0, GET_VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Take all rights over files away but these, TCP too where Landlock knows it; returns the interface's version.

    Paths that are not there are passed over. Raises OSError.
    """
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    handled = HANDLED[min(known, NEWEST)]
    net = 3 if known >= NET_SINCE else 0
    scoped = 3 if known >= SCOPED_SINCE else 0
    size = 8 if known < NET_SINCE else 16 if known < SCOPED_SINCE else 24
    attributes = struct.pack("=QQQ", handled, net, scoped)[:size]
    ruleset = syscall(nr.LANDLOCK_CREATE, attributes, size, 0)
    for paths, rights in ((readable, READS), (writable, WRITES)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    syscall(nr.LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)
    return known


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= OF_FILES
    if path == os.devnull:
        rights |= WRITE_FILE
    syscall(nr.LANDLOCK_ADD, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    os.close(place)
