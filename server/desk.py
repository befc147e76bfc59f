"""The files of a tenant, as tools meet them: uploads are read, what a call makes becomes another file of theirs."""

from __future__ import annotations

import asyncio
import io
import mimetypes
from typing import TYPE_CHECKING

from server.errors import ApiError
from server.filenames import safe_filename
from server.ids import new_id
from server.storage import files
from server.storage.blobs import KEEP_FREE
from tools.desk import Given, Kept
from tools.errors import ToolError

if TYPE_CHECKING:
    from server.services import Services

PURPOSE = "assistants_output"
MOST_READ = 50 << 20
"""Bytes of a file that a tool is given at once."""
UNKNOWN = "application/octet-stream"


class TenantDesk:
    def __init__(self, services: Services, tenant: str) -> None:
        self._services = services
        self._tenant = tenant

    async def read(self, file_id: str) -> Given:
        services = self._services
        row = await services.database.read(lambda db: files.get_file(db, self._tenant, file_id))
        if row is None:
            raise ToolError(f"there is no file {file_id!r}: give the id of a file, as it is listed in the conversation")
        if row.bytes > MOST_READ:
            raise ToolError(f"the file {row.filename!r} has {row.bytes:,} bytes; a tool reads at most {MOST_READ:,}")
        try:
            data = await asyncio.to_thread(services.blobs.path(file_id).read_bytes)
        except FileNotFoundError:
            raise ToolError(f"the file {file_id!r} was just deleted") from None
        return Given(_plain(row.filename), data)

    async def keep(self, name: str, data: bytes) -> Kept:
        services, filename = self._services, _plain(name)
        if await asyncio.to_thread(services.free_bytes) < len(data) + KEEP_FREE:
            raise ToolError(f"the file {filename!r} cannot be kept: the disk of the service is nearly full")
        file_id = new_id("file-")
        try:
            size, digest = await asyncio.to_thread(services.blobs.write, file_id, io.BytesIO(data))
            await services.database.write(
                lambda db: files.add_file(
                    db, id=file_id, tenant=self._tenant, filename=filename, bytes=size, sha256=digest, purpose=PURPOSE
                )
            )
        except BaseException:
            await asyncio.to_thread(services.blobs.delete, file_id)
            raise
        return Kept(file_id, filename, media_type(filename, data), size)


def media_type(filename: str, data: bytes) -> str:
    """What the content shows, or the name says. Nobody has to trust it: files are served as attachments."""
    for start, kind in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"%PDF-", "application/pdf"),
    ):
        if data.startswith(start):
            return kind
    guessed, encoding = mimetypes.guess_type(filename, strict=False)
    if guessed is None or encoding is not None or (guessed.startswith("image/") and guessed != "image/svg+xml"):
        return UNKNOWN
    return guessed


def _plain(name: str) -> str:
    """The last part of a path, as a file name that can be stored; one that cannot be is `file`."""
    try:
        return safe_filename(name)
    except ApiError:
        return "file"
