"""Any server that speaks OpenAI's `/embeddings`: hosted providers, vLLM, llama.cpp, TEI, LM Studio, Ollama."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import sys
from array import array
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from backends.errors import BackendError, BadReply, BadSpec, TimedOut
from backends.http import Http
from backends.profiles import Profile
from backends.retry import pause
from backends.secret import Secrets
from backends.upstream_errors import reported_error, response_error

logger = logging.getLogger(__name__)

MAX_REPLY_BYTES = 64 << 20
"""512 vectors of 4,096 numbers in decimal are some 46 MB."""


class EmbeddingModel:
    """One model on one server. Belongs to one event loop; safe for any number of requests at once in it."""

    def __init__(
        self,
        profile: Profile,
        model: str,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Raises BadSpec if the profile has no base_url."""
        if profile.base_url is None:
            raise BadSpec(f"backend profile {profile.name!r} needs a base_url")
        self.name = f"{profile.name}:{model}"
        self._options = profile.embeddings
        self._model = model
        self._retries = profile.retries
        self._secrets = Secrets(profile.secrets())
        self._sleep = sleep
        self._chance = chance
        self._http = Http(
            profile.base_url,
            profile.request_headers(),
            connect_timeout=profile.connect_timeout,
            read_timeout=profile.embeddings.timeout,
        )

    async def embed(self, texts: Sequence[str]) -> list[array[float]]:
        """The vectors of `texts`, in their order, as float32. One request, tried anew as the profile allows.

        Raises the errors of backends.errors. Also a time-out is tried anew: unlike an answer, a vector costs little.
        """
        for attempt in range(self._retries + 1):
            try:
                with self._secrets.hidden_in_errors():
                    return await self._once(texts)
            except BackendError as error:
                if attempt == self._retries or not (error.retryable or isinstance(error, TimedOut)):
                    raise
                seconds = pause(attempt, error.retry_after, self._chance())
                logger.warning(
                    "%s: %s; retry %d of %d in %.1f s", self.name, error, attempt + 1, self._retries, seconds
                )
            await self._sleep(seconds)
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _once(self, texts: Sequence[str]) -> list[array[float]]:
        body: dict[str, Any] = {"model": self._model, "input": list(texts), "encoding_format": self._options.encoding}
        if self._options.dimensions is not None:
            body["dimensions"] = self._options.dimensions
        where = self._http.where
        async with self._http.request("POST", "embeddings", body | dict(self._options.extra_body)) as reply:
            data = await reply.read(MAX_REPLY_BYTES)
        if not 200 <= reply.status < 300:
            raise response_error(where, reply.status, reply.headers, data)
        return vectors(where, data, len(texts))


def vectors(where: str, data: bytes, count: int) -> list[array[float]]:
    """Read a reply of `/embeddings`: numbers or base64, placed by `index`. Raises BadReply, or what it reports."""
    try:
        reply: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise BadReply(f"{where} did not answer with embeddings but with {data[:80]!r}", retryable=True) from None
    entries = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(entries, list):
        error = reported_error(where, reply) if isinstance(reply, dict) else None
        raise error or BadReply(f"{where} answered without a list `data` of embeddings: {data[:80]!r}")
    if len(entries) != count or not all(isinstance(entry, dict) for entry in entries):
        raise BadReply(f"{where} gave {len(entries)} embeddings for {count} texts")
    places = [entry.get("index", n) for n, entry in enumerate(entries)]
    if sorted(map(str, places)) != sorted(map(str, range(count))):
        raise BadReply(f"{where} gave embeddings with the indexes {places[:10]}, not 0 to {count - 1}")
    found: list[array[float]] = [array("f")] * count
    for place, entry in zip(places, entries, strict=True):
        found[int(place)] = _vector(where, entry.get("embedding"))
    return found


def _vector(where: str, given: Any) -> array[float]:
    try:
        if isinstance(given, str):
            made = array("f", base64.b64decode(given, validate=True))
            if sys.byteorder == "big":
                made.byteswap()
        else:
            made = array("f", cast("list[float]", given))
    except (TypeError, ValueError, OverflowError):
        raise BadReply(f"{where} gave an embedding that is no list of numbers: {str(given)[:80]!r}") from None
    if not made:
        raise BadReply(f"{where} gave an empty embedding")
    return made
