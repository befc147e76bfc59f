"""A function that blocks, on a thread that nobody has to wait for.

Not asyncio's own pool: it has a handful of threads that the whole service shares, and a process waits for them when it
ends. A tool that never returns would hold up both.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any


async def on_a_thread(function: Callable[[], Any], name: str) -> Any:
    """What the function returns, or raises. Cancelled, this returns at once, and the thread goes on by itself."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            tell = (ended.set_result, context.run(function))
        except StopIteration as error:  # which a future does not take
            tell = (ended.set_exception, RuntimeError(f"it raised {error!r}"))
        except BaseException as error:
            tell = (ended.set_exception, error)
        with suppress(RuntimeError):  # The loop is closed: nobody listens any more.
            loop.call_soon_threadsafe(_tell, ended, *tell)

    Thread(target=work, name=name, daemon=True).start()
    return await ended


def _tell(ended: asyncio.Future[Any], tell: Callable[[Any], None], what: Any) -> None:
    if not ended.done():
        tell(what)
