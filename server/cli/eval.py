"""`sandtable eval`: a pipeline on a task, every answer checked without a model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli import eval_trials, studies
from server.cli.eval_items import items_of, task_of
from server.cli.evaluate import Retrieval, check_options, evaluate_folder, folder_options
from server.cli.failure import CommandFailed
from server.cli.key_values import key_values
from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, note
from server.cli.picture import check_plot

if TYPE_CHECKING:
    from agents.tasks.base import Item
    from server.cli.eval_runs import Evaluation

AT_ONCE = 8


@click.command(name="eval", short_help="Score a pipeline on a task, or retrieval on a folder.")
@click.argument("task")
@click.option("-p", "--pipeline", default="chat", show_default=True, help="Pipeline; `sandtable pipelines` lists them.")
@click.option("-b", "--backend", help="Backend, `kind:model`; default: as the service is configured.")
@click.option("-c", "--collection", help="Name or id of the collection that the pipeline searches.")
@click.option("-n", "most", type=click.IntRange(min=1), help="So many items; default: all.")
@click.option(
    "-o", "--option", "options", multiple=True, metavar="KEY=VALUE", help="Option of the pipeline; repeatable."
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the task's data; a recorded run needs none.")
@click.option("--at-once", type=click.IntRange(1, 256), default=AT_ONCE, show_default=True, help="Runs side by side.")
@click.option("--fresh", is_flag=True, help="Begin anew, instead of going on where the same command stopped.")
@folder_options
@json_option
@service_options
def evaluate(
    where: Where,
    *,
    retrieval: Retrieval,
    task: str,
    pipeline: str,
    backend: str | None,
    collection: str | None,
    most: int | None,
    options: tuple[str, ...],
    data: Path | None,
    at_once: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Score a pipeline on a task, or retrieval on a folder.

    Such a folder has corpus.jsonl, queries.jsonl and qrels.tsv. Studies measure more than one thing: bfcl-routing,
    context-length, cost, knowledge-boundary, memory-recall, memory-scenarios, prompt-robustness.

    Answers are kept as they come, so the same command goes on where it stopped. The score has a 95 % interval, and the
    paper's figure stands beside it where there is one.
    """
    on_folder = Path(task).is_dir()
    check_options(on_folder)
    check_plot(retrieval.plot)
    if on_folder:
        evaluate_folder(where, Path(task), retrieval, most, as_json)
        return
    if Path(task).name != task:
        raise click.UsageError(f"there is no folder {task!r}; a task is named without a path")
    if task in studies.STUDIES:
        values = key_values(options, "-o")
        asked = studies.Given(where, pipeline, backend, collection, most, values, data, at_once, fresh, as_json)
        studies.run(task, asked, retrieval.plot, as_json)
        return
    from server.cli.eval_report import report, show
    from server.cli.eval_runs import Evaluation, kept_answers

    if retrieval.plot is not None and pipeline != eval_trials.REFLEXION:
        raise click.UsageError("--plot of a task draws its score by trial: use it with -p reflexion.")
    chosen = task_of(task)
    items = items_of(chosen, backend, data)[:most]
    given = eval_trials.options_for(chosen, pipeline, key_values(options, "-o"))
    evaluation = Evaluation(chosen, pipeline, backend, collection, given)
    kept = kept_answers(where, evaluation, fresh)
    known = sum(kept.has(evaluation, item) for item in items)
    if known and not as_json:
        note(f"{known} answers are there already ({kept.path}); --fresh begins anew.")
    asyncio.run(_run(where, evaluation, items, kept, at_once, as_json))
    found = report(evaluation, items, kept.answers)
    if retrieval.plot is not None:
        eval_trials.plotted(found, retrieval.plot)
    emit_json(found) if as_json else show(found)
    if found["items"] == found["failed"]:
        raise CommandFailed("no run gave an answer; see the reasons above", type="evaluation_failed")


async def _run(where: Where, evaluation: Evaluation, items: list[Item], kept: Any, at_once: int, as_json: bool) -> None:
    from server.cli import eval_mrkl
    from server.cli.connection import connect
    from server.cli.eval_runs import answer_all

    if eval_mrkl.concerns(evaluation):
        await eval_mrkl.extract_all(where, evaluation, items, kept, at_once, quiet=as_json)
        return
    async with connect(where) as api:
        await answer_all(api, evaluation, items, kept, at_once, quiet=as_json)
