"""The filter of system calls: an allow-list, assembled here into the kernel's classic BPF and switched on for good.

Built by hand since nothing that does it is a small dependency: `pyseccomp` needs a shared library of the system.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tools.sandbox import syscalls as nr
from tools.sandbox.kernel import syscall

LOAD, AND, EQUAL, GREATER_OR_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16
SET_MODE_FILTER = 1

CLONE_THREAD, CLONE_FILES, CLONE_NEW = 0x10000, 0x400, 0x7E020080
A_THREAD = CLONE_THREAD | CLONE_FILES
"""One that shares its descriptors: with tables of their own, threads could hold more files than are looked at."""
RENAME_NOREPLACE = 1
"""Of the flags of renameat2. RENAME_WHITEOUT leaves a device."""
CLOSE_RANGE_CLOEXEC = 4
"""Of the flags of close_range. CLOSE_RANGE_UNSHARE gives a thread a table of its own."""
AF_UNIX, SOCK_STREAM, SOCK_TYPES = 1, 1, 0xF
PRCTL_OPTIONS = (15, 16, 0x53564D41)
"""PR_SET_NAME, PR_GET_NAME and PR_SET_VMA, which names memory."""
IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
"""Duplicates, flags, locks, the size of a pipe. Not F_SETOWN and F_SETSIG, with which the kernel can be made to send a
signal of one's choice to another process of the same user."""

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


class Where(NamedTuple):
    """A call is allowed where the argument's low half, masked, is one of `values`; `wide`: its high half is zero."""

    argument: int
    values: Sequence[int]
    mask: int = 0xFFFFFFFF
    wide: bool = False


def failing(error: int) -> int:
    """The answer of a filter that makes the call fail; 0: that does nothing and says that it was done."""
    return 0x00050000 | error


def rules(pid: int, *, truncate: bool) -> bytes:
    """The whole filter, for the process `pid`. `truncate`: whether truncation by path is left to Landlock."""
    own = [*nr.ALLOWED.values(), *([nr.TRUNCATE] if truncate else [])]
    return program(
        always={
            nr.CLONE3: failing(errno.ENOSYS),
            nr.OPENAT2: failing(errno.ENOSYS),
            nr.FALLOCATE: failing(errno.EOPNOTSUPP),
        }
        | dict.fromkeys(nr.FEIGNED, failing(0))
        | dict.fromkeys(own, ALLOW),
        where={
            nr.CLONE: [Where(0, (A_THREAD,), A_THREAD), Where(0, (0,), CLONE_NEW)],
            nr.SOCKETPAIR: [Where(0, (AF_UNIX,)), Where(1, (SOCK_STREAM,), SOCK_TYPES)],
            nr.SENDTO: [Where(4, (0,), wide=True)],
            nr.PRCTL: [Where(0, PRCTL_OPTIONS)],
            nr.KILL: [Where(0, (pid,))],
            nr.TGKILL: [Where(0, (pid,))],
            nr.PRLIMIT: [Where(0, (0, pid)), Where(2, (0,), wide=True)],
            nr.IOCTL: [Where(1, IOCTLS)],
            nr.FCNTL: [Where(1, FCNTLS)],
            nr.RENAMEAT2: [Where(4, (0, RENAME_NOREPLACE))],
            nr.CLOSE_RANGE: [Where(2, (0, CLOSE_RANGE_CLOEXEC))],
        },
        otherwise=failing(errno.EPERM),
    )


def program(*, always: dict[int, int], where: dict[int, list[Where]], otherwise: int) -> bytes:
    """Assemble: the answer by number, for some only where the arguments are as said, for all else `otherwise`."""
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCH_AT),
        (EQUAL, 1, 0, nr.AUDIT_ARCH),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
        (GREATER_OR_EQUAL, 0, 1, nr.X32_BIT),
        (RETURN, 0, 0, failing(errno.EPERM)),
    ]
    for number, conditions in where.items():
        body = list(_conditions(conditions, otherwise))
        code += [(EQUAL, 0, len(body), number), *body]
    for number, answer in always.items():
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, answer)]
    code.append((RETURN, 0, 0, otherwise))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _conditions(conditions: Iterable[Where], otherwise: int) -> Iterable[Instruction]:
    for condition in conditions:
        low = ARGUMENTS_AT + 8 * condition.argument
        yield (LOAD, 0, 0, low)
        yield (AND, 0, 0, condition.mask)
        left = len(condition.values)
        for value in condition.values:
            yield (EQUAL, left, 0, value)  # over what is left of the values, and the refusal behind them
            left -= 1
        yield (RETURN, 0, 0, otherwise)
        if condition.wide:
            yield (LOAD, 0, 0, low + 4)
            yield (EQUAL, 1, 0, 0)
            yield (RETURN, 0, 0, otherwise)
    yield (RETURN, 0, 0, ALLOW)


def install(filter: bytes) -> None:
    """Hold this thread, and all that it starts, to the filter for good. Needs NO_NEW_PRIVS. Raises OSError."""
    held = ctypes.create_string_buffer(filter, len(filter))
    head = struct.pack("HxxxxxxP", len(filter) // 8, ctypes.addressof(held))
    syscall(nr.SECCOMP, SET_MODE_FILTER, 0, head)
