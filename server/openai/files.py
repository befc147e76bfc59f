"""/v1/files: upload, list, read, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import FileResponse, Response

from server.errors import ApiError, bad_request, not_found
from server.filenames import safe_filename
from server.openai.paging import LongPageQuery, fetch, page_object
from server.services import Services, services_of, tenant_of
from server.storage import files
from server.storage.blobs import DiskFull
from server.storage.kept import keep
from server.storage.tables import file

router = APIRouter(tags=["files"])

PURPOSES = ("assistants", "user_data", "batch", "fine-tune", "vision", "evals")


def file_object(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "file",
        "bytes": row.bytes,
        "created_at": int(row.created_at),
        "expires_at": None,
        "filename": row.filename,
        "purpose": row.purpose,
        "status": "processed",
        "status_details": None,
    }


@router.post("/v1/files")
async def upload_file(request: Request) -> dict[str, Any]:
    services = services_of(request)
    try:
        form = await request.form(max_files=1, max_fields=8)
    except (MultiPartException, HTTPException) as error:
        # Within an application Starlette turns the first into the second, which the error shape says less of.
        why = error.message if isinstance(error, MultiPartException) else error.detail
        message = f"The body is not a valid multipart form: {why.rstrip('.')}."
        raise bad_request(message, "file", "invalid_form") from None
    try:
        upload, purpose = _fields(form)
        filename = safe_filename(upload.filename or "")
        if upload.size is not None and upload.size > services.settings.max_upload_bytes:
            limit = services.settings.max_upload_bytes
            message = f"The file has {upload.size} bytes; the limit is {limit} (setting max_upload_bytes)."
            raise ApiError(413, message, param="file", code="too_large")
        return await _store(services, tenant_of(request), upload, filename, purpose)
    finally:
        await form.close()


def _fields(form: FormData) -> tuple[UploadFile, str]:
    for name in form:
        if name.partition("[")[0] == "expires_after":
            message = "'expires_after' is not supported: files stay until they are deleted."
            raise bad_request(message, "expires_after", "unsupported_parameter")
        if name not in ("file", "purpose"):
            raise bad_request(f"Unknown parameter: {name!r}.", name, "unknown_parameter")
    upload, purpose = form.get("file"), form.get("purpose")
    if not isinstance(upload, UploadFile):
        raise bad_request(
            "Missing required parameter: 'file' (multipart form data).", "file", "missing_required_parameter"
        )
    if not isinstance(purpose, str):
        raise bad_request("Missing required parameter: 'purpose'.", "purpose", "missing_required_parameter")
    if purpose not in PURPOSES:
        raise bad_request(
            f"'purpose' is {purpose!r}; it must be one of {', '.join(PURPOSES)}.", "purpose", "invalid_value"
        )
    return upload, purpose


async def _store(services: Services, tenant: str, upload: UploadFile, filename: str, purpose: str) -> dict[str, Any]:
    try:
        row = await keep(
            services.database, services.blobs, tenant=tenant, filename=filename, source=upload.file,
            size=upload.size or 0, purpose=purpose,
        )  # fmt: skip
    except DiskFull:
        message = "The disk of the data directory is nearly full."
        raise ApiError(507, message, param="file", code="disk_full") from None
    return file_object(row)


class FileQuery(LongPageQuery):
    purpose: str | None = None


@router.get("/v1/files")
async def list_files(request: Request, page: Annotated[FileQuery, Query()]) -> dict[str, Any]:
    query = select(file).where(file.c.tenant == tenant_of(request))
    if page.purpose is not None:
        query = query.where(file.c.purpose == page.purpose)
    database = services_of(request).database
    rows, more = await database.read(lambda db: fetch(db, query, page, file.c.created_at, file.c.id))
    return page_object(rows, more, file_object)


async def existing_file(request: Request, file_id: str, param: str | None = "file_id") -> Any:
    row = await services_of(request).database.read(lambda db: files.get_file(db, tenant_of(request), file_id))
    if row is None:
        raise not_found("file", file_id, param)
    return row


@router.get("/v1/files/{file_id}")
async def retrieve_file(request: Request, file_id: str) -> dict[str, Any]:
    return file_object(await existing_file(request, file_id))


@router.delete("/v1/files/{file_id}")
async def delete_file(request: Request, file_id: str) -> dict[str, Any]:
    """Deletes the file and takes it out of every vector store."""
    services = services_of(request)
    await existing_file(request, file_id)
    # It may be added to another store meanwhile, so the last look and the deletion are one step.
    while holders := await services.database.write(lambda db: files.delete_unless_held(db, file_id)):
        for collection_id in holders:
            await (await services.collections.get(collection_id)).remove_file(file_id)
    await asyncio.to_thread(services.blobs.delete, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/v1/files/{file_id}/content")
async def file_content(request: Request, file_id: str) -> Response:
    """The bytes as they were uploaded, always as an attachment that no browser interprets."""
    services = services_of(request)
    row = await existing_file(request, file_id)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(row.filename)}",
        "x-content-type-options": "nosniff",
    }
    return FileResponse(services.blobs.path(file_id), media_type="application/octet-stream", headers=headers)
