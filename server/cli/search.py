"""`sandtable search`: hits as a table."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json


@click.command(short_help="Search a collection.")
@click.argument("queries", nargs=-1, required=True, metavar="QUERY...")
@click.option("-c", "--collection", required=True, help="Name or id of the collection.")
@click.option("-k", "k", type=click.IntRange(1, 50), default=10, show_default=True, help="Number of hits.")
@click.option("--generation", help="Id of the generation to search; default: the active one.")
@click.option("--rerank", help="Put the hits in order again: `neighbours`, or `cross-encoder:NAME_OR_PATH`.")
@click.option("--rerank-depth", type=click.IntRange(1, 200), default=50, show_default=True, help="Hits it looks at.")
@click.option("--explain", is_flag=True, help="Show the scores of each stage and the terms that matched.")
@json_option
@service_options
def search(
    where: Where,
    queries: tuple[str, ...],
    collection: str,
    k: int,
    generation: str | None,
    rerank: str | None,
    rerank_depth: int,
    explain: bool,
    as_json: bool,
) -> None:
    """Search a collection.

    What several queries find becomes one list, by reciprocal rank fusion.
    """
    from server.cli.hits import show

    body: dict[str, Any] = {"query": queries[0] if len(queries) == 1 else list(queries)}
    body |= {"max_num_results": k, "explain": explain}
    if generation is not None:
        body["generation"] = generation
    if rerank is not None:
        body["ranking_options"] = {"ranker": rerank, "depth": rerank_depth}
    page = asyncio.run(_search(where, collection, body))
    if as_json:
        emit_json(page)
    else:
        show(page["data"], explain)


async def _search(where: Where, collection: str, body: dict[str, Any]) -> dict[str, Any]:
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        store = await existing_collection(api, collection)
        page = await api.call("POST", f"/v1/vector_stores/{store['id']}/search", json=body)
        return {"vector_store_id": store["id"], **page}
