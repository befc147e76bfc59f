"""Any server that speaks OpenAI's `/chat/completions`: hosted providers, vLLM, llama.cpp, LM Studio, Ollama."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backends.base import Capabilities, Delta, Request, TokenLogprob, Usage
from backends.capabilities import check, missing
from backends.errors import BadSpec
from backends.exchange import MAX_ERROR_BYTES, accepted, deltas_of
from backends.http import Http, Reply
from backends.openai_adapt import Change, change_for, changed
from backends.openai_reply import ReplyReader
from backends.openai_scoring import AS_TEXT, Form, Scored, route_of, scoring_body, texts_of
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
        if request.continuations:
            async for delta in self._scores(request):
                yield delta
            return
        body, warnings = chat_body(request, self._profile, self._model)
        reader = ReplyReader(self._http.where, logprobs=request.logprobs is not None, warnings=warnings)
        with self._secrets.hidden_in_errors():
            async with self._accepted(body) as reply:
                async for delta in deltas_of(reply, reader):
                    yield delta

    async def written(self, request: Request) -> list[TokenLogprob]:
        """A few tokens that the server writes after the prompt, by the route by which it scores. Raises BackendError,
        BadReply if it tells no log-probabilities."""
        with self._secrets.hidden_in_errors():
            return (await self._scored(request, "", written=4)).written

    async def _scores(self, request: Request) -> AsyncGenerator[Delta]:
        texts = texts_of(request)
        if not request.plain and route_of(self._form(), request) == "completions":
            yield Delta(warning=AS_TEXT)
        with self._secrets.hidden_in_errors():
            prompt = await self._scored(request, "")
            replies = await asyncio.gather(*(self._scored(request, text) for text in texts))
            where = self._http.where
            scores = tuple(reply.after(prompt, text, where) for reply, text in zip(replies, texts, strict=True))
        usage = Usage(prompt_tokens=sum(len(reply.prompt) for reply in (prompt, *replies)))
        yield Delta(scores=scores, usage=usage, finish="stop")

    async def _scored(self, request: Request, continuation: str, written: int = 1) -> Scored:
        form = self._form()
        body = scoring_body(form, request, self._model, continuation, written) | dict(self._profile.extra_body)
        async with accepted(self._http, route_of(form, request), body) as reply:
            return Scored(form, await reply.read(), self._http.where)

    def _form(self) -> Form:
        form = self._profile.flags.scoring
        if form == "none" or form == "auto":
            raise missing(self.name, "scoring", "" if form == "none" else "nobody has tried it out")
        return form

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
