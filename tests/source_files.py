"""The source of the packages, for the tests that read it."""

import ast
import re
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("backends", "retrieval", "tools", "agents", "server", "demos")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def distribution(requirement: str) -> str:
    """The normalised name in a requirement such as `uvicorn[standard]>=0.35`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")
