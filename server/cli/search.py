"""`sandtable search`: hits as a table."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, one_line, stdout_console

SNIPPET = 160
"""Characters of a hit's text in the table; --json gives all of it."""


@click.command(short_help="Search a collection.")
@click.argument("query")
@click.option("-c", "--collection", required=True, help="Name or id of the collection.")
@click.option("-k", "k", type=click.IntRange(1, 50), default=10, show_default=True, help="Number of hits.")
@click.option("--generation", help="Id of the generation to search; default: the active one.")
@click.option("--explain", is_flag=True, help="Show the scores of each stage and the terms that matched.")
@json_option
@service_options
def search(
    where: Where, query: str, collection: str, k: int, generation: str | None, explain: bool, as_json: bool
) -> None:
    """Search a collection."""
    page = asyncio.run(_search(where, query, collection, k, generation, explain))
    if as_json:
        emit_json(page)
    else:
        _show(page["data"], explain)


async def _search(
    where: Where, query: str, collection: str, k: int, generation: str | None, explain: bool
) -> dict[str, Any]:
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        store = await existing_collection(api, collection)
        body = {"query": query, "max_num_results": k, "explain": explain}
        if generation is not None:
            body["generation"] = generation
        page = await api.call("POST", f"/v1/vector_stores/{store['id']}/search", json=body)
        return {"vector_store_id": store["id"], **page}


def _show(hits: list[dict[str, Any]], explain: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not hits:
        stdout_console().print("Nothing found.")
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
    for heading in ("#", "score"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("file, span", overflow="fold", max_width=28)
    table.add_column("text", overflow="fold", ratio=1)
    for rank, hit in enumerate(hits, start=1):
        place = f"{one_line(hit['filename'])}\n{hit['start']}-{hit['end']}"
        how = f"{stages(hit['explain'])}\n" if explain else ""
        text = Text.assemble((how, "dim"), snippet(hit))
        table.add_row(Text(str(rank)), Text(f"{hit['score']:.3f}"), Text(place), text)
    stdout_console().print(table)


def snippet(hit: dict[str, Any]) -> str:
    text = one_line("\n".join(part["text"] for part in hit["content"]))
    return text if len(text) <= SNIPPET else text[: SNIPPET - 1] + "…"


def stages(found: dict[str, Any]) -> str:
    """Score and rank of each stage that saw the hit, and the matched terms."""
    parts = []
    for stage in ("dense", "lexical", "fused"):
        if (score := found.get(stage)) is not None:
            rank = found.get(f"{stage}_rank")
            parts.append(f"{stage} {score:.3f}" + (f" (#{rank})" if rank else ""))
    if terms := found.get("matched_terms"):
        parts.append("terms " + one_line(", ".join(terms)))
    return " · ".join(parts)
