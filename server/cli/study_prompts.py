"""`sandtable eval prompt-robustness`: how far a score depends on how the question is put.

Each question is asked in several wordings and forms, and, of `cot`, with its worked examples in several orders: what a
single cell of that says is half chance, so there are mean, worst and spread. Sources: Lu et al. 2022 (arXiv:2104.08786)
on orders, Sclar et al. 2023 (arXiv:2310.11324) on forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import click

from server.cli.output import stdout_console
from server.cli.study_runs import reports, task_in

if TYPE_CHECKING:
    from agents.tasks.base import Item
    from server.cli.studies import Given

WORDINGS = {
    "as it is": "{question}",
    "polite": "Could you please tell me: {question}",
    "curt": "Answer. {question}",
    "explained": "I need the answer to the following for my work, so please be careful. {question}",
}
FORMS = {
    "plain": "{asked}",
    "labelled": "Question: {asked}\nAnswer:",
    "heading": "## Question\n\n{asked}",
    "tagged": "<question>\n{asked}\n</question>",
}
ORDERS = 4


def measure(given: Given) -> dict[str, Any]:
    """`-o task=NAME`, `-o orders=4` (of `cot`); all other `-o` are options of the pipeline."""
    from server.cli.eval_runs import Evaluation
    from server.cli.eval_trials import options_for

    settings = dict(given.options)
    task, items = task_in(given, settings)
    orders = settings.pop("orders", ORDERS)
    if not isinstance(orders, int) or not 0 <= orders <= 50:
        raise click.UsageError(f"-o orders={orders!r} is no whole number from 0 to 50")
    options = options_for(task, given.pipeline, settings)
    evaluation = Evaluation(task, given.pipeline, given.backend, given.collection, options)
    cells = [(wording, form) for wording in WORDINGS for form in FORMS]
    asked = [(evaluation, [_put(item, *cell) for item in items]) for cell in cells]
    shuffled = _orders(options, orders) if given.pipeline == "cot" else []
    asked += [(replace(evaluation, options={**options, "examples": one}), items) for one in shuffled]
    found = reports(given, asked)
    scores = [one["metrics"]["score"]["mean"] for one in found]
    rows = [
        {"wording": wording, "form": form, "score": score}
        for (wording, form), score in zip(cells, scores, strict=False)
    ]
    return {
        "of": task.name, "pipeline": given.pipeline, "backend": given.backend, "items": len(items),
        "failed": sum(one["failed"] for one in found), "cells": rows, **_summary(scores[: len(cells)]),
        "example_orders": {"scores": scores[len(cells) :], **_summary(scores[len(cells) :])} if shuffled else None,
    }  # fmt: skip


def _put(item: Item, wording: str, form: str) -> Item:
    asked = WORDINGS[wording].format(question=item.question)
    return replace(item, id=f"{wording}, {form}: {item.id}", question=FORMS[form].format(asked=asked))


def _orders(options: dict[str, Any], most: int) -> list[list[Any]]:
    from agents.cot import EXAMPLES

    examples = list(options.get("examples") or (example.model_dump() for example in EXAMPLES))
    return [Random(number).sample(examples, len(examples)) for number in range(most)]


def _summary(scores: Sequence[float]) -> dict[str, float]:
    if not scores:
        return {}
    return {
        "mean": fmean(scores), "worst": min(scores), "best": max(scores), "spread": max(scores) - min(scores),
        "deviation": pstdev(scores),
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    console.print(
        f"{found['items']} questions of {found['of']} by {found['pipeline']}, each put in {len(found['cells'])} ways",
        markup=False,
    )
    table = Table("wording", *FORMS, box=None, pad_edge=False)
    for wording in WORDINGS:
        table.add_row(wording, *(f"{row['score']:.3f}" for row in found["cells"] if row["wording"] == wording))
    console.print(table)
    console.print(_told(found))
    if found["example_orders"]:
        console.print(
            f"{len(found['example_orders']['scores'])} orders of the examples: {_told(found['example_orders'])}"
        )


def _told(summary: dict[str, Any]) -> str:
    return ", ".join(f"{name} {summary[name]:.3f}" for name in ("mean", "worst", "best", "spread", "deviation"))


def plotted(found: dict[str, Any], path: Path) -> None:
    """The score of each cell. Raises CommandFailed."""
    from server.cli.picture import blank

    figure, axes = blank(6, 4)
    grid = [[row["score"] for row in found["cells"] if row["wording"] == wording] for wording in WORDINGS]
    image = axes.imshow(grid, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(FORMS)), list(FORMS))
    axes.set_yticks(range(len(WORDINGS)), list(WORDINGS))
    for row, scores in enumerate(grid):
        for column, score in enumerate(scores):
            axes.text(column, row, f"{score:.2f}", ha="center", va="center", color="white" if score > 0.6 else "black")
    axes.set_title(
        f"{found['of']} by {found['pipeline']}: mean {found['mean']:.2f}, worst {found['worst']:.2f}", size=10
    )
    figure.colorbar(image, label="score")
    figure.savefig(path, dpi=150)
