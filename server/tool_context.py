"""What the tools of a tenant's runs may reach, beside the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backends.base import Message, Request, Source, complete
from backends.errors import BackendError
from backends.extractive import Extractive
from backends.lifetime import closing
from tools.base import Ask, Context
from tools.errors import ToolError

if TYPE_CHECKING:
    from server.services import Services


def tool_context(services: Services) -> Context:
    return Context(zone=services.settings.time_zone, rates=services.rates)


def asking(services: Services, spec: str | None, tenant: str) -> Ask:
    """For a call by hand, which belongs to no run. The backend is looked for when a tool asks it."""

    async def ask(instructions: str, text: str, question: str, sources: Sequence[Source] = ()) -> str:
        backend = services.backends.for_run(await services.backends.get(spec), tenant)
        if not sources and backend.name == Extractive.name:
            raise ToolError(
                "no language model is set up here; name a 'backend' (-b), or set one up: see `sandtable doctor`"
            )
        messages = (Message(role="system", content=instructions), Message(role="user", content=text))
        request = Request(messages=messages, question=question, sources=tuple(sources))
        try:
            async with closing(backend.stream(request)) as deltas:
                return (await complete(deltas)).message.content
        except BackendError as error:
            raise ToolError(f"the language model failed: {error}") from error

    return ask
