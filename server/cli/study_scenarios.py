"""`sandtable eval memory-scenarios`: what memory tells as facts are forgotten, overwritten, contradicted, repeated."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.output import one_line, stdout_console
from server.cli.own_embedder import own_embedder

if TYPE_CHECKING:
    from server.cli.studies import Given

RATES = ("right", "stale", "duplicate")


def measure(given: Given) -> dict[str, Any]:
    """In this process, with the embedder of the settings."""
    from agents.tasks.memory_scenarios import measured

    with own_embedder(given.where) as embedder:
        return asyncio.run(measured(embedder))


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    console.print(f"{found['k']} records told, embedder {one_line(found['embedder'])}")
    table = Table("memory", "scenario", "about", "topics", *RATES, box=None, pad_edge=False)
    for row in found["rows"]:
        rates = (f"{row[rate]:.3f}" for rate in RATES)
        table.add_row(row["store"], row["scenario"], row["about"], str(row["topics"]), *rates)
    console.print(table)


def plotted(found: dict[str, Any], path: Path) -> None:
    """The stale and duplicate rates. Raises CommandFailed."""
    from server.cli.picture import blank

    figure, axes = blank(7, 5)
    rows = found["rows"]
    names = [f"{row['store']}: {row['scenario']}, {row['about']}" for row in rows]
    axes.barh(names, [row["stale"] for row in rows], label="stale", alpha=0.7)
    axes.barh(names, [row["duplicate"] for row in rows], label="duplicate", alpha=0.7)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of what is told (duplicate), of the topics (stale)")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
