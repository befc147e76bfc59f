"""A process shuts itself in, for good, before it runs a stranger's code.

The order matters: what needs a right comes before the right is given up, and the filter of system calls comes last.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from tools.sandbox import landlock, seccomp
from tools.sandbox.kernel import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, drop_capabilities, prctl

FILES_OPEN = 256
SESSION_CPU_SECONDS = 3600
"""Of all cells of a session: a second wall behind the watch over each cell."""
NICENESS = 5
"""So that the service answers on a machine that is full of sandboxed code."""


@dataclass(frozen=True)
class Policy:
    work: str
    readable: Sequence[str]
    memory_mb: int
    disk_mb: int


def enter(policy: Policy, parent: int) -> None:
    """Raises OSError, and nothing may be run then."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError("the process that started this one is gone")
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    _limit(policy)
    drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    known = landlock.restrict(policy.readable, [policy.work])
    seccomp.install(seccomp.rules(os.getpid(), truncate=known >= landlock.TRUNCATE_SINCE))


def _limit(policy: Policy) -> None:
    most = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: FILES_OPEN,
        resource.RLIMIT_FSIZE: policy.disk_mb << 20,
        resource.RLIMIT_AS: _address_space() + (policy.memory_mb << 20),
        resource.RLIMIT_CPU: SESSION_CPU_SECONDS,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in most.items():
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes that this process has already."""
    with open("/proc/self/statm", encoding="ascii") as counts:
        return int(counts.read().split()[0]) * resource.getpagesize()
