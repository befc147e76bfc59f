"""Pictures between the forms in which APIs carry them. Fetches nothing."""

from __future__ import annotations

import base64
import re
from typing import Literal, cast
from urllib.parse import urlsplit

from backends.base import Image

# What OpenAI, Anthropic and llama.cpp all read.
MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
MOST_BYTES = 20 << 20
"""Of one picture; OpenAI's and Anthropic's limits are of this size or smaller."""

DATA_URL = re.compile(r"data:([\w.+/-]*)((?:;[\w.+-]+=[^;,]*)*)(;base64)?,(.*)", re.IGNORECASE | re.DOTALL)


def image_of(url: str, detail: Literal["auto", "low", "high"] = "auto") -> Image:
    """The picture that a URL means: `data:image/png;base64,...` holds it, `http(s)://` is handed on.

    Raises ValueError, which says what would be taken.
    """
    if url[:5].lower() != "data:":
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"an image is a data: URL or an http(s) URL, not {url[:60]!r}")
        return Image(url=url, detail=detail)
    match = DATA_URL.fullmatch(url)
    if match is None or match[3] is None:
        raise ValueError(f"an image as a data: URL reads 'data:image/png;base64,...', not {url[:60]!r}")
    media_type = match[1].lower().replace("image/jpg", "image/jpeg")
    if media_type not in MEDIA_TYPES:
        raise ValueError(f"images of type {media_type!r} are not taken; use one of {', '.join(MEDIA_TYPES)}")
    kind = cast("Literal['image/png', 'image/jpeg', 'image/gif', 'image/webp']", media_type)
    return Image(media_type=kind, data=_checked(match[4]), detail=detail)


def url_of(image: Image) -> str:
    return image.url or f"data:{image.media_type};base64,{image.data}"


def _checked(data: str) -> str:
    """The base64 text without blanks. Raises ValueError unless it decodes to something of a bearable size."""
    data = "".join(data.split())
    try:
        size = len(base64.b64decode(data, validate=True))
    except ValueError as error:  # of base64 itself, or for letters beyond ASCII
        raise ValueError(f"the image's data is not base64: {error}") from None
    if not size:
        raise ValueError("the image is empty")
    if size > MOST_BYTES:
        raise ValueError(f"the image has {size} bytes; at most {MOST_BYTES >> 20} MiB are taken")
    return data
