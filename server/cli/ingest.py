"""`sandtable ingest`: files and folders into a collection, with progress and a result for each file."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.key_values import key_values
from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, note, one_line, stdout_console

if TYPE_CHECKING:
    from server.cli.paths import Found
    from server.cli.sync import Outcome

STYLES = {"added": "green", "replaced": "cyan", "unchanged": "dim", "failed": "red"}


@click.command(short_help="Put files and folders into a collection.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-c", "--collection", required=True, help="Name or id of the collection; a new name makes one.")
@click.option(
    "-a", "--attribute", "attributes", multiple=True, metavar="KEY=VALUE", help="Attribute for filters; repeatable."
)
@click.option("--pairs", is_flag=True, help="Each row of a CSV or JSONL file is a question with its answer, for knn.")
@json_option
@service_options
def ingest(
    where: Where, paths: tuple[Path, ...], collection: str, attributes: tuple[str, ...], pairs: bool, as_json: bool
) -> int:
    """Put files and folders into a collection.

    Folders are read with all they hold, but for hidden files and types that cannot be read. A file that the collection
    has is left alone; one that has changed is replaced.
    """
    from server.cli.paths import find

    wanted, found = _attributes(attributes), find(paths, Path.cwd())
    if not as_json:
        _tell_skipped(found)
    if not found.files:
        raise CommandFailed("there is nothing to ingest in " + ", ".join(repr(str(path)) for path in paths))
    if not pairs:
        return _put(where, found, collection, wanted, as_json)
    with TemporaryDirectory(prefix="sandtable-pairs-") as folder:
        return _put(where, _spread(found, Path(folder)), collection, wanted, as_json)


def _spread(found: Found, folder: Path) -> Found:
    from server.cli.pairs import BadPairs, spread

    try:
        return spread(found, folder)
    except BadPairs as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None


def _put(where: Where, found: Found, collection: str, wanted: dict[str, Any], as_json: bool) -> int:
    try:
        store, outcomes = asyncio.run(_ingest(where, found, collection, wanted, as_json))
    except KeyboardInterrupt:
        raise CommandFailed(_how_to_go_on(where), type="interrupted", code="interrupted") from None
    counts = Counter[str](outcome.result for outcome in outcomes)
    if as_json:
        emit_json(
            {
                "collection": store,
                "files": [asdict(outcome) for outcome in outcomes],
                "skipped": dict(found.skipped),
                "counts": {result: counts[result] for result in STYLES},
            }
        )
    else:
        _show(store, outcomes, counts)
    return 1 if counts["failed"] else 0


def _attributes(given: tuple[str, ...]) -> dict[str, Any]:
    from server.cli.stored import PATH

    found = key_values(given, "-a")
    for key, value in found.items():
        if key == PATH:
            raise click.UsageError(f"the attribute {PATH!r} is set by ingest itself; choose another name.")
        if not isinstance(value, str | int | float | bool):
            raise click.UsageError(f"-a {key}: attributes are text, numbers or true/false; got {value!r}.")
    return found


async def _ingest(
    where: Where, found: Found, collection: str, attributes: dict[str, Any], as_json: bool
) -> tuple[dict[str, Any], list[Outcome]]:
    from server.cli.collections import find_collection
    from server.cli.connection import connect
    from server.cli.progress import progress
    from server.cli.sync import Sync, failed

    async with connect(where) as api:
        store = await find_collection(api, collection)
        made = store is None
        if store is None:
            store = await api.call("POST", "/v1/vector_stores", json={"name": collection})
        with progress(len(found.files), quiet=as_json) as report:
            outcomes = await Sync(api, store["id"], attributes, report).run(found.files)
        clashes = [failed(local, f"another file of this call is also named {local.name!r}") for local in found.clashes]
        return {"id": store["id"], "name": store["name"], "created": made}, outcomes + clashes


def _tell_skipped(found: Found) -> None:
    if found.skipped:
        listed = ", ".join(f"{count} {kind}" for kind, count in found.skipped)
        note(f"Skipped in folders: {listed}. Name a file itself to have it tried.")


def _how_to_go_on(where: Where) -> str:
    if where.url is not None:
        queued = "the service goes on with the files it has"
    else:
        queued = "queued files go on with the next command or service on this data directory"
    return f"stopped; {queued}. The same command again sends the rest"


def _show(store: dict[str, Any], outcomes: list[Outcome], counts: Counter[str]) -> None:
    from rich.text import Text

    console = stdout_console()
    for outcome in outcomes:
        reason = f": {one_line(outcome.reason)}" if outcome.reason else ""
        style = STYLES[outcome.result]
        console.print(Text.assemble((f"{outcome.result:10}", style), one_line(outcome.path), reason), soft_wrap=True)
    summary = ", ".join(f"{counts[result]} {result}" for result in STYLES if counts[result])
    made = " (new)" if store["created"] else ""
    console.print(Text(f"{store['name'] or store['id']}{made}: {summary}", style="bold"), soft_wrap=True)
