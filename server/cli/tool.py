"""`sandtable tool`: one tool call, as an agent would make it; without a name, the tools there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, one_line, plain, stdout_console

if TYPE_CHECKING:
    from server.cli.api import Api


@click.command(short_help="Call a tool as an agent would; without NAME, list the tools.")
@click.argument("name", required=False)
@click.argument("arguments", required=False, default="{}", metavar="[JSON]")
@click.option("-c", "--collection", help="Name or id of the collection; default: the only one there is.")
@click.option(
    "-k", "k", type=click.IntRange(1, 50), default=5, show_default=True, help="Passages that a search returns."
)
@click.option("-b", "--backend", help="For a tool that asks a language model; default: the service's.")
@json_option
@service_options
def tool(
    where: Where,
    name: str | None,
    arguments: str,
    collection: str | None,
    k: int,
    backend: str | None,
    as_json: bool,
) -> None:
    """Call a tool as an agent would; without NAME, list the tools.

    JSON holds the arguments as a model would write them: an object that fits the tool's schema. What the tool says goes
    to stdout; arguments that do not fit end the command with 2, a tool that refuses or fails with 1.
    """
    given = {"collection": collection, "backend": backend}
    body = {"arguments": arguments, "k": k} | {key: value for key, value in given.items() if value is not None}
    found = asyncio.run(_call(where, name, body))
    if as_json:
        emit_json(found)
    elif name is None:
        _show(found["data"])
    else:
        stdout_console().print(plain(found["output"]), soft_wrap=True)


async def _call(where: Where, name: str | None, body: dict[str, Any]) -> dict[str, Any]:
    from server.cli.connection import connect

    async with connect(where) as api:
        if name is None:
            return await api.call("GET", "/v1/tools")
        try:
            found = await _with_collection(api, name, body)
        except CommandFailed as error:
            error.wrong_use = error.code == "tool_not_found"
            raise
    if (fault := found["fault"]) is not None:
        raise CommandFailed(found["output"], type="tool_error", code=fault, wrong_use=fault == "bad_arguments")
    return found


async def _with_collection(api: Api, name: str, body: dict[str, Any]) -> dict[str, Any]:
    from urllib.parse import quote

    from server.cli.collections import only_collection

    path = f"/v1/tools/{quote(name, safe='')}/call"
    try:
        return await api.call("POST", path, json=body)
    except CommandFailed as error:
        if error.code != "collection_required":
            raise
        return await api.call("POST", path, json={**body, "collection": (await only_collection(api))["id"]})


def _show(tools: list[dict[str, Any]]) -> None:
    from server.cli.option_types import type_of

    console = stdout_console()
    for found in tools:
        marks = [word for word, on in (("reads only", "read_only"), ("asks a person", "needs_approval")) if found[on]]
        title = found["name"] + (f" ({', '.join(marks)})" if marks else "")
        console.print(title, style="bold", soft_wrap=True)
        purpose, _, _ = found["description"].partition("\n\n")
        console.print(f"  {one_line(purpose)}", soft_wrap=True)
        schema = found["parameters"]
        for name, field in schema["properties"].items():
            needed = "" if name in schema.get("required", ()) else ", optional"
            about = one_line(field.get("description", ""))
            console.print(f"  {name} ({type_of(field)}{needed}): {about}", soft_wrap=True, style="dim")
