"""What `sandtable doctor` finds about the place of the service: its data directory, and who can reach it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from server.settings import Settings

LEAST_FREE = 1 << 30
"""Bytes: below a gigabyte a collection of some size may not fit."""


def data_directory(settings: Settings) -> Check:
    """Changes nothing: a directory that is not there yet is judged by the one that will hold it."""
    directory = settings.data_dir.resolve()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    way_out = "choose another with --data-dir or SANDTABLE_DATA_DIR"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check("data directory", "fail", f"{directory}: not writable ({error.strerror})", way_out)
    free = shutil.disk_usage(existing).free
    detail = f"{directory}: {free / (1 << 30):.1f} GiB free, {_lock_state(directory)}"
    if free < LEAST_FREE:
        return Check("data directory", "warn", detail, f"make room, or {way_out}")
    return Check("data directory", "ok", detail)


def _lock_state(directory: Path) -> str:
    from server.data_lock import NAME, DataDirectoryInUse, DataLock

    if not directory.exists():
        return "made at first use"
    if not (directory / NAME).exists():
        return "not in use"
    try:
        DataLock(directory).release()
    except DataDirectoryInUse as error:
        return f"served at {error.url}" if error.url else "in use by another command"
    return "not in use"


def exposure(settings: Settings) -> Check:
    from server.settings import BadSettings, check_exposure

    keys = len(settings.tenants())
    detail = f"listens on {settings.host}, port {settings.port}, {keys or 'no'} API key{'' if keys == 1 else 's'}"
    try:
        check_exposure(settings)
    except BadSettings:
        return Check("access", "fail", detail, "set SANDTABLE_API_KEY, or bind 127.0.0.1: `serve` refuses this")
    return Check("access", "ok", detail)
