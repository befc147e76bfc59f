"""/healthz and /readyz: is the process alive, and can it answer. /docs: what it answers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import FileResponse, JSONResponse

from server.services import services_of

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 when the database answers and the embedder is loaded; else 503 and what is missing."""
    missing: list[str] = []
    if not request.app.state.warm.is_set():
        missing.append("embedder")
    elif request.app.state.failed is not None:
        missing.append(f"embedder ({request.app.state.failed})")
    try:
        await services_of(request).database.read(lambda db: db.execute(text("select 1")))
    except Exception as error:
        missing.append(f"database ({type(error).__name__})")
    body: dict[str, Any] = {"status": "not ready" if missing else "ready", "missing": missing}
    return JSONResponse(body, 503 if missing else 200)


# Our own small page: FastAPI's loads its scripts from the internet, which an offline machine does not have.
PAGE = Path(__file__).parent / "docs.html"
SCRIPT = Path(__file__).parent / "docs.js"
HEADERS = {
    "content-security-policy": "default-src 'self'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}


@router.get("/docs", include_in_schema=False)
async def docs() -> FileResponse:
    return FileResponse(PAGE, media_type="text/html; charset=utf-8", headers=HEADERS)


@router.get("/docs.js", include_in_schema=False)
async def docs_script() -> FileResponse:
    return FileResponse(SCRIPT, media_type="text/javascript; charset=utf-8", headers=HEADERS)
