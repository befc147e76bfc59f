"""A cassette as a file: saved from a service, replayed here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from agents.cassette import Cassette
    from server.cli.api import Api


async def fetch(api: Api, run_id: str) -> bytes:
    """The document of a run. Raises CommandFailed."""
    async with api.stream("GET", f"/v1/runs/{quote(run_id, safe='')}/cassette") as response:
        return b"".join([piece async for piece in api.pieces(response)])


async def save(api: Api, run_id: str, path: Path) -> dict[str, Any]:
    """Raises CommandFailed."""
    document = await fetch(api, run_id)
    _write(path, document)
    return {"run_id": run_id, "saved": str(path), "bytes": len(document)}


def _write(path: Path, document: bytes) -> None:
    try:
        path.write_bytes(document)
    except OSError as error:
        raise CommandFailed(f"the cassette cannot be written to {str(path)!r}: {error}", type="bad_file") from None


def read(path: Path) -> Cassette:
    """Raises CommandFailed."""
    from agents.cassette import read_cassette
    from agents.errors import BadCassette

    try:
        return read_cassette(path.read_bytes())
    except OSError as error:
        raise CommandFailed(f"the cassette {str(path)!r} cannot be read: {error}", type="bad_file") from None
    except BadCassette as error:
        raise CommandFailed(f"{str(path)!r}: {error}", type="bad_cassette", code="bad_cassette") from None


async def replayed(cassette: Cassette) -> dict[str, Any]:
    """What a replay here comes to, as the service's route says it. Raises CommandFailed."""
    from agents.errors import BadCassette, BadPipeline, UnknownPipeline
    from agents.replaying import outcome

    try:
        return await outcome(cassette)
    except (BadCassette, BadPipeline, UnknownPipeline) as error:
        raise CommandFailed(str(error), type="not_replayable", code="not_replayable") from None
