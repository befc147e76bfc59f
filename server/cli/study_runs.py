"""Runs of a study: evaluations one after the other through one service, each kept as `sandtable eval` keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agents.tasks.base import Item, Task
    from server.cli.api import Api
    from server.cli.eval_runs import Evaluation
    from server.cli.studies import Given


def task_in(given: Given, settings: dict[str, Any]) -> tuple[Task, list[Item]]:
    """The task that `-o task=NAME` names, which is taken out, and its items. Raises UsageError, CommandFailed."""
    from server.cli.eval_items import items_of, task_of

    name = settings.pop("task", None)
    if not isinstance(name, str):
        raise click.UsageError("name the task whose questions are asked: -o task=gsm8k")
    task = task_of(name)
    return task, items_of(task, given.backend, given.data)[: given.most]


def reports(given: Given, asked: Sequence[tuple[Evaluation, Sequence[Item]]]) -> list[dict[str, Any]]:
    """What `server.cli.eval_report` makes of each. Raises CommandFailed."""
    return asyncio.run(_reports(given, asked))


async def _reports(given: Given, asked: Sequence[tuple[Evaluation, Sequence[Item]]]) -> list[dict[str, Any]]:
    from server.cli.connection import connect
    from server.cli.eval_report import report

    found = []
    async with connect(given.where) as api:
        for evaluation, items in asked:
            kept = await answered(api, given, evaluation, items, fresh=given.fresh)
            found.append(report(evaluation, items, kept))
    return found


async def answered(
    api: Api, given: Given, evaluation: Evaluation, items: Sequence[Item], *, fresh: bool
) -> dict[str, dict[str, Any]]:
    """What is kept of each item's run, by id. Raises CommandFailed."""
    from server.cli.eval_runs import answer_all, kept_answers

    kept = kept_answers(given.where, evaluation, fresh=fresh)
    await answer_all(api, evaluation, items, kept, given.at_once, quiet=given.quiet)
    return kept.answers
