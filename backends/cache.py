"""Replies that were given before, given again to equal requests without asking the model."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from backends.base import Backend, Capabilities, Delta, Request
from backends.flight import Flight
from backends.lifetime import close, closing

logger = logging.getLogger(__name__)

Mode = Literal["deterministic", "all"]
DELTAS = TypeAdapter(tuple[Delta, ...])
KEPT_ENDS = ("stop", "length", "tool_calls")
FORM = b"1"
"""Goes into every key: change it when requests or deltas change their meaning."""


class StoreFailed(Exception):
    """The store cannot be read or written now; the message says why."""


class Store(Protocol):
    """Bytes by key; may forget any of them at any time. Both raise StoreFailed."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes) -> None: ...


class ReplyCache:
    """What any number of backends share: the store, and the requests under way.

    `deterministic` keeps replies to requests at temperature 0 or with a seed, unless the backend warned that it took
    something differently; `all` keeps every one. Only finished replies that say something are kept: an error, a
    filtered answer or a stream that was left is asked again.
    """

    def __init__(self, store: Store, mode: Mode) -> None:
        self.mode = mode
        self._store = store
        self._flights: dict[str, Flight] = {}

    async def kept(self, key: str) -> tuple[Delta, ...] | None:
        try:
            value = await self._store.get(key)
            return None if value is None else DELTAS.validate_json(zlib.decompress(value))
        except StoreFailed as error:
            logger.warning("the cache of replies cannot be read: %s", error)
        except (zlib.error, ValidationError):
            logger.warning("a reply in the cache is damaged: asking again")
        return None

    async def keep(self, key: str, deltas: Sequence[Delta]) -> None:
        if not self._worth_keeping(deltas):
            return
        try:
            await self._store.put(key, zlib.compress(DELTAS.dump_json(tuple(deltas), exclude_defaults=True)))
        except StoreFailed as error:
            logger.warning("a reply is not kept in the cache: %s", error)

    def flight(self, key: str, backend: Backend, request: Request) -> tuple[Flight, bool]:
        """The stream under way for `key`, and whether it was there already."""
        found = self._flights.get(key)
        if found is not None and not found.abandoned:
            whole = found.whole  # over, and on its way into the store
            if whole is None or self._worth_keeping(whole):
                return found, True

        async def landed(deltas: Sequence[Delta]) -> None:
            await self.keep(key, deltas)

        def gone(flight: Flight) -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]

        made = self._flights[key] = Flight(backend.stream(request), landed, gone)
        return made, False

    async def aclose(self) -> None:
        """Waits until what is being kept is kept; streams under way end."""
        for flight in list(self._flights.values()):
            await flight.aclose()

    def _worth_keeping(self, deltas: Sequence[Delta]) -> bool:
        ended_well = bool(deltas) and deltas[-1].finish in KEPT_ENDS
        said = any(delta.text or delta.tool_call for delta in deltas)
        warned = any(delta.warning for delta in deltas)
        return ended_well and said and (self.mode == "all" or not warned)


class Cached:
    """`backend`, answering from `cache` where it can. Made for one run: see `_key`.

    `identity`: what stands behind the backend's name, so that a changed profile asks anew. `scope`: who may share
    replies; two scopes never do.
    """

    def __init__(self, backend: Backend, cache: ReplyCache, *, identity: str, scope: str = "") -> None:
        self._backend = backend
        self._cache = cache
        self._origin = "\0".join((scope, backend.name, identity)).encode("utf-8", "surrogatepass")
        self._asked: Counter[str] = Counter()

    @property
    def name(self) -> str:
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises what the backend raises. Of equal requests at once one is asked; all get its deltas as they come."""
        key = self._key(request)
        if key is None:
            async with closing(self._backend.stream(request)) as deltas:
                async for delta in deltas:
                    yield delta
            return
        kept = await self._cache.kept(key)
        for delta in kept or ():
            yield _marked(delta)
        if kept is not None:
            return
        flight, joined = self._cache.flight(key, self._backend, request)
        async with closing(flight.read()) as deltas:
            async for delta in deltas:
                yield _marked(delta) if joined else delta

    async def aclose(self) -> None:
        await close(self._backend)

    def _key(self, request: Request) -> str | None:
        """None: not to be cached.

        A request that is sampled has another answer each time it is asked within one run, and the same ones in the
        same order in the next run: votes over samples stay votes. A run that goes on after a crash counts anew.
        """
        asked = hashlib.sha256(b"\0".join((FORM, self._origin, request.model_dump_json().encode()))).hexdigest()
        if request.temperature == 0 or request.seed is not None:
            return asked
        if self._cache.mode != "all":
            return None
        self._asked[asked] += 1
        return f"{asked}.{self._asked[asked]}"


def _marked(delta: Delta) -> Delta:
    return delta if delta.finish is None else delta.model_copy(update={"cached": True})
