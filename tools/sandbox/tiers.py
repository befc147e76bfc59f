"""Which tier there is: found out without starting anything, by what each of them rests on."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.sandbox.base import Limits, Sandbox
from tools.sandbox.errors import SandboxUnavailable

Wanted = Literal["auto", "process", "bubblewrap", "remote", "off"]
ELSEWHERE = "run `sandtable sandbox` on a Linux machine and name it: sandbox = 'remote', sandbox_url = 'http://...'"
KERNEL = (
    "use Linux 5.13 or newer with Landlock switched on (`landlock` in the kernel's list of security modules; in a "
    f"container its seccomp profile must allow landlock_*), or {ELSEWHERE}"
)


@dataclass(frozen=True)
class Tier:
    """What was chosen, and why; `sandbox` is None where code cannot be run."""

    name: str
    sandbox: Sandbox | None
    reason: str
    way_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    directory: Path
    """For work folders; made and removed by the tier."""
    cache: Path
    limits: Limits
    hidden: Sequence[Path] = ()
    """That sandboxed code must not be able to read: the service's data."""
    url: str = ""
    key: str = ""
    """Of a sandbox elsewhere."""
    load: bool = True


def choose(wanted: Wanted, place: Place) -> Tier:
    """Never another tier than the one that was named; `auto` takes the one that needs no preparation, or none."""
    if wanted == "off":
        return Tier("off", None, "the setting 'sandbox' is 'off'", "set sandbox = 'auto'")
    name = "process" if wanted == "auto" else wanted
    try:
        sandbox = MAKERS[name](place)
    except SandboxUnavailable as error:
        return Tier(name, None, error.reason, error.way_out)
    return Tier(name, sandbox, "named by the setting 'sandbox'" if wanted != "auto" else "needs no preparation here")


def _process(place: Place) -> Sandbox:
    from tools.sandbox.local import LocalSandbox

    check_machine()
    _check_hidden(place)
    return LocalSandbox(place.directory, place.cache, place.limits, load=place.load)


def _bubblewrap(place: Place) -> Sandbox:
    from tools.sandbox.bubblewrap import command
    from tools.sandbox.local import LocalSandbox

    check_machine()
    _check_hidden(place)
    if (program := shutil.which("bwrap")) is None:
        raise SandboxUnavailable(
            "there is no program 'bwrap'", "install bubblewrap (Debian: apt install bubblewrap), or sandbox = 'process'"
        )
    return LocalSandbox(
        place.directory, place.cache, place.limits, lambda work, cache: command(program, work, cache), load=place.load
    )


def _remote(place: Place) -> Sandbox:
    from tools.sandbox.remote import RemoteSandbox

    if not place.url:
        raise SandboxUnavailable("no address is set", f"set sandbox_url; to have one, {ELSEWHERE}")
    return RemoteSandbox(place.url, place.key, place.limits)


MAKERS: dict[str, Callable[[Place], Sandbox]] = {"process": _process, "bubblewrap": _bubblewrap, "remote": _remote}


def check_machine(system: str = sys.platform, machine: str = platform.machine()) -> None:
    """Raises SandboxUnavailable for a system, processor or kernel that the local tiers do not hold on."""
    from tools.sandbox import landlock, syscalls

    if system != "linux":
        raise SandboxUnavailable(f"it rests on Landlock and seccomp of Linux; this is {system}", ELSEWHERE)
    if machine != syscalls.MACHINE or sys.maxsize < 1 << 32:
        raise SandboxUnavailable(
            f"its filter of system calls is written for {syscalls.MACHINE} in 64 bits; this is {machine}",
            ELSEWHERE,
        )
    if not landlock.version():
        raise SandboxUnavailable(f"the kernel ({platform.release()}) has no Landlock, or it is switched off", KERNEL)


def _check_hidden(place: Place) -> None:
    """Raises SandboxUnavailable where the service's data lies in a folder that code has to be able to read."""
    from tools.sandbox.readable import readable

    for hidden in place.hidden:
        for folder in readable():
            if Path(hidden).resolve().is_relative_to(Path(folder).resolve()):
                raise SandboxUnavailable(
                    f"{str(hidden)!r} lies in {folder!r}, which sandboxed code may read",
                    "move the data directory (setting 'data_dir') out of the folders of Python and of the system",
                )
