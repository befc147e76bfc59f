"""System calls that Python's library has no function for, through the C library. Linux only.

Loaded by the sandbox's own process, which holds no other third-party or project code: standard library only.
"""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522

_libc: ctypes.CDLL | None = None


def libc() -> ctypes.CDLL:
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    return _libc


def syscall(number: int, *arguments: int | bytes) -> int:
    """Raises OSError."""
    given = [ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value) for value in arguments]
    result = int(libc().syscall(ctypes.c_long(number), *given))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())} (system call {number})")
    return result


def prctl(option: int, value: int) -> None:
    """Raises OSError."""
    rest = [ctypes.c_ulong(0)] * 3
    if libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), *rest) < 0:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())} (prctl {option})")


def drop_capabilities() -> None:
    """All of them, for good once NO_NEW_PRIVS is set: root is then a user who happens to own the system's files.

    Raises OSError.
    """
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc().capset(ctypes.byref(header), ctypes.byref(nothing)) < 0:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())} (capset)")
