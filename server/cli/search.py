"""`sandtable search`: hits as a table."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json


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
    from server.cli.hits import show

    page = asyncio.run(_search(where, query, collection, k, generation, explain))
    if as_json:
        emit_json(page)
    else:
        show(page["data"], explain)


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
