"""A backend whose profile leaves open what its server can do: it is tried out when a request first needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol

from backends.base import Backend, Capabilities, Capability, Delta, Request
from backends.capabilities import missing, needed
from backends.lifetime import close, closing
from backends.probe import Finding
from backends.profiles import Flags

logger = logging.getLogger(__name__)

Find = Callable[[Capability], Awaitable[Finding]]


class Settling(Backend, Protocol):
    def settle(self, flags: Flags) -> None:
        """Go by `flags` from the next request on."""
        ...


class Probed:
    """`backend`, asked for what is `in_doubt` only once `find` has shown that it is there.

    A request that needs nothing in doubt is handed on at once. What was found holds as long as this object lives.
    Until then `capabilities` says yes; what could not be cleared up is let through, with a warning.
    """

    def __init__(self, backend: Settling, flags: Flags, in_doubt: frozenset[Capability], find: Find) -> None:
        self._backend = backend
        self._flags = flags
        self._in_doubt = set(in_doubt)
        self._unclear: dict[Capability, Finding] = {}
        self._absent: dict[Capability, Finding] = {}
        self._find = find
        self._trying: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises CapabilityMissing for what turned out not to be there, and what the backend raises."""
        wanted = needed(request)
        for capability in wanted:
            await self._settle(capability)
            if capability in self._absent:
                raise missing(self.name, capability, self._absent[capability].detail)
        warnings = [
            f"it is not clear that {self.name!r} has {capability!r}: {self._unclear[capability].detail}"
            for capability in wanted
            if capability in self._unclear
        ]
        async with closing(self._backend.stream(request)) as deltas:
            async for delta in deltas:
                while warnings:  # with the first delta: until then a failed try may be repeated
                    yield Delta(warning=warnings.pop())
                yield delta

    async def aclose(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)
            self._trying = None
        await close(self._backend)

    async def _settle(self, capability: Capability) -> None:
        """One trial at a time, for all requests that wait for it; it goes on if one of them is given up."""
        while capability in self._in_doubt:
            if self._trying is None:
                self._trying = asyncio.create_task(self._try(capability))
            trial = self._trying
            try:
                await asyncio.shield(trial)
            finally:
                if trial.done() and self._trying is trial:
                    self._trying = None

    async def _try(self, capability: Capability) -> None:
        finding = await self._find(capability)
        logger.info("%s: %s %s: %s", self.name, capability, _answer(finding), finding.detail)
        self._in_doubt.discard(capability)
        if finding.works is None:
            self._unclear[capability] = finding
            return
        if not finding.works:
            self._absent[capability] = finding
        found: dict[str, Any] = {capability: finding.works}
        if capability == "json_schema":
            found = {"json_form": finding.json_form or ("schema" if finding.works else "none")}
        if capability == "scoring":
            found = {"scoring": finding.scoring_form or "none"}
        self._flags = self._flags.model_copy(update=found)
        self._backend.settle(self._flags)


def _answer(finding: Finding) -> str:
    return {True: "works", False: "does not work", None: "is not clear"}[finding.works]
