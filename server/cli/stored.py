"""The files of a collection as the service holds them, and what ingest does with one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from server.cli.api import Api
from server.cli.failure import CommandFailed

PATH = "path"
"""The attribute that keeps a file's name as ingest knows it: the service itself keeps the last part alone."""


@dataclass(frozen=True)
class Stored:
    file_id: str
    status: str
    attributes: Mapping[str, Any]


async def stored_files(api: Api, store_id: str) -> dict[str, Stored]:
    """By name; of several with one name the newest."""
    found: dict[str, Stored] = {}
    async for item in api.pages(f"/v1/vector_stores/{store_id}/files"):
        attributes = item["attributes"] or {}
        found.setdefault(attributes.get(PATH, item["filename"]), Stored(item["id"], item["status"], attributes))
    return found


async def same_bytes(api: Api, file_id: str, path: Path) -> bool:
    """Whether the stored file is the local one, byte for byte. The length decides first, before anything is read."""
    async with api.stream("GET", f"/v1/files/{file_id}/content") as response:
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        if int(response.headers.get("content-length", -1)) != size:
            return False
        theirs = hashlib.sha256()
        async for piece in api.pieces(response):
            theirs.update(piece)
    return theirs.digest() == await asyncio.to_thread(_digest, path)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


async def upload(api: Api, path: Path, name: str) -> str:
    """Returns the id of the new file. Raises CommandFailed, OSError."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        form = {"file": (PurePosixPath(name).name, file, "application/octet-stream")}
        sent = await api.call("POST", "/v1/files", files=form, data={"purpose": "assistants"})
    finally:
        file.close()
    return str(sent["id"])


async def take_out(api: Api, store_id: str, file_id: str) -> None:
    """Remove a file from a collection; one that is not there is removed."""
    await _unless_gone(api, f"/v1/vector_stores/{store_id}/files/{file_id}")


async def delete(api: Api, file_id: str) -> None:
    """Delete a file from the service and from every collection."""
    await _unless_gone(api, f"/v1/files/{file_id}")


async def _unless_gone(api: Api, path: str) -> None:
    try:
        await api.call("DELETE", path)
    except CommandFailed as error:
        if error.status != 404:
            raise


async def held_by_others(api: Api, store_id: str) -> set[str]:
    """The files of all other collections: what one of them holds must not be deleted for this one's sake."""
    others = [store["id"] async for store in api.pages("/v1/vector_stores") if store["id"] != store_id]
    return {item["id"] for other in others async for item in api.pages(f"/v1/vector_stores/{other}/files")}
