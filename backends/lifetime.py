"""Ending streams and backends in time.

A stream left half-read must close its connection now, not at some garbage collection: a model may be writing on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

from backends.base import Backend, Delta


@runtime_checkable
class Closable(Protocol):
    """A backend that holds connections."""

    async def aclose(self) -> None: ...


@asynccontextmanager
async def closing(deltas: AsyncIterator[Delta]) -> AsyncIterator[AsyncIterator[Delta]]:
    """Close the stream on leaving the block, however it is left."""
    try:
        yield deltas
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()


async def close(backend: Backend) -> None:
    """Give back what the backend holds. Backends that hold nothing have no `aclose`, and this does nothing."""
    if isinstance(backend, Closable):
        await backend.aclose()
