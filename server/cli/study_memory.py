"""`sandtable eval memory-recall`: how much of a question's evidence each kind of memory tells, beside BM25."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.output import one_line, stdout_console
from server.cli.own_embedder import own_embedder

if TYPE_CHECKING:
    from server.cli.studies import Given


def measure(given: Given) -> dict[str, Any]:
    """In this process, with the embedder of the settings."""
    from agents.tasks.base import BadData
    from agents.tasks.locomo import talks
    from agents.tasks.memory_recall import measured

    if given.data is None:
        raise click.UsageError("'memory-recall' needs the folder of its data: --data DIR.")
    try:
        found = talks(given.data)
    except BadData as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None
    with own_embedder(given.where) as embedder:
        return asyncio.run(measured(found, embedder, given.most))


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    told = f"{found['questions']} questions, {found['conversations']} conversations"
    console.print(f"{told}, embedder {one_line(found['embedder'])}")
    names = list(found["rows"][0]["by_category"])
    table = Table(f"recall@{found['k']}", "all", *names, "against BM25", box=None, pad_edge=False)
    for row in found["rows"]:
        versus = row["versus_bm25"]
        against = "-" if versus is None else f"{versus['mean']:+.3f}, p {versus['p_value']:.4f}"
        shares = (f"{row['by_category'][name]['mean']:.3f}" for name in names)
        table.add_row(row["memory"], f"{row['recall']['mean']:.3f}", *shares, against)
    console.print(table)


def plotted(found: dict[str, Any], path: Path) -> None:
    """Recall of each memory with its interval. Raises CommandFailed."""
    from server.cli.picture import blank, intervals

    rows = found["rows"]
    means = [row["recall"]["mean"] for row in rows]
    spread = intervals(means, [row["recall"]["low"] for row in rows], [row["recall"]["high"] for row in rows])
    figure, axes = blank(7, 4)
    axes.barh([row["memory"] for row in rows], means, xerr=spread, capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel(f"recall of the evidence at {found['k']}, 95 % intervals")
    figure.savefig(path, dpi=150)
