"""`sandtable ask`: one run, its answer as it comes, its sources at the end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.key_values import key_values
from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, note
from server.cli.persona_file import read_card

if TYPE_CHECKING:
    from server.cli.api import Api


@click.command(short_help="Ask a pipeline a question; show its sources.")
@click.argument("question")
@click.option("-p", "--pipeline", default="rag", show_default=True, help="Pipeline; `sandtable pipelines` lists them.")
@click.option("-c", "--collection", help="Name or id of the collection; default: the only one there is.")
@click.option("--generation", help="Id of the collection's generation to search; default: the active one.")
@click.option("-b", "--backend", help="Backend, `kind:model`; default: as the service is configured.")
@click.option(
    "-o", "--option", "options", multiple=True, metavar="KEY=VALUE", help="Option of the pipeline; repeatable."
)
@click.option("--system", help="A system message that goes before the pipeline's own.")
@click.option(
    "--persona",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Card of who answers: a JSON, TOML or YAML file with `name`, `role`, `limits`, ...",
)
@click.option("--memory", help="What is remembered: `short`, `long`, `hybrid`, `stream`, or a JSON object.")
@click.option("--user", help="Whose memory it is; default: the thread's.")
@click.option("--thread", help="Id of the thread to go on with.")
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Save the run as a cassette, for `replay`."
)
@json_option
@service_options
def ask(
    where: Where,
    question: str,
    pipeline: str,
    collection: str | None,
    generation: str | None,
    backend: str | None,
    options: tuple[str, ...],
    system: str | None,
    persona: Path | None,
    memory: str | None,
    user: str | None,
    thread: str | None,
    record: Path | None,
    as_json: bool,
) -> None:
    """Ask a pipeline a question; show its sources."""
    if not question.strip():
        raise click.UsageError("the question is empty.")
    messages = [{"role": "system", "content": system}] if system else []
    extension: dict[str, Any] = {"options": key_values(options, "-o")}
    named = {
        "collection": collection,
        "generation": generation,
        "backend": backend,
        "persona": read_card(persona) if persona is not None else None,
        "memory": memory_of(memory),
        "user": user,
        "thread_id": thread,
    }
    extension |= {name: value for name, value in named.items() if value is not None}
    messages.append({"role": "user", "content": question})
    body = {"model": pipeline, "messages": messages, "sandtable": extension}
    asyncio.run(_ask(where, body, record, as_json))


def memory_of(given: str | None) -> Any:
    """Raises UsageError."""
    from server.cli.questions import json_object

    return json_object(given) if given is not None and given.lstrip().startswith("{") else given


async def _ask(where: Where, body: dict[str, Any], record: Path | None, as_json: bool) -> None:
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        try:
            run_id = await _run_with_collection(api, body, as_json)
            if record is not None:
                await _save(api, run_id, record)
        except CommandFailed as error:
            if error.code == "run_interrupted" and error.about:
                await _wait_for_a_person(api, error, as_json)
                return
            if error.code == "collection_not_found" and "collection" in body["sandtable"]:
                await existing_collection(api, body["sandtable"]["collection"])  # raises, and lists what there is
            error.wrong_use = error.status in (400, 404) and _of_the_command_line(error.param or "")
            raise


async def _save(api: Api, run_id: str, path: Path) -> None:
    from server.cli.cassette_file import save

    await save(api, run_id, path)
    note(f"Recorded in {str(path)!r}: `sandtable replay {path}` runs it again.")


async def _run_with_collection(api: Api, body: dict[str, Any], as_json: bool) -> str:
    """The id of the run."""
    try:
        return await _run(api, body, as_json)
    except CommandFailed as error:
        # Whether a run needs a collection the service alone knows; it refuses before anything is said.
        if error.code != "collection_required" or error.status is None:
            raise
        return await _run(api, await _with_only_collection(api, body), as_json)


async def _wait_for_a_person(api: Api, error: CommandFailed, as_json: bool) -> None:
    """Ask whoever sits here. Raises CommandFailed, with the way out, if nobody does."""
    from server.cli.questions import answer_at_the_terminal, at_a_terminal, show

    assert error.about is not None
    if at_a_terminal() and not as_json:
        await answer_at_the_terminal(api, error.about["run_id"])
        return
    if not as_json:
        show(error.about["questions"])
    error.message = f"the run {error.about['run_id']} waits: `sandtable approve {error.about['run_id']}` answers it"
    raise error


def _of_the_command_line(param: str) -> bool:
    """Whether what is refused is the pipeline, an option of it, the generation, or something of persona or memory."""
    its_own = ("sandtable.options", "sandtable.persona", "sandtable.memory", "sandtable.user", "sandtable.thread_id")
    return param in ("model", "sandtable.generation") or param.startswith(its_own)


async def _with_only_collection(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    from server.cli.collections import label, only_collection

    store = await only_collection(api)
    note(f"Using the collection {label(store)!r}, the only one there is.")
    return {**body, "sandtable": {**body["sandtable"], "collection": store["id"]}}


async def _run(api: Api, body: dict[str, Any], as_json: bool) -> str:
    """The id of the run."""
    from server.cli.answer import Answer
    from server.cli.chat import PATH, chunks

    if as_json:
        reply = await api.call("POST", PATH, json=body)
        emit_json(reply)
        return str(reply["sandtable"]["run_id"])
    answer = Answer()
    try:
        async with aclosing(chunks(api, body)) as stream:
            async for chunk in stream:
                answer.take(chunk)
    except CommandFailed:
        answer.break_off()
        raise
    answer.finish()
    return answer.run_id
