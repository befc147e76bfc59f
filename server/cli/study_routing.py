"""`sandtable eval bfcl-routing`: which of a thousand tools a question is meant for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.output import one_line, stdout_console
from server.cli.own_embedder import own_embedder

if TYPE_CHECKING:
    from server.cli.studies import Given

MOST_CONFUSIONS = 10
DRAWN = 20
"""Tools in the picture: those asked for most."""


def measure(given: Given) -> dict[str, Any]:
    """In this process, with the embedder of the settings."""
    from agents.tasks.base import BadData
    from agents.tasks.bfcl import cases_in
    from agents.tasks.tool_routing import asked_of, measured, pool_of

    if given.data is None:
        raise click.UsageError("'bfcl-routing' needs the folder of its data: --data DIR.")
    try:
        cases = cases_in(given.data)
        asked = asked_of(cases)[: given.most]
    except BadData as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None
    with own_embedder(given.where) as embedder:
        return measured(pool_of(cases), asked, embedder)


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    console.print(f"{found['questions']} questions, {found['tools']} tools, embedder {one_line(found['embedder'])}")
    ks = list(found["recall"]["lexical"])
    table = Table("router", *(f"recall@{k}" for k in ks), "recall@1 against lexical", box=None, pad_edge=False)
    for by, recall in found["recall"].items():
        versus = found["versus_lexical"].get(by)
        told = "-" if versus is None else f"{versus['1']['mean']:+.3f}, p {versus['1']['p_value']:.4f}"
        table.add_row(by, *(_interval(recall[k]) for k in ks), told)
    console.print(table)
    wrong = [row for row in found["confusion"] if row["tool"] != row["routed_to"]]
    confusions = Table("asked for", "hybrid routed to", "questions", box=None, pad_edge=False)
    for row in wrong[:MOST_CONFUSIONS]:
        confusions.add_row(one_line(row["tool"]), one_line(row["routed_to"]), str(row["questions"]))
    console.print(confusions)


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def plotted(found: dict[str, Any], path: Path) -> None:
    """Draw the confusion matrix. Raises CommandFailed."""
    from agents.tasks.tool_routing import matrix
    from server.cli.picture import blank

    names, shares = matrix(found["confusion"], DRAWN)
    figure, axes = blank(9, 8)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names) - 1), names[:-1], fontsize=7)
    axes.set_xlabel("routed to, by hybrid")
    axes.set_ylabel("asked for")
    axes.set_title(f"{found['questions']} questions, {found['tools']} tools; those asked for most", size=10)
    figure.colorbar(image, label="share of the questions")
    figure.savefig(path, dpi=150)
