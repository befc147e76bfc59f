"""The body of an answer, unpacked as it comes: never more at a time than a step, so that a bomb is noticed early."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator

from tools.errors import ToolError

ONE_STEP = 1 << 16
CODINGS = "gzip, deflate"
"""What may be asked for."""


async def unpacked(pieces: AsyncIterable[bytes], coding: str) -> AsyncIterator[bytes]:
    """`coding`: of the header Content-Encoding. Raises ToolError for another one, and for damage."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        async for piece in pieces:
            yield piece
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ToolError(f"the answer is packed as {coding[:40]!r}, which was not asked for")
    packed = None
    async for piece in pieces:
        if packed is None and piece:
            packed = zlib.decompressobj(_window(coding, piece[0]))
        while piece and packed is not None:
            try:
                yield packed.decompress(piece, ONE_STEP)
            except zlib.error as error:
                raise ToolError(f"the answer's packing is damaged: {error}") from None
            piece = packed.unconsumed_tail
    if packed is not None and not packed.eof:
        raise ToolError("the answer's packing breaks off")


def _window(coding: str, first: int) -> int:
    """Some servers send deflate without the wrapper that the standard asks for."""
    if coding != "deflate":
        return 16 + zlib.MAX_WBITS
    return zlib.MAX_WBITS if first & 0x0F == 8 else -zlib.MAX_WBITS
