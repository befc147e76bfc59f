"""`sandtable eval cost`: what a solved question costs by each strategy, side by side.

Yao et al. 2023 (Tree of Thoughts, appendix B.3) compare so: what one strategy solves with a hundred calls, another may
with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.output import stdout_console
from server.cli.study_runs import reports, task_in

if TYPE_CHECKING:
    from server.cli.studies import Given

STRATEGIES = ("chat", "cot", "tot")
SPENT = ("calls", "tokens", "seconds", "cost")


def measure(given: Given) -> dict[str, Any]:
    """`-o task=NAME`, `-o strategies='["chat", "cot"]'`, and each strategy's own options by its name: `-o
    cot='{"n": 5}'`,
    `backend` among them.
    """
    from server.cli.eval_runs import Evaluation
    from server.cli.eval_trials import options_for

    settings = dict(given.options)
    task, items = task_in(given, settings)
    names = settings.pop("strategies", STRATEGIES)
    if not isinstance(names, list | tuple) or not names:
        raise click.UsageError('-o strategies is no list of pipelines: \'["chat", "cot"]\'')
    asked = []
    for name in map(str, names):
        own = settings.pop(name, {})
        if not isinstance(own, Mapping):
            raise click.UsageError(f"-o {name} is no object of options")
        options = {key: value for key, value in own.items() if key != "backend"}
        backend = own.get("backend", given.backend)
        asked.append((Evaluation(task, name, backend, given.collection, options_for(task, name, options)), items))
    if settings:
        raise click.UsageError(
            f"-o {next(iter(settings))} is neither 'task', 'strategies' nor one of {', '.join(names)}"
        )
    return {"of": task.name, "items": len(items), "strategies": [_row(one) for one in reports(given, asked)]}


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    score = found["metrics"]["score"]
    told = found["items"] - found["failed"]
    total = {name: None if found[name] is None else found[name] * told for name in SPENT}
    solved = score["sum"]
    return {
        "strategy": found["pipeline"], "backend": found["backend"], "options": found["options"],
        "failed": found["failed"], "score": score, "solved": solved, "total": total,
        "per_item": {name: found[name] for name in SPENT},
        "per_solved": {name: None if one is None or not solved else one / solved for name, one in total.items()},
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    console.print(f"{found['items']} questions of {found['of']}; spent for each solved one (in all):")
    table = Table("strategy", "score", "95 % interval", "solved", *SPENT, "failed", box=None, pad_edge=False)
    for row in found["strategies"]:
        score, spent = row["score"], row["per_solved"]
        table.add_row(
            row["strategy"], f"{score['mean']:.3f}", f"{score['low']:.3f} - {score['high']:.3f}", f"{row['solved']:g}",
            *(f"{_figure(spent[name])} ({_figure(row['total'][name])})" for name in SPENT), str(row["failed"]),
        )  # fmt: skip
    console.print(table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def plotted(found: dict[str, Any], path: Path) -> None:
    """Score against tokens (calls, where tokens are not known) of a question. Raises CommandFailed."""
    from server.cli.picture import blank, intervals

    known = all(row["per_item"]["tokens"] is not None for row in found["strategies"])
    what = "tokens" if known else "calls"
    figure, axes = blank(6, 4)
    for row in found["strategies"]:
        if (spent := row["per_item"][what]) is None:
            continue
        score = row["score"]
        spread = intervals([score["mean"]], [score["low"]], [score["high"]])
        axes.errorbar([spent], [score["mean"]], yerr=spread, fmt="o", capsize=3, label=row["strategy"])
    axes.set_xlabel(f"{what} of a question")
    axes.set_ylabel("score")
    axes.set_ylim(0, 1)
    axes.set_title(f"{found['of']}: {found['items']} questions, 95 % intervals", size=10)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
