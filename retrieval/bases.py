"""Bases: snapshots of a generation's index under the data directory.

A base is written to a temporary name and renamed, with a manifest of what it is of and checksums; one that is damaged,
or of another kind, is passed over as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.base import Ids

FORMAT = 2


def newest(directory: Path) -> Path | None:
    return next(iter(_bases(directory)), None)


def newest_whole(directory: Path, identity: Mapping[str, Any]) -> Path | None:
    return next((base for base in _bases(directory) if _is_whole(base, identity)), None)


def sweep(directory: Path) -> None:
    """Remove what a killed process has half written."""
    for half_written in directory.glob("tmp-*"):
        shutil.rmtree(half_written, ignore_errors=True)


def write(
    directory: Path, identity: Mapping[str, Any], ids: Ids, parts: Mapping[str, Callable[[Path], None]]
) -> Path:  # fmt: skip
    """Write a base that covers `ids`, each part to a folder of its name. Older ones are left. Returns the new one."""
    number = 1 + max((_number(base) for base in _bases(directory)), default=0)
    temporary = directory / f"tmp-{number}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _fill(temporary, identity, ids, parts)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    base = directory / f"base-{number}"
    temporary.rename(base)
    _sync(directory)
    return base


def _fill(
    temporary: Path, identity: Mapping[str, Any], ids: Ids, parts: Mapping[str, Callable[[Path], None]]
) -> None:  # fmt: skip
    import numpy as np

    np.save(temporary / "ids.npy", ids)
    for name, save in parts.items():
        (temporary / name).mkdir()
        save(temporary / name)
    files = sorted(path for path in temporary.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        **identity,
        "covers": len(ids),
        "last_chunk_id": int(ids[-1]) if len(ids) else 0,
        "sha256": {str(path.relative_to(temporary)): _sha256(path) for path in files},
    }
    (temporary / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in (*files, temporary / "manifest.json"):
        _sync(path)


def keep_only(directory: Path, base: Path | None) -> None:
    """Remove the bases that have been replaced, or cannot be used."""
    for path in _bases(directory):
        if path != base:
            shutil.rmtree(path, ignore_errors=True)


def size(directory: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _bases(directory: Path) -> list[Path]:
    """Bases on disk, newest first."""
    named = (base for base in directory.glob("base-*") if base.name.removeprefix("base-").isdecimal())
    return sorted(named, key=_number, reverse=True)


def _is_whole(base: Path, identity: Mapping[str, Any]) -> bool:
    try:
        manifest = dict(json.loads((base / "manifest.json").read_text(encoding="utf-8")))
        same_kind = all(manifest.get(key) == value for key, value in {"format": FORMAT, **identity}.items())
        return same_kind and all(_sha256(base / name) == digest for name, digest in manifest["sha256"].items())
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _number(base: Path) -> int:
    return int(base.name.removeprefix("base-"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
