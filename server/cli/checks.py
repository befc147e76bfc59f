"""What `sandtable doctor` finds on this machine: Python, packages, processor, data directory, exposure."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from server.settings import Settings

NEWEST_PYTHON = (3, 14)
LEAST_FREE = 1 << 30
"""Bytes: below a gigabyte a collection of some size may not fit."""
SHOWN = ("faiss-cpu", "fastapi", "langgraph", "numpy", "onnxruntime", "pydantic", "sqlalchemy", "uvicorn")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp")
"""What faiss and ONNX Runtime have fast kernels for."""


@dataclass(frozen=True)
class Check:
    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    way_out: str = ""


def machine_checks(settings: Settings) -> list[Check]:
    return [python(), packages(), processor(), data_directory(settings), exposure(settings)]


def python() -> Check:
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] > NEWEST_PYTHON:
        newest = ".".join(map(str, NEWEST_PYTHON))
        return Check("python", "warn", detail, f"tried with 3.11 to {newest}; use one of these if something fails")
    return Check("python", "ok", detail)


def packages() -> Check:
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        required = [need for need in requires("sandtable") or [] if "extra ==" not in need]
        own = version("sandtable")
    except PackageNotFoundError:
        return Check("packages", "fail", "the distribution 'sandtable' is not installed", "pip install -e .")
    found: dict[str, str] = {}
    missing: list[str] = []
    for need in required:
        name = re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0]
        try:
            found[name.lower()] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    shown = ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)
    return Check("packages", "ok", f"sandtable {own}; {shown}")


def processor() -> Check:
    features = _features()
    detail = f"{platform.machine()}: {', '.join(sorted(features & set(FLAGS))) or 'no vector extensions known'}"
    if platform.machine() in ("x86_64", "AMD64") and features and "avx2" not in features:
        return Check("processor", "warn", detail, "without AVX2 embedding and search run several times slower")
    return Check("processor", "ok", detail)


def _features() -> set[str]:
    """The processor's flags as Linux lists them; elsewhere nothing is known."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    listed = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    return set(listed[1].split()) if listed else set()


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
