"""What a tier is tried with before it is trusted: code that tries to get out, in a session like any other.

A layer that the kernel said it had put on and had not, is found out here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tools.sandbox.base import Cell, Limits
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
attempt("it made a file beside its folder", lambda: open(secret + ".new", "w").write("x"))
attempt("it changed the mode of a file", lambda: os.chmod(secret, 0o640) or os.stat(secret).st_mode & 0o777 == 0o640)
attempt("it made a symbolic link", lambda: os.symlink(secret, "link") or True)
attempt("it read /etc/passwd", lambda: open("/etc/passwd").read())
attempt("it read the service's environment", lambda: open(f"/proc/{{service}}/environ", "rb").read() or True)
attempt("it made a socket", lambda: socket.socket())
attempt("it made a datagram pair", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("it made a process", lambda: os.waitpid(os.fork() or os._exit(0), 0))
attempt("it started a program", lambda: os.posix_spawn("/bin/true", ["true"], {{}}))
attempt("it signalled the service", lambda: os.kill(service, 0) or True)
attempt("it traced the service", lambda: libc.ptrace(16, service, 0, 0) == 0)
attempt("it made a user namespace", lambda: libc.unshare(0x10000000) == 0)
attempt("it reached io_uring", lambda: libc.syscall(425, 4, ctypes.create_string_buffer(120)) >= 0)
attempt("it may not write in its own folder", lambda: open("own", "w").write("x") != 1)
print(json.dumps(found))
"""


async def try_canaries(keeper: Keeper, folder: Path, limits: Limits) -> None:
    """Raises SandboxUnavailable that names what got out."""
    secret = folder.with_suffix(".secret")
    await asyncio.to_thread(secret.write_text, SECRET)
    session = await open_session(keeper, folder, limits)
    try:
        code = CODE.format(secret=str(secret), service=os.getpid())
        ran = await session.run(Cell(code=code), Limits(seconds=SECONDS))
        try:
            escaped = json.loads(ran.output)
        except ValueError:
            said = (ran.error or ran.output).strip().splitlines()
            escaped = [f"the trial itself failed ({said[-1] if said else 'it said nothing'})"]
        if await asyncio.to_thread(secret.read_text) != SECRET:
            escaped.append("a file of the service was changed")
        if sys.platform == "linux":
            escaped += await asyncio.to_thread(_not_on, session.pid) if session.alive else []
    finally:
        await session.end()
        await asyncio.to_thread(secret.unlink, missing_ok=True)
    if escaped:
        raise SandboxUnavailable(f"the sandbox does not hold here: {'; '.join(escaped)}", WAY_OUT)


def _not_on(pid: int) -> list[str]:
    """Layers that the kernel does not show of the process; of one in a namespace of its own nothing is looked up."""
    wanted = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapPrm": "0" * 16}
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    found = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return [f"{name} is {found.get(name)}, not {value}" for name, value in wanted.items() if found.get(name) != value]
