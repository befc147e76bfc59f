"""Any server that speaks OpenAI's `/chat/completions`: hosted providers, vLLM, llama.cpp, LM Studio, Ollama."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backends.base import Capabilities, Delta, Request
from backends.capabilities import check
from backends.errors import BadSpec
from backends.exchange import MAX_ERROR_BYTES, deltas_of
from backends.http import Http, Reply
from backends.openai_adapt import Change, change_for, changed
from backends.openai_reply import ReplyReader
from backends.openai_wire import chat_body
from backends.profiles import Flags, Profile
from backends.secret import Secrets
from backends.upstream_errors import response_error


class OpenAI:
    """One model on one server. Safe for any number of streams at once within one event loop."""

    def __init__(self, profile: Profile, model: str) -> None:
        """Raises BadSpec if the profile has no base_url."""
        if profile.base_url is None:
            raise BadSpec(f"backend profile {profile.name!r} needs a base_url")
        self.name = f"{profile.name}:{model}"
        self.capabilities: Capabilities = profile.capabilities()
        self._profile = profile
        self._model = model
        self._secrets = Secrets(profile.secrets())
        self._changes: list[Change] = []  # what this server's refusals have taught; holds for all later requests
        self._http = Http(
            profile.base_url,
            profile.request_headers(),
            connect_timeout=profile.connect_timeout,
            read_timeout=profile.read_timeout,
        )

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises the errors of backends.errors; closing the stream closes the request upstream."""
        check(self.name, self.capabilities, request)
        body, warnings = chat_body(request, self._profile, self._model)
        reader = ReplyReader(self._http.where, logprobs=request.logprobs is not None, warnings=warnings)
        with self._secrets.hidden_in_errors():
            async with self._accepted(body) as reply:
                async for delta in deltas_of(reply, reader):
                    yield delta

    def settle(self, flags: Flags) -> None:
        """Go by `flags` from the next request on."""
        self._profile = self._profile.model_copy(update={"flags": flags})
        self.capabilities = self._profile.capabilities()

    async def aclose(self) -> None:
        """Close the connections. The backend may be used again: it then opens new ones."""
        await self._http.aclose()

    @asynccontextmanager
    async def _accepted(self, body: dict[str, Any]) -> AsyncIterator[Reply]:
        """The reply to `body`, changed as the server wants it. Raises what the server answers instead."""
        for change in self._changes:
            body = changed(body, change)
        tried: set[Change] = set()
        while True:
            async with self._http.request("POST", "chat/completions", body) as reply:
                if 200 <= reply.status < 300:
                    yield reply
                    return
                error = response_error(self._http.where, reply.status, reply.headers, await reply.read(MAX_ERROR_BYTES))
            better = change_for(body, error)
            if better is None or better in tried:
                raise error
            tried.add(better)
            body = changed(body, better)
            if better not in self._changes:
                self._changes.append(better)
