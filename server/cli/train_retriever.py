"""`sandtable train-retriever`: an embedder trained on questions with the passages that answer them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from server.cli.failure import CommandFailed
from server.cli.options import Where, finite, json_option, service_options
from server.cli.output import emit_json, note

if TYPE_CHECKING:
    from server.cli.api import Api

POLL_SECONDS = 0.5
UNFINISHED = ("validating_files", "queued", "running")
JOBS = "/v1/fine_tuning/jobs"


@click.command("train-retriever", short_help="Train an embedder on questions and the passages that answer them.")
@click.argument("name", required=False)
@click.argument("data", required=False, metavar="[FILE.jsonl|FOLDER]", type=click.Path(path_type=Path))
@click.option("-c", "--collection", help="Train on the judgments of this collection.")
@click.option("--job", help="Follow this job instead of making one.")
@click.option("--base", default="minilm", show_default=True, help="What it begins with: a model's name or folder.")
@click.option("--measure", type=click.Path(path_type=Path, exists=True), help="Other data, to measure with at the end.")
@click.option("--split", default="train", show_default=True, help="Folder: judgments of qrels/SPLIT.tsv.")
@click.option("--towers", type=click.Choice(["shared", "two"]), help="One encoder, or one for each side.  [shared]")
@click.option("--epochs", type=int, help="At most so many.  [4]")
@click.option("--batch-size", type=int, help="Questions in a step.  [32]")
@click.option("--learning-rate", type=float, callback=finite, help="Its highest.  [5e-05]")
@click.option("--scale", type=float, callback=finite, help="Of dot products before the softmax.  [20]")
@click.option("--hard-negatives", type=int, help="Mined by BM25, per question.  [1]")
@click.option("--max-tokens", type=int, help="Longer texts are cut there while training.  [128]")
@click.option("--frozen-layers", type=int, help="Lowest layers that keep their weights.  [0]")
@click.option("--patience", type=int, help="Validations without a better one before it ends.  [2]")
@click.option("--select", type=click.Choice(["average_rank", "mrr"]), help="What chooses weights.  [average_rank]")
@click.option("--blend/--no-blend", default=None, help="Try mixtures with the weights before.  [blend]")
@click.option(
    "--validation", type=float, callback=finite, help="Share of the questions that weights are chosen by.  [0.1]"
)
@click.option("--held", type=float, callback=finite, help="Share that is measured with; 0: none.  [0.2]")
@click.option("--seed", type=int, help="Of shuffles and splits.  [0]")
@json_option
@service_options
def train_retriever(
    where: Where, name: str | None, data: Path | None, collection: str | None, job: str | None, base: str,
    measure: Path | None, split: str, as_json: bool, **recipe: Any,
) -> int:  # fmt: skip
    """Train an embedder on questions and the passages that answer them.

    Data: JSON lines of {"query", "positive"} with perhaps "positives", "negatives", "answers", "group", and {"passage"}
    for what else there is to find; or a folder of the BEIR form; or, with -c, what was judged of a collection.

    The work goes on from its last checkpoint if it is cut short: --job ID follows it again. The embedder's name, which
    is printed at the end, is what `swap --embedder` takes.
    """
    if job is None and (name is None or (data is None) == (collection is None)):
        raise click.UsageError("give NAME and either data or -c COLLECTION; or --job ID")
    if job is not None and (name or data or collection):
        raise click.UsageError("--job goes with no NAME and no data: the job has them")
    source = click.get_current_context().get_parameter_source("split")
    if source is ParameterSource.COMMANDLINE and not any(
        path is not None and path.is_dir() for path in (data, measure)
    ):
        raise click.UsageError("--split is for a folder of the BEIR form; what is given is none.")
    given = {key: value for key, value in recipe.items() if value is not None}
    body = {"model": base, "suffix": name, "sandtable": given}
    found = asyncio.run(_run(where, job, body, data, collection, measure, split, as_json))
    if as_json:
        emit_json(found)
    else:
        from server.cli.trained import show

        show(found)
    return 0


async def _run(
    where: Where, job: str | None, body: dict[str, Any], data: Path | None, collection: str | None,
    measure: Path | None, split: str, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        if job is None:
            body["training_file"] = (
                await _uploaded(api, data, split) if data else (await existing_collection(api, str(collection)))["id"]
            )
            if measure is not None:
                body["validation_file"] = await _uploaded(api, measure, split)
            made = await api.call("POST", JOBS, json=body)
            note(f"job {made['id']}")
        else:
            made = await api.call("GET", f"{JOBS}/{job}")
        try:
            return await _followed(api, made, quiet)
        except asyncio.CancelledError:
            note(f"It goes on from its last checkpoint: sandtable train-retriever --job {made['id']}")
            raise


async def _followed(api: Api, made: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Tell of a job until its end. Raises CommandFailed if it fails."""
    after: dict[str, str] = {}
    while True:
        ended = made["status"] not in UNFINISHED
        query = {"order": "asc", "limit": "100", **after}
        events = await api.call("GET", f"{JOBS}/{made['id']}/events", params=query)
        for event in events["data"]:
            after = {"after": event["id"]}
            if not quiet and event["level"] != "error":
                note(event["message"])
        if ended and not events["has_more"]:
            break
        if not ended:
            await asyncio.sleep(POLL_SECONDS)
            made = await api.call("GET", f"{JOBS}/{made['id']}")
    if made["status"] != "succeeded":
        why = made["error"]["message"] if made["error"] else "somebody cancelled it"
        raise CommandFailed(f"the job {made['id']} is {made['status']}: {why}", code="training_failed")
    return made


async def _uploaded(api: Api, path: Path, split: str) -> str:
    """The id of the file of JSON lines that the service is given."""
    from server.cli.training_rows import rows_of

    content = rows_of(path, split)
    file = {"file": (f"{path.stem}.jsonl", content)}
    made = await api.call("POST", "/v1/files", files=file, data={"purpose": "fine-tune"})
    return str(made["id"])
