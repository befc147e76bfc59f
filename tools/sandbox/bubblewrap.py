"""The hardened tier: the sandbox's process runs in namespaces of its own, and each session shuts itself in as well.

Bubblewrap hides the whole file system, the network and all other processes; memory, processes and system calls are
still limited from within, which bubblewrap does not do.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

NOBODY = "65534"
SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/usr/share/fonts", "/lib", "/lib64")
FILES = ("/etc/ld.so.cache", "/etc/localtime")


def command(program: str, work: Path, cache: Path) -> list[str]:
    """What stands before the command of the sandbox's process."""
    from tools.sandbox.readable import readable

    source = Path(__file__).resolve().parents[1]
    interpreter = {sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")}
    seen = [*SYSTEM, *FILES, *sorted(interpreter - {"/usr"}), *readable()]
    parts = [
        program, "--unshare-all", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--disable-userns",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
    ]  # fmt: skip
    for path in dict.fromkeys(seen):
        if not path.startswith("/dev/"):
            parts += ["--ro-bind-try", path, path]
    if sys.base_prefix == "/usr":
        parts += ["--ro-bind", "/usr/bin", "/usr/bin"]
    parts += ["--ro-bind", str(source), str(source)]
    parts += ["--proc", "/proc", "--dev", "/dev", "--bind", str(cache), str(cache), "--bind", str(work), str(work)]
    return [*parts, "--"]
