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
    """Store all of `source`, some `size` bytes; the row. Raises DiskFull."""
    file_id = new_id("file-")
    try:
        stored, digest = await asyncio.to_thread(blobs.write, file_id, source, size)
        return await database.write(
            lambda db: files.add_file(
                db, id=file_id, tenant=tenant, filename=filename, bytes=stored, sha256=digest, purpose=purpose
            )
        )
    except BaseException:
        await asyncio.to_thread(blobs.delete, file_id)
        raise
