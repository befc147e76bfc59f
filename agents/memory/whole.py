"""A change that is made to its end, whoever stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def whole(work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end, also where the caller is cancelled meanwhile; the cancellation comes after it.

    A row that is written belongs to a record that is shown: a lock that a cancelled run released between the two would
    let the next one give the same number again.
    """
    doing = asyncio.ensure_future(work)
    cut: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            if doing.cancelled():
                raise
            cut = error
        except Exception:
            break
    doing.result()
    if cut is not None:
        raise cut
