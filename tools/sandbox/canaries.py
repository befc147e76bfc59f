"""What a tier is tried with before it is trusted: code that tries to get out, in a session like any other.

A layer that the kernel said it had put on and had not, is found out here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tools.sandbox.base import Cell, Limits, Ran
from tools.sandbox.errors import SandboxUnavailable
from tools.sandbox.keeper import Keeper
from tools.sandbox.session import open_session

WAY_OUT = (
    "use a kernel of 5.13 or newer with Landlock switched on (Debian 12 and Ubuntu 22.04 have it; the container's "
    "seccomp profile must allow landlock_* and seccomp), run a sandbox elsewhere (sandbox = 'remote'), or do without "
    "(sandbox = 'off')"
)
SECRET = "not-for-the-sandbox"
SECONDS = 20.0

CODE = """
import ctypes, json, os, socket
found = []
def attempt(name, act):
    try:
        if act() not in (None, False):
            found.append(name)
    except Exception:
        pass
libc = ctypes.CDLL(None, use_errno=True)
secret, service = {secret!r}, {service}
attempt("it read a file of the service", lambda: open(secret).read())
attempt("it listed a folder of the service", lambda: os.listdir(os.path.dirname(secret)))
attempt("it wrote a file of the service", lambda: open(secret, "a").write("x"))
attempt("it truncated a file of the service", lambda: os.truncate(secret, 0) or True)
attempt("it changed the mode of a file", lambda: os.chmod(secret, 0o640) or os.stat(secret).st_mode & 0o777 == 0o640)
attempt("it removed a file of the service", lambda: os.remove(secret) or True)
attempt("it made a file beside its folder", lambda: open(secret + ".new", "w").write("x"))
attempt("it removed one there", lambda: os.remove(secret + ".new") or True)
attempt("it listed the root folder", lambda: os.listdir("/"))
attempt("it made a symbolic link", lambda: os.symlink(secret, "link") or True)
attempt("it read /etc/passwd", lambda: open("/etc/passwd").read())
attempt("it read the service's environment", lambda: open(f"/proc/{{service}}/environ", "rb").read() or True)
attempt("it made a socket", lambda: socket.socket())
attempt("it made a datagram pair", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("it made a process", lambda: os.waitpid(os.fork() or os._exit(0), 0))
attempt("it started a program", lambda: os.posix_spawn("/bin/true", ["true"], {{}}))
attempt("it signalled the service", lambda: os.kill(service, 0) or True)
attempt("it reached the tracing of processes", lambda: libc.ptrace(1, service, 0, 0) == -1 and ctypes.get_errno() != 1)
attempt("it reached namespaces", lambda: libc.unshare(0) == 0)
attempt("it reached io_uring", lambda: libc.syscall(425, 4, ctypes.create_string_buffer(120)) >= 0)
attempt("it may not write in its own folder", lambda: open("own", "w").write("x") != 1)
attempt("it made a device", lambda: libc.syscall(316, -100, b"own", -100, b"left", 4) == 0)
for name in ("link", "own", "left"):
    attempt("", lambda: os.remove(name))
print(json.dumps(found))
"""
"""Where nothing keeps it in, it does no harm: what it makes it removes, and of system calls it only asks whether they
can be reached (ptrace of a process that is not traced, a namespace that stays as it is)."""


def trial(secret: str, service: str) -> str:
    """The code. `secret`: a path that it must not reach; `service`: a process that it must not, as an expression."""
    return CODE.format(secret=secret, service=service)


def escaped_by(ran: Ran) -> list[str]:
    """What the trial got through, in words."""
    try:
        found = json.loads(ran.output)
    except ValueError:
        found = None
    if isinstance(found, list) and not ran.error:
        return [str(one)[:200] for one in found]
    said = (ran.error or ran.output).strip().splitlines()
    return [f"the trial itself failed ({said[-1][:200] if said else 'it said nothing'})"]


async def try_canaries(keeper: Keeper, folder: Path, limits: Limits) -> None:
    """Raises SandboxUnavailable that names what got out."""
    secret = folder.with_suffix(".secret")
    await asyncio.to_thread(secret.write_text, SECRET)
    session = await open_session(keeper, folder, limits)
    try:
        escaped = escaped_by(
            await session.run(Cell(code=trial(str(secret), str(os.getpid()))), Limits(seconds=SECONDS))
        )
        if await asyncio.to_thread(_changed, secret):
            escaped.append("a file of the service was changed")
        if sys.platform == "linux":
            escaped += await asyncio.to_thread(_not_on, session.pid) if session.alive else []
    finally:
        await session.end()
        await asyncio.to_thread(secret.unlink, missing_ok=True)
    if escaped:
        raise SandboxUnavailable(f"the sandbox does not hold here: {'; '.join(escaped)}", WAY_OUT)


def _changed(secret: Path) -> bool:
    try:
        return secret.read_text() != SECRET
    except OSError:
        return True


def _not_on(pid: int) -> list[str]:
    """Layers that the kernel does not show of the process; of one in a namespace of its own nothing is looked up."""
    wanted = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapPrm": "0" * 16}
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    found = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return [f"{name} is {found.get(name)}, not {value}" for name, value in wanted.items() if found.get(name) != value]
