"""What `sandtable doctor` finds on this machine: Python, packages, processor."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NEWEST_PYTHON = (3, 14)
SHOWN = ("faiss-cpu", "fastapi", "langgraph", "numpy", "onnxruntime", "pydantic", "sqlalchemy", "uvicorn")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp")
"""What faiss and ONNX Runtime have fast kernels for."""


@dataclass(frozen=True)
class Check:
    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    way_out: str = ""


def machine_checks() -> list[Check]:
    return [python(), packages(), processor()]


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
