"""What sandboxed code may read beside its work folder: the interpreter, its libraries, fonts and time zones."""

from __future__ import annotations

import os
import sys
import sysconfig

SYSTEM = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime",
    "/usr/share/zoneinfo", "/usr/share/fonts", "/usr/local/share/fonts", "/dev/null", "/dev/zero", "/dev/random",
    "/dev/urandom",
)  # fmt: skip


def readable(font_folder: str = "") -> list[str]:
    """Existing paths. Of `sys.path` only what lies in the interpreter's own folders: not a project's source tree."""
    own = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own.add(os.path.join(sys.base_prefix, "lib"))
    cache = _font_cache()
    wanted = [*SYSTEM, *sorted(own), *([font_folder] if font_folder else []), *([cache] if cache else [])]
    return [path for path in dict.fromkeys(wanted) if os.path.exists(path)]


def _font_cache() -> str:
    matplotlib = sys.modules.get("matplotlib")
    return str(matplotlib.get_configdir()) if matplotlib is not None else ""
