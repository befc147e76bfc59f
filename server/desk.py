"""The files of a tenant, as tools meet them: uploads are read, what a call makes becomes another file of theirs."""

from __future__ import annotations

import io
import mimetypes
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from server.errors import ApiError
from server.filenames import safe_filename
from server.storage.blobs import DiskFull
from server.storage.kept import keep
from server.storage.tables import file
from tools.desk import FileEntry, Kept
from tools.errors import ToolError

if TYPE_CHECKING:
    from server.services import Services

PURPOSE = "assistants_output"
MOST_LISTED = 1000
UNKNOWN = "application/octet-stream"


class TenantDesk:
    def __init__(self, services: Services, tenant: str) -> None:
        self._services = services
        self._tenant = tenant

    async def all(self) -> list[FileEntry]:
        query = select(file).where(file.c.tenant == self._tenant).order_by(file.c.created_at.desc()).limit(MOST_LISTED)
        return [self._entry(row) for row in await self._services.database.read(lambda db: db.execute(query).all())]

    async def find(self, name: str) -> FileEntry:
        mine = select(file).where(file.c.tenant == self._tenant, (file.c.id == name) | (file.c.filename == name))
        query = mine.order_by(file.c.created_at.desc()).limit(20)
        rows = await self._services.database.read(lambda db: db.execute(query).all())
        by_id = [row for row in rows if row.id == name]
        found = by_id or rows
        if not found:
            near = ", ".join(entry.filename for entry in (await self.all())[:20])
            raise ToolError(f"there is no uploaded file {name[:100]!r}" + (f"; there are {near}" if near else ""))
        if len(found) > 1:
            ids = ", ".join(row.id for row in found)
            raise ToolError(f"{len(found)} files are called {name[:100]!r}: name one by its id, newest first: {ids}")
        return self._entry(found[0])

    async def keep(self, name: str, data: bytes) -> Kept:
        services, filename = self._services, _plain(name)
        try:
            row = await keep(
                services.database, services.blobs, tenant=self._tenant, filename=filename, source=io.BytesIO(data),
                size=len(data), purpose=PURPOSE,
            )  # fmt: skip
        except DiskFull:
            message = f"the file {filename!r} cannot be kept: the disk of the service is nearly full"
            raise ToolError(message) from None
        return Kept(row.id, filename, media_type(filename, data), row.bytes)

    def _entry(self, row: Any) -> FileEntry:
        return FileEntry(row.id, row.filename, row.bytes, self._services.blobs.path(row.id))


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
