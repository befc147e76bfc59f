"""What `sandtable eval` does for a pipeline of trials: each item's own judge, and success by trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.eval_tests import verdict_of
from server.cli.output import stdout_console

if TYPE_CHECKING:
    from agents.tasks.base import Item, Task
    from server.cli.eval_runs import Evaluation

REFLEXION = "reflexion"


def options_for(task: Task, pipeline: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the task sets for the pipeline, or for the one within it, where the caller does not."""
    if pipeline != REFLEXION:
        return {**_set_for(task, pipeline), **given}
    inner, own = given.get("inner", "react"), given.get("inner_options", {})
    within = {**_set_for(task, str(inner)), **(own if isinstance(own, Mapping) else {})}
    return {**given, "inner": inner, "inner_options": within if isinstance(own, Mapping) else own}


def _set_for(task: Task, pipeline: str) -> dict[str, Any]:
    """A nearest neighbour is never the question's own row, or the score would be that of a copy."""
    return {**({"leave_out": True} if pipeline == "knn" else {}), **task.options(pipeline)}


def judged(evaluation: Evaluation, item: Item) -> dict[str, Any]:
    """The options of one item: its judge is the task's check, unless the caller names another.

    Hidden tests only score: there the agent's own tests judge. Where the gold is no text that can be handed over, the
    pipeline's model does. The score is the task's either way.
    """
    from agents.tasks.base import Tested

    given = evaluation.options
    if evaluation.pipeline != REFLEXION or {"task", "reference"} & set(given) or given.get("evaluator") == "llm":
        return {}
    if isinstance(evaluation.task, Tested):
        return {} if given.get("evaluator") else {"evaluator": "code"}
    texts = [item.gold] if isinstance(item.gold, str) else item.gold or ()
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return {}
    reference = {"reference": item.gold} if item.gold else {}
    return reference if given.get("evaluator") == "exact" else {"task": evaluation.task.name, **reference}


def by_trial(
    evaluation: Evaluation, items: Sequence[Item], answers: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The score if there had been so many trials at most, of the answer that was given by then; none without trials."""
    told = [(item, answers[item.id]) for item in items if item.id in answers]
    return curve(
        [[verdict_of(evaluation.task, item, row, said).score for said in row.get("trials") or []] for item, row in told]
    )


def curve(scores: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """`scores`: of each item's trials, in order. A run without any, because it failed, scores 0."""
    from agents.tasks.scores import mean_of

    rows = []
    for number in range(1, max(map(len, scores), default=0) + 1):
        reached = [one[min(number, len(one)) - 1] if one else 0.0 for one in scores]
        mean, low, high = mean_of(reached)
        rows.append({"trial": number, "mean": mean, "low": low, "high": high, "sum": sum(reached), "n": len(reached)})
    return rows


def show(trials: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table("trials", "score", "95 % interval", "solved", box=None, pad_edge=False)
    for row in trials:
        interval = f"{row['low']:.3f} - {row['high']:.3f}"
        table.add_row(str(row["trial"]), f"{row['mean']:.3f}", interval, f"{row['sum']:g} of {row['n']}")
    stdout_console().print(table)


def plotted(found: Mapping[str, Any], path: Path) -> None:
    """Write the score against the number of trials. Raises CommandFailed."""
    from server.cli.picture import blank

    figure, axes = blank(6, 4)
    rows = found["trials"]
    numbers = [row["trial"] for row in rows]
    spread = [[row["mean"] - row["low"] for row in rows], [row["high"] - row["mean"] for row in rows]]
    axes.errorbar(numbers, [row["mean"] for row in rows], yerr=spread, fmt="o-", capsize=3)
    axes.set_xticks(numbers)
    axes.set_ylim(0, 1)
    axes.set_xlabel("trials")
    axes.set_ylabel("score of the answer given by then")
    inner, backend = found["options"].get("inner", ""), found["backend"] or "default backend"
    axes.set_title(f"{found['task']}: reflexion of {inner}, {backend}\n{found['items']} items, 95 % intervals", size=10)
    figure.savefig(path, dpi=150)
