"""`sandtable swap`: another index or embedder for a collection that goes on serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
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
    "--chunk-tokens",
    type=click.IntRange(100, 4096),
    help="Cut the texts anew into chunks of so many tokens at most; default: as now.",
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
    work = Swap(name, _wanted(spec, **wishes), activate, force, as_json)
    try:
        asyncio.run(work.run(where))
    except KeyboardInterrupt:
        raise CommandFailed(work.how_to_go_on(where), type="interrupted", code="interrupted") from None
    if work.refused is not None and as_json:
        work.refused.about = {**(work.refused.about or {}), **work.found}
    elif as_json:
        emit_json(work.found)
    else:
        from server.cli.generation_table import show

        show(name, work.found, refused=work.refused is not None)
    if work.refused is not None:
        raise work.refused


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


@dataclass
class Swap:
    """One swap: what is wished, and how far it has come."""

    name: str
    wanted: dict[str, Any]
    activate: bool
    force: bool
    quiet: bool
    building: str | None = None
    """The id of what was begun."""
    found: dict[str, Any] = field(default_factory=dict)
    refused: CommandFailed | None = None
    """Why it was not activated, if it missed its gate."""

    async def run(self, where: Where) -> None:
        from server.cli.collections import existing_collection
        from server.cli.connection import connect

        async with connect(where) as api:
            store = await existing_collection(api, self.name)
            path = f"/v1/vector_stores/{store['id']}/generations"
            former = store["sandtable"]["active_generation"]
            if self.wanted["index"].startswith("gen_"):
                made = await api.call("GET", f"{path}/{self.wanted['index']}")
            else:
                made = await api.call("POST", path, json=self.wanted)
                self.building = made["id"]
                made = await built(api, path, made, self.quiet)
                self.building = None
            before = await api.call("GET", f"{path}/{former}")
            if self.activate:
                try:
                    made = await api.call("POST", f"{path}/{made['id']}/activate", json={"force": self.force})
                    if (replaced := made.pop("replaced", None)) not in (None, former):
                        # Another swap was quicker: the way back is to what was active last.
                        before = await api.call("GET", f"{path}/{replaced}")
                except CommandFailed as error:
                    if error.code != "gate_failed":
                        raise
                    self.refused = error
            self.found = {"vector_store_id": store["id"], "before": before, "generation": made}

    def how_to_go_on(self, where: Where) -> str:
        if self.building is None:
            return "stopped"
        goes_on = "the service goes on" if where.url is not None else "the next command or service here goes on"
        end = f"sandtable generations cancel {self.name} {self.building}"
        return f"stopped; {goes_on} with building {self.building}: `{end}` ends it"


async def built(api: Api, path: str, made: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Raises CommandFailed if the build fails."""
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
