"""What `sandtable eval` measures that is no score of one pipeline on one task: each in a module of its own.

Such a module has `measure(given)`, which returns the figures as one JSON object, `show(found)` and `plotted(found,
path)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from server.cli.options import Where
from server.cli.output import emit_json

STUDIES = {
    "bfcl-routing": "server.cli.study_routing",
    "context-length": "server.cli.study_context",
    "cost": "server.cli.study_cost",
    "knowledge-boundary": "server.cli.study_boundary",
    "memory-recall": "server.cli.study_memory",
    "memory-scenarios": "server.cli.study_scenarios",
    "prompt-robustness": "server.cli.study_prompts",
}


class Given(NamedTuple):
    """The options of the command."""

    where: Where
    pipeline: str
    backend: str | None
    collection: str | None
    most: int | None
    options: Mapping[str, Any]
    data: Path | None
    at_once: int
    fresh: bool
    quiet: bool


def run(name: str, given: Given, plot: Path | None, as_json: bool) -> None:
    """Measure, show, draw. Raises CommandFailed, UsageError."""
    study = import_module(STUDIES[name])
    found = {"task": name, **study.measure(given)}
    if plot is not None:
        study.plotted(found, plot)
    if as_json:
        emit_json(found)
    else:
        study.show(found)
