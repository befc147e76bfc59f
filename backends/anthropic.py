"""Anthropic's Messages API, at Anthropic or any server that speaks it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from backends.anthropic_reply import ReplyReader
from backends.anthropic_wire import message_body
from backends.base import Capabilities, Delta, Request
from backends.capabilities import check
from backends.errors import BadSpec
from backends.exchange import accepted, deltas_of
from backends.http import Http
from backends.profiles import Flags, Profile
from backends.secret import Secrets


class Anthropic:
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
        self._http = Http(
            profile.base_url,
            profile.request_headers(),
            connect_timeout=profile.connect_timeout,
            read_timeout=profile.read_timeout,
        )

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises the errors of backends.errors; closing the stream closes the request upstream."""
        check(self.name, self.capabilities, request)
        body, warnings = message_body(request, self._profile, self._model)
        reader = ReplyReader(self._http.where, warnings=warnings)
        with self._secrets.hidden_in_errors():
            async with accepted(self._http, "messages", body) as reply:
                async for delta in deltas_of(reply, reader):
                    yield delta

    def settle(self, flags: Flags) -> None:
        """Go by `flags` from the next request on."""
        self._profile = self._profile.model_copy(update={"flags": flags})
        self.capabilities = self._profile.capabilities()

    async def aclose(self) -> None:
        """Close the connections. The backend may be used again: it then opens new ones."""
        await self._http.aclose()
