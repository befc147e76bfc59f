"""Environments of their own for other people's packages, each made once for its pinned list, in the user's cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_dir

ROOT = Path(__file__).resolve().parent.parent


class NotInstalled(RuntimeError):
    """pip could not install the list; the message has the end of what it said."""


def python_of(wanted: Path) -> Path:
    """The Python of the environment that has the packages listed in the file `wanted`. Raises NotInstalled."""
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = Path(user_cache_dir("sandtable", appauthor=False)) / "test-clients" / f"{wanted.stem}-{digest}"
    done, python = folder / "installed", folder / "bin" / "python"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        index = [sys.executable, str(ROOT / ".ci" / "torch_index.py")]
        extra = subprocess.run(index, capture_output=True, text=True, check=True).stdout.split()
        install = [str(python), "-m", "pip", "install", "--quiet", *extra, "-r", str(wanted)]
        made = subprocess.run(install, capture_output=True, text=True, check=False)
        if made.returncode:
            raise NotInstalled(f"pip could not install {wanted.name}: {made.stderr[-500:]}")
        done.touch()
    return python
