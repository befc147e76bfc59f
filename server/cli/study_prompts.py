"""`sandtable eval prompt-robustness`: how far a score depends on how the question is put.

Each question is asked in several wordings and forms, and, of `cot`, with its worked examples in several orders: what a
single cell of that says is half chance, so there are mean, worst and spread. Sources: Lu et al. 2022 (arXiv:2104.08786)
on orders, Sclar et al. 2023 (arXiv:2310.11324) on forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import click

from agents.abstention import chinese
from server.cli.output import stdout_console
from server.cli.study_runs import reports, task_in

if TYPE_CHECKING:
    from agents.tasks.base import Item
    from server.cli.studies import Given

WORDINGS = {
    "as it is": ("{question}", "{question}"),
    "polite": ("Could you please tell me: {question}", "请您告诉我：{question}"),
    "curt": ("Answer. {question}", "回答。{question}"),
    "explained": (
        "I need the answer to the following for my work, so please be careful. {question}",
        "我的工作需要下面这个问题的答案，所以请仔细作答。{question}",
    ),
}
"""Before the question; for a Chinese one in Chinese."""
FORMS = {
    "plain": ("{asked}", "{asked}"),
    "labelled": ("Question: {asked}\nAnswer:", "问题：{asked}\n答案："),
    "heading": ("## Question\n\n{asked}", "## 问题\n\n{asked}"),
    "tagged": ("<question>\n{asked}\n</question>", "<问题>\n{asked}\n</问题>"),
}
ORDERS = 4
PARAPHRASE = "paraphrase "
MOST_TOLD = 5


def measure(given: Given) -> dict[str, Any]:
    """`-o task=NAME`, `-o orders=4` (of `cot`), `-o paraphrases=N`, `-o paraphrases_by=BACKEND` (who writes them); all
    other `-o` are options of the pipeline.
    """
    from server.cli.eval_runs import Evaluation
    from server.cli.eval_trials import options_for
    from server.cli.paraphrases import MOST, paraphrased

    settings = dict(given.options)
    task, items = task_in(given, settings)
    orders = _whole(settings, "orders", ORDERS, 50)
    wanted, by = _whole(settings, "paraphrases", None, MOST), settings.pop("paraphrases_by", given.backend)
    if by is not None and not isinstance(by, str):
        raise click.UsageError(f"-o paraphrases_by={by!r} is no backend")
    options = options_for(task, given.pipeline, settings)
    evaluation = Evaluation(task, given.pipeline, given.backend, given.collection, options)
    put = asyncio.run(paraphrased(given, items, wanted, by))
    rows = _rows(items, {id: one.texts for id, one in put.items()})
    cells = [(wording, form) for wording in rows for form in FORMS]
    asked = [(evaluation, [_put(item, text, *cell) for item, text in rows[cell[0]]]) for cell in cells]
    shuffled = _orders(options, orders or 0) if given.pipeline == "cot" else []
    asked += [(replace(evaluation, options={**options, "examples": one}), items) for one in shuffled]
    found = reports(given, asked)
    scores = [one["metrics"]["score"]["mean"] for one in found]
    told = [
        {"wording": wording, "form": form, "score": score, "items": len(rows[wording])}
        for (wording, form), score in zip(cells, scores, strict=False)
    ]
    return {
        "of": task.name, "pipeline": given.pipeline, "backend": given.backend, "items": len(items),
        "failed": sum(one["failed"] for one in found), "cells": told, **_summary(scores[: len(cells)]),
        "by_kind": _by_kind(told), "paraphrases": {id: one._asdict() for id, one in put.items() if wanted or one.texts},
        "example_orders": {"scores": scores[len(cells) :], **_summary(scores[len(cells) :])} if shuffled else None,
    }  # fmt: skip


def _whole(settings: dict[str, Any], name: str, default: int | None, most: int) -> int | None:
    """Takes the option out. Raises UsageError."""
    value = settings.pop(name, default)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most):
        raise click.UsageError(f"-o {name}={value!r} is no whole number from 0 to {most}")
    return value


def _rows(items: Sequence[Item], put: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[Item, str]]]:
    """The questions of each row, as they are put there: all of them in each wording, and of each paraphrase those that
    have it."""
    rows = {
        name: [(item, texts[chinese(item.question)].format(question=item.question)) for item in items]
        for name, texts in WORDINGS.items()
    }
    for number in range(max((len(one) for one in put.values()), default=0)):
        with_it = [(item, put[item.id][number]) for item in items if number < len(put[item.id])]
        rows[f"{PARAPHRASE}{number + 1}"] = with_it
    return rows


def _put(item: Item, text: str, wording: str, form: str) -> Item:
    question = FORMS[form][chinese(item.question)].format(asked=text)
    return replace(item, id=f"{wording}, {form}: {item.id}", question=question)


def _by_kind(cells: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Wordings apart from paraphrases, where there are both."""
    parts = {
        kind: [row["score"] for row in cells if row["wording"].startswith(PARAPHRASE) == (kind == "paraphrases")]
        for kind in ("wordings", "paraphrases")
    }
    return {kind: _summary(scores) for kind, scores in parts.items()} if all(parts.values()) else {}


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
    ways = f"each put in {len(found['cells'])} ways"
    console.print(f"{found['items']} questions of {found['of']} by {found['pipeline']}, {ways}")
    table = Table("wording", *FORMS, box=None, pad_edge=False)
    for wording in _wordings(found):
        table.add_row(wording, *(f"{row['score']:.3f}" for row in found["cells"] if row["wording"] == wording))
    console.print(table)
    console.print(_told(found))
    for kind, summary in found["by_kind"].items():
        console.print(f"{kind}: {_told(summary)}")
    for row in found["cells"]:
        if row["form"] == "plain" and row["items"] < found["items"]:
            console.print(f"{row['wording']}: {row['items']} of {found['items']} questions have it")
    lacking = [(id, one) for id, one in found["paraphrases"].items() if one["lacking"]]
    for id, one in lacking[:MOST_TOLD]:
        console.print(f"question {id} has {len(one['texts'])}: {one['lacking']}")
    if lacking[MOST_TOLD:]:
        console.print(f"and {len(lacking) - MOST_TOLD} more questions lack some")
    if found["example_orders"]:
        console.print(
            f"{len(found['example_orders']['scores'])} orders of the examples: {_told(found['example_orders'])}"
        )


def _wordings(found: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["wording"] for row in found["cells"]))


def _told(summary: dict[str, Any]) -> str:
    return ", ".join(f"{name} {summary[name]:.3f}" for name in ("mean", "worst", "best", "spread", "deviation"))


def plotted(found: dict[str, Any], path: Path) -> None:
    """The score of each cell. Raises CommandFailed."""
    from server.cli.picture import blank

    wordings = _wordings(found)
    figure, axes = blank(6, max(4, 0.7 * len(wordings)))
    grid = [[row["score"] for row in found["cells"] if row["wording"] == wording] for wording in wordings]
    image = axes.imshow(grid, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(FORMS)), list(FORMS))
    axes.set_yticks(range(len(wordings)), wordings)
    for row, scores in enumerate(grid):
        for column, score in enumerate(scores):
            axes.text(column, row, f"{score:.2f}", ha="center", va="center", color="white" if score > 0.6 else "black")
    axes.set_title(
        f"{found['of']} by {found['pipeline']}: mean {found['mean']:.2f}, worst {found['worst']:.2f}", size=10
    )
    figure.colorbar(image, label="score")
    figure.savefig(path, dpi=150)
