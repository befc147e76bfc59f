"""Pictures, sounds and films between experts behind addresses: what one sends back is kept as a file of the user's, and
its id is the result; another one that is given the id is sent the file."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from base64 import b64encode
from email.message import Message
from typing import TYPE_CHECKING, Any

from tools.base import Result
from tools.errors import ToolError

if TYPE_CHECKING:
    from tools.base import Context
    from tools.web import Page

FAMILIES = ("image/", "audio/", "video/")
FILE_ID = re.compile(r"file-[0-9A-Za-z]{8,64}")
LARGEST = 20 << 20


async def kept(page: Page, name: str, context: Context) -> Result | None:
    """None: it is text, or nobody keeps files here. Raises ToolError."""
    header = Message()
    header["content-type"] = page.headers.get("content-type", "")[:500]
    kind = header.get_content_type()
    if not kind.startswith(FAMILIES) or context.files is None:
        return None
    made = await context.files.keep(f"{name}{mimetypes.guess_extension(kind) or ''}", page.body)
    return Result(made.file_id, artifacts=(made,))


async def sent(value: Any, context: Context) -> Any:
    """A file's content in base64, as Hugging Face's servers take it, for its id; anything else as it is. Raises
    ToolError for a file that is not there, not the user's, or too large."""
    if not isinstance(value, str) or context.files is None or not FILE_ID.fullmatch(value.strip()):
        return value
    found = await context.files.find(value.strip())
    if found.bytes > LARGEST:
        raise ToolError(f"the file {found.filename!r} has {found.bytes:,} bytes; at most {LARGEST:,} are sent")
    return b64encode(await asyncio.to_thread(found.path.read_bytes)).decode()
