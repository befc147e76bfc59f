"""Are the import packages ours? openai-agents ships an `agents` too, and Python takes whichever it meets first."""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("agents", "backends", "retrieval", "server", "tools")
ROOT = Path(__file__).resolve().parents[1]


def problems(find: Callable[[str], ModuleSpec | None] = find_spec, root: Path = ROOT) -> list[str]:
    """One sentence for every package that is not the directory beside this one. Finds them without importing them."""
    found = ((name, find(name), root / name / "__init__.py") for name in PACKAGES)
    return [problem for name, spec, ours in found if (problem := _problem(name, spec, ours))]


def _problem(name: str, spec: ModuleSpec | None, ours: Path) -> str | None:
    origin = spec.origin if spec is not None else None
    if origin is None:
        return f"the package {name!r} is missing beside {str(ours.parent.parent)!r}: install sandtable again"
    if Path(origin).resolve() != ours:
        return _clash(name, origin, ours)
    # Wheels of the same package name are merged into one directory; our own __init__ files are empty.
    if ours.stat().st_size:
        return _clash(name, origin, ours)
    return None


def _clash(name: str, origin: str, ours: Path) -> str:
    return (
        f"the package {name!r} at {origin!r} is not Sandtable's ({str(ours)!r}); it comes from {_owners(name)}. "
        "Install sandtable into an environment of its own"
    )


def _owners(name: str) -> str:
    """The distributions that also bring the package; asked only when there is a clash, for it reads all metadata."""
    from importlib.metadata import packages_distributions

    others = sorted(set(packages_distributions().get(name, [])) - {"sandtable"})
    return " or ".join(others) or "a directory on PYTHONPATH or the current one"
