"""`sandtable swap`: another index or embedder for a collection that goes on serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from server.cli.options import Where, finite, json_option, service_options
from server.cli.output import emit_json

if TYPE_CHECKING:
    from server.cli.api import Api

POLL_SECONDS = 0.2
UNFINISHED = ("queued", "building", "measuring")


@click.command(short_help="Give a collection another index or embedder while it serves.")
@click.argument("name")
@click.argument("spec")
@click.option("--embedder", help="Name or path of an embedder; default: as now.")
@click.option(
    "--target-recall",
    type=click.FloatRange(0, 1, min_open=True),
    callback=finite,
    help="Look as far as this needs, and gate on it.",
)
@click.option(
    "--chunk-tokens", type=click.IntRange(100, 4096), help="Cut the texts anew into chunks of so many tokens at most."
)
@click.option("--chunk-overlap", type=click.IntRange(0), help="With --chunk-tokens: tokens that two have in common.")
@click.option(
    "--min-recall", type=click.FloatRange(0, 1, min_open=True), callback=finite, help="Gate: recall@10 at least this."
)
@click.option(
    "--max-p99-ms", type=click.FloatRange(0, min_open=True), callback=finite, help="Gate: p99 of a search at most this."
)
@click.option("--no-worse-ndcg", is_flag=True, help="Gate: no loss on the judged queries.")
@click.option("--activate", is_flag=True, help="Search with it once it is ready and passes its gate.")
@click.option("--force", is_flag=True, help="With --activate: also if it misses its gate.")
@json_option
@service_options
def swap(where: Where, name: str, spec: str, activate: bool, force: bool, as_json: bool, **wishes: Any) -> None:
    """Give a collection another index or embedder while it serves.

    Builds a generation of the collection NAME with the index SPEC behind the one that serves, and measures both.

    SPEC may also be the id of a generation that is there: --activate then goes over, or back, to it. `sandtable
    generations` lists, cancels and deletes them.
    """
    if force and not activate:
        raise click.UsageError("--force goes with --activate")
    given = [name for name, value in wishes.items() if value not in (None, False)]
    if spec.startswith("gen_") and given:
        option = f"--{given[0].replace('_', '-')}"
        raise click.UsageError(f"{option} is for a generation that is to be built; {spec!r} is there already.")
    found = asyncio.run(_swap(where, name, _wanted(spec, **wishes), activate, force, as_json))
    if as_json:
        emit_json(found)
    else:
        from server.cli.generation_table import show

        show(name, found)


def _wanted(
    spec: str, embedder: str | None, target_recall: float | None, chunk_tokens: int | None, chunk_overlap: int | None,
    min_recall: float | None, max_p99_ms: float | None, no_worse_ndcg: bool,
) -> dict[str, Any]:  # fmt: skip
    """The body that makes the generation. A target is a gate too, unless one is named."""
    if chunk_overlap is not None and chunk_tokens is None:
        raise click.UsageError("--chunk-overlap goes with --chunk-tokens")
    wanted: dict[str, Any] = {"index": spec}
    if embedder is not None:
        wanted["embedder"] = embedder
    if target_recall is not None:
        wanted["target_recall"] = target_recall
    if chunk_tokens is not None:
        sizes = {"max_chunk_size_tokens": chunk_tokens, "chunk_overlap_tokens": chunk_overlap or 0}
        wanted["chunking"] = {"type": "static", "static": sizes}
    least = target_recall if min_recall is None else min_recall
    gate = {"min_recall_at_10": least, "max_p99_ms": max_p99_ms, "no_worse_ndcg": no_worse_ndcg or None}
    if any(value is not None for value in gate.values()):
        wanted["gate"] = {name: value for name, value in gate.items() if value is not None}
    return wanted


async def _swap(
    where: Where, name: str, wanted: dict[str, Any], activate: bool, force: bool, quiet: bool
) -> dict[str, Any]:  # fmt: skip
    from server.cli.collections import existing_collection
    from server.cli.connection import connect

    async with connect(where) as api:
        store = await existing_collection(api, name)
        path = f"/v1/vector_stores/{store['id']}/generations"
        former = store["sandtable"]["active_generation"]
        if wanted["index"].startswith("gen_"):
            made = await api.call("GET", f"{path}/{wanted['index']}")
        else:
            made = await built(api, path, await api.call("POST", path, json=wanted), quiet)
        before = await api.call("GET", f"{path}/{former}")
        if activate:
            made = await api.call("POST", f"{path}/{made['id']}/activate", json={"force": force})
        return {"vector_store_id": store["id"], "before": before, "generation": made}


async def built(api: Api, path: str, made: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Raises CommandFailed if the build fails."""
    from server.cli.failure import CommandFailed
    from server.cli.generation_table import progress

    tell: Callable[[dict[str, Any]], None]
    with progress(quiet) as tell:
        while made["status"] in UNFINISHED:
            tell(made)
            await asyncio.sleep(POLL_SECONDS)
            made = await api.call("GET", f"{path}/{made['id']}")
    if made["status"] in ("failed", "cancelled"):
        why = made["error"] or "it was cancelled by somebody else"
        raise CommandFailed(f"the generation {made['id']} is {made['status']}: {why}", code="build_failed")
    return made
