"""`sandtable memory`: what is remembered of a user or a thread, seen, corrected, exported and erased."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from click.core import ParameterSource

from server.cli.failure import CommandFailed
from server.cli.options import Where, finite, json_option, service_options
from server.cli.output import emit_json, note, one_line, stdout_console

if TYPE_CHECKING:
    from server.cli.api import Api

PATH = "/v1/memories"
FORMATS = ("natural", "embeddings", "rows", "list")
OPTIONS = {"text": "edit", "subject": "edit", "importance": "edit", "form": "export", "out": "export"}
"""And the action that each belongs to."""


@click.command(short_help="List, correct, export or erase what is remembered.")
@click.argument("action", type=click.Choice(["list", "edit", "forget", "export", "erase"]))
@click.argument("what", required=False)
@click.option("--user", help="Whose memory.")
@click.option("--thread", help="Or that of a thread, by its id.")
@click.option("--text", help="Of `edit`: the new text.")
@click.option("--subject", help="Of `edit`: the new subject.")
@click.option("--importance", type=click.FloatRange(1, 10), callback=finite, help="Of `edit`: the new importance.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="list", show_default=True, help="Of `export`.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Of `export`: the file; default: stdout.")
@json_option
@service_options
def memory(
    where: Where, action: str, what: str | None, user: str | None, thread: str | None, as_json: bool, **given: Any
) -> None:
    """List, correct, export or erase what is remembered.

    `list` shows the records, `edit NUMBER` changes one, `forget "that I live in Rome"` erases those that are meant,
    `export` writes all of them, `erase` leaves nothing.
    """
    if (user is None) == (thread is None):
        raise click.UsageError("whose memory? Name --user or --thread, one of them.")
    if (what is None) is (action in ("edit", "forget")):
        needs = "the number of a record" if action == "edit" else "what to forget"
        raise click.UsageError(f"`{action}` needs {needs}." if what is None else f"`{action}` takes no {what!r}.")
    if action == "edit" and not (what or "").isdigit():
        raise click.UsageError(f"{what!r} is no number of a record; `sandtable memory list` shows them.")
    if action == "edit" and not _changes(given):
        raise click.UsageError("`edit` needs --text, --subject or --importance.")
    _check_options(action)
    whose = {"user": user} if user is not None else {"thread_id": thread or ""}
    asyncio.run(_memory(where, action, what or "", whose, given, as_json))


def _check_options(action: str) -> None:
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and OPTIONS.get(name, action) != action:
            raise click.UsageError(f"`{action}` takes no {parameter.opts[0]}: it is an option of `{OPTIONS[name]}`.")


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("text", "subject", "importance") if given[name] is not None}


async def _memory(
    where: Where, action: str, what: str, whose: dict[str, str], given: dict[str, Any], as_json: bool
) -> None:
    from server.cli.connection import connect

    async with connect(where) as api:
        if action == "list":
            await _list(api, whose, as_json)
        elif action == "edit":
            await _edit(api, whose, what, given, as_json)
        elif action == "export":
            await _export(api, whose, given, as_json)
        elif action == "forget":
            told = await api.call("POST", f"{PATH}/forget", json={**whose, "what": what})
            emit_json(told) if as_json else note(f"Records forgotten: {len(told['ids'])}.")
        else:
            told = await api.call("DELETE", PATH, params=whose)
            emit_json(told) if as_json else note("Nothing is remembered any more.")


async def _list(api: Api, whose: dict[str, str], as_json: bool) -> None:
    found = [record async for record in api.pages(PATH, **whose)]
    if as_json:
        emit_json({"object": "list", "data": found})
        return
    console = stdout_console()
    for record in found:
        about = f" (superseded by {record['superseded_by']})" if record["superseded_by"] else ""
        line = f"{record['id']:>4}  {record['created_at'][:10]}  {record['kind']}  {one_line(record['text'])}{about}"
        console.print(line, soft_wrap=True)
    if not found:
        note("Nothing is remembered.")


async def _edit(api: Api, whose: dict[str, str], number: str, given: dict[str, Any], as_json: bool) -> None:
    changes = _changes(given)
    ((scope, name),) = whose.items()
    labels = ["memory_records", "user" if scope == "user" else "thread", name.replace("%", "%25").replace(".", "%2E")]
    async with api.stream("PUT", "/store/items", json={"namespace": labels, "key": number, "value": changes}):
        pass
    where = f"namespace={quote('.'.join(labels))}&key={quote(number)}"
    item = await api.call("GET", f"/store/items?{where}")
    emit_json(item) if as_json else note(f"{number}: {item['value']['text']}")


async def _export(api: Api, whose: dict[str, str], given: dict[str, Any], as_json: bool) -> None:
    async with api.stream("GET", f"{PATH}/export", params={**whose, "format": given["form"]}) as response:
        text = b"".join([piece async for piece in api.pieces(response)]).decode()
    if given["out"] is not None:
        try:
            given["out"].write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandFailed(f"{str(given['out'])!r} cannot be written: {error.strerror}") from None
        emit_json({"path": str(given["out"])}) if as_json else note(f"Written to {str(given['out'])!r}.")
    elif as_json:
        emit_json({"format": given["form"], "text": text})
    else:
        click.echo(text, nl=False)
