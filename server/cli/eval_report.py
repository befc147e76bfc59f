"""What an evaluation found, as an object and as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.cli.eval_tests import verdict_of
from server.cli.eval_trials import by_trial
from server.cli.eval_trials import show as show_trials
from server.cli.output import stdout_console

if TYPE_CHECKING:
    from agents.tasks.base import Item
    from server.cli.eval_runs import Evaluation

MOST_REASONS = 5


def report(evaluation: Evaluation, items: Sequence[Item], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the items that were asked; a run that failed counts as wrong."""
    from agents.tasks.scores import mean_of

    marks: defaultdict[str, list[float]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    told = [(item, answers[item.id]) for item in items if item.id in answers]
    for item, answer in told:
        if answer["error"] is not None:
            marks["score"].append(0.0)
            reasons[f"run failed: {answer['code'] or answer['error']}"] += 1
            continue
        verdict = verdict_of(evaluation.task, item, answer, answer["answer"])
        marks["score"].append(verdict.score)
        for name, value in verdict.details.items():
            marks[name].append(float(value))
        if verdict.reason:
            reasons[verdict.reason] += 1
    good = [answer for _, answer in told if answer["error"] is None]
    return {
        "task": evaluation.task.name,
        "pipeline": evaluation.pipeline,
        "backend": evaluation.backend,
        "options": dict(evaluation.options),
        "items": len(told),
        "failed": len(told) - len(good),
        "limited": sum(answer["limit"] is not None for answer in good),
        "metrics": {name: _metric(mean_of(values), values) for name, values in marks.items()},
        "trials": by_trial(evaluation, items, answers),
        "calls": _per_item(good, "calls"),
        "seconds": _per_item(good, "seconds"),
        "tokens": _per_item(good, "tokens"),
        "cost": _per_item(good, "cost"),
        "paper": [
            {"pipeline": f.pipeline, "metric": f.metric, "value": f.value, "source": f.source}
            for f in evaluation.task.figures
        ],
        "reasons": dict(reasons.most_common(MOST_REASONS)),
    }


def _metric(mean: Any, values: Sequence[float]) -> dict[str, Any]:
    return {"mean": mean.mean, "low": mean.low, "high": mean.high, "sum": sum(values), "n": len(values)}


def _per_item(answers: Sequence[Mapping[str, Any]], field: str) -> float | None:
    """The mean; None if a run did not say."""
    values = [answer[field] for answer in answers]
    return None if not values or None in values else sum(values) / len(values)


def show(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    table = Table("metric", "mean", "95 % interval", "paper", box=None, pad_edge=False)
    for name, metric in found["metrics"].items():
        beside = [f for f in found["paper"] if f["pipeline"] == found["pipeline"] and f["metric"] == name]
        paper = "; ".join(f"{f['value']:.3g} ({f['source']})" for f in beside)
        table.add_row(name, f"{metric['mean']:.3f}", f"{metric['low']:.3f} - {metric['high']:.3f}", paper)
    console.print(
        f"{found['task']} by {found['pipeline']}, backend {found['backend'] or 'as configured'}", soft_wrap=True
    )
    console.print(f"{found['items']} items, {found['failed']} runs failed, {found['limited']} met a limit")
    console.print(table)
    if found["trials"]:
        show_trials(found["trials"])
    shown = {"calls": "{:.1f}", "tokens": "{:.0f}", "seconds": "{:.2f}", "cost": "{:.4g}"}
    per_item = [f"{name} {form.format(found[name])}" for name, form in shown.items() if found[name] is not None]
    console.print(f"an item: {', '.join(per_item)}" if per_item else "no item was answered")
    for reason, count in found["reasons"].items():
        console.print(f"  {count} x {reason}", soft_wrap=True)
