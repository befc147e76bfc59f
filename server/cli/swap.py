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
@click.option("--activate", is_flag=True, help="Search with it once it is ready and passes its gate.")
@click.option("--force", is_flag=True, help="With --activate: also if it misses its gate.")
@json_option
@service_options
def swap(
    where: Where, name: str, spec: str, embedder: str | None, target_recall: float | None, activate: bool, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Give a collection another index or embedder while it serves.

    Builds a generation of the collection NAME with the index SPEC behind the one that serves, and measures both.

    SPEC may also be the id of a generation that is there: --activate then goes over, or back, to it.
    """
    if force and not activate:
        raise click.UsageError("--force goes with --activate")
    if spec.startswith("gen_") and (embedder is not None or target_recall is not None):
        given = "--embedder" if embedder is not None else "--target-recall"
        raise click.UsageError(f"{given} is for a generation that is to be built; {spec!r} is there already.")
    wanted: dict[str, Any] = {"index": spec}
    if embedder is not None:
        wanted["embedder"] = embedder
    if target_recall is not None:
        wanted |= {"target_recall": target_recall, "gate": {"min_recall_at_10": target_recall}}
    found = asyncio.run(_swap(where, name, wanted, activate, force, as_json))
    if as_json:
        emit_json(found)
    else:
        from server.cli.generations import show

        show(name, found)


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
    from server.cli.generations import progress

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
