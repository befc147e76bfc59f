"""`sandtable eval context-length`: what a budget leaves of a long conversation, by policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.output import stdout_console

if TYPE_CHECKING:
    from server.cli.studies import Given

DRAWN = 1_000
"""Words: the budget whose recall is drawn and shown by distance."""


def measure(given: Given) -> dict[str, Any]:
    """In this process; no run is made."""
    from agents.tasks.base import BadData
    from agents.tasks.context_length import measured, probes

    if given.data is None:
        raise click.UsageError("'context-length' needs the folder of its data: --data DIR.")
    try:
        return measured(probes(given.data, given.most))
    except BadData as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from agents.tasks.context_length import BANDS, BUDGETS, POLICIES, at

    console = stdout_console()
    console.print(f"{found['questions']} questions, conversations of {found['mean_words']:.0f} words in the mean")
    table = Table("recall within words", *(str(budget) for budget in BUDGETS), box=None, pad_edge=False)
    for policy in POLICIES:
        table.add_row(policy, *(f"{at(found['rows'], policy, budget)['recall']:.3f}" for budget in BUDGETS))
    console.print(table)
    names = [f"{100 * band // BANDS}-{100 * (band + 1) // BANDS} %" for band in range(BANDS)]
    table = Table(f"at {DRAWN}, distance", *names, box=None, pad_edge=False)
    for policy in POLICIES:
        told = at(found["rows"], policy, DRAWN)["by_distance"]
        table.add_row(policy, *("-" if one is None else f"{one:.3f}" for one in told))
    console.print(table)


def plotted(found: dict[str, Any], path: Path) -> None:
    """Recall against the budget. Raises CommandFailed."""
    from agents.tasks.context_length import BUDGETS, POLICIES, at
    from server.cli.picture import blank, intervals

    figure, axes = blank(6, 4)
    for policy in POLICIES:
        rows = [at(found["rows"], policy, budget) for budget in BUDGETS]
        means = [row["recall"] for row in rows]
        spread = intervals(means, [row["low"] for row in rows], [row["high"] for row in rows])
        axes.errorbar(BUDGETS, means, yerr=spread, fmt="o-", capsize=3, label=policy)
    axes.set_xscale("log")
    axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("budget, words")
    axes.set_ylabel("evidence that is kept")
    axes.set_title(f"{found['questions']} questions, 95 % intervals", size=10)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
