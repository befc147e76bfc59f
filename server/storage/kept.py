"""A file of a tenant: its bytes on disk and its row, both or neither."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, BinaryIO

from server.ids import new_id
from server.storage import files

if TYPE_CHECKING:
    from sqlalchemy import Row

    from retrieval.database import Database
    from server.storage.blobs import Blobs


async def keep(
    database: Database, blobs: Blobs, *, tenant: str, filename: str, source: BinaryIO, size: int, purpose: str
) -> Row[Any]:  # fmt: skip
    """Store all of `source`, some `size` bytes; the row. Raises DiskFull. Once begun it goes on when it is cancelled:
    a row that is being written can no longer be taken back."""
    new = {"id": new_id("file-"), "tenant": tenant, "filename": filename, "purpose": purpose}
    return await asyncio.shield(asyncio.create_task(_keep(database, blobs, source, size, new)))


async def _keep(database: Database, blobs: Blobs, source: BinaryIO, size: int, new: dict[str, str]) -> Row[Any]:
    try:
        stored, digest = await asyncio.to_thread(blobs.write, new["id"], source, size)
        return await database.write(lambda db: files.add_file(db, bytes=stored, sha256=digest, **new))
    except Exception:
        await asyncio.to_thread(blobs.delete, new["id"])
        raise
