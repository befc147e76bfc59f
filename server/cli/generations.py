"""`sandtable generations`: the ways in which a collection can be searched, seen, cancelled and removed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, note, one_line, print_table

if TYPE_CHECKING:
    from server.cli.api import Api


@click.command(short_help="List, cancel or delete the generations of a collection.")
@click.argument("action", type=click.Choice(["list", "cancel", "delete"]))
@click.argument("name")
@click.argument("generation", required=False)
@json_option
@service_options
def generations(where: Where, action: str, name: str, generation: str | None, as_json: bool) -> None:
    """List, cancel or delete the generations of a collection.

    `list NAME` shows those of the collection NAME, `cancel NAME GENERATION` ends one that is being built, `delete NAME
    GENERATION` removes one that is not active, with its files. `sandtable swap` makes and activates them.
    """
    if (generation is None) is (action != "list"):
        wrong = "needs the id of a generation" if generation is None else f"takes no {generation!r}"
        raise click.UsageError(f"`{action}` {wrong}.")
    asyncio.run(_generations(where, action, name, generation or "", as_json))


async def _generations(where: Where, action: str, name: str, id: str, as_json: bool) -> None:
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        store = await existing_collection(api, name)
        path = f"/v1/vector_stores/{store['id']}/generations"
        if action == "list":
            await _list(api, path, as_json)
            return
        method, where_to = ("POST", f"{path}/{id}/cancel") if action == "cancel" else ("DELETE", f"{path}/{id}")
        done = await api.call(method, where_to)
    if as_json:
        emit_json(done)
    else:
        note(f"{id} is {'cancelled' if action == 'cancel' else 'deleted'}")


async def _list(api: Api, path: str, as_json: bool) -> None:
    found = [made async for made in api.pages(path)]
    if as_json:
        emit_json({"object": "list", "data": found})
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("generation", no_wrap=True)
    for heading in ("status", "index", "embedder", "chunking", "recall@10", "p50 ms"):
        table.add_column(heading, overflow="fold")
    for made in found:
        table.add_row(*_row(made))
    print_table(table)


def _row(made: dict[str, Any]) -> list[str]:
    spec, metrics, progress = made["spec"], made["metrics"] or {}, made["progress"]
    done = f" {progress['done']}/{progress['total']}" if made["status"] in ("building", "measuring") else ""
    sizes = (spec["chunking"] or {}).get("static")
    cut = f"{sizes['max_chunk_size_tokens']}/{sizes['chunk_overlap_tokens']}" if sizes else "as added"
    figures = [(metrics.get("recall_at_10"), "{:.3f}"), (metrics.get("p50_ms"), "{:.2f}")]
    shown = ["-" if value is None else form.format(value) for value, form in figures]
    return [made["id"], made["status"] + done, one_line(spec["index"]), one_line(spec["embedder"]), cut, *shown]
