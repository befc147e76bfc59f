"""What tools may reach, beside the run that calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backends.base import Message, Request, Source, complete
from backends.errors import BackendError
from backends.extractive import Extractive
from backends.lifetime import closing
from retrieval.loaders.isolated import IsolatedLoader
from server.desk import TenantDesk
from server.registries import read_registries
from server.sandboxes import reached
from server.settings import environment
from server.web import AGENT, GuardedWeb
from tools.base import Ask, Context, Rates
from tools.errors import ToolError
from tools.mediawiki import MediaWiki
from tools.rate_service import RateService
from tools.rates import RateFile
from tools.web import rules_for

if TYPE_CHECKING:
    from server.services import Services
    from server.settings import Settings


FETCHED_SECONDS = 30.0
"""For reading one fetched page."""


async def reach_of(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> Context:
    """Raises BadRates, BadDocument."""
    # Pages of the web do not wait behind uploads.
    reader = IsolatedLoader(timeout_s=FETCHED_SECONDS, memory_mb=settings.load_memory_mb)
    stack.push_async_callback(reader.aclose)
    rates = await asyncio.to_thread(_rates, settings)
    tier = await asyncio.to_thread(reached, settings, data_dir)
    if tier.sandbox is not None:
        stack.push_async_callback(tier.sandbox.aclose)
    return Context(
        zone=settings.time_zone,
        rates=rates,
        web=GuardedWeb(settings.fetch.rules()),
        loader=reader,
        encyclopedia=_encyclopedia(settings),
        sandbox=tier.sandbox,
        registries=await asyncio.to_thread(read_registries, settings.registries, environment()),
        no_sandbox="" if tier.sandbox is not None else f"{tier.reason}; {tier.way_out}",
    )


def _encyclopedia(settings: Settings) -> MediaWiki | None:
    given = settings.wikipedia
    if given.source != "api":
        return None
    url = given.address()
    web = GuardedWeb(rules_for(url, seconds=given.seconds, most_bytes=given.max_bytes))
    agent = f"{AGENT}{f' {given.contact}' if given.contact else ''}"
    return MediaWiki(web, url, agent, given.variant)


def _rates(settings: Settings) -> Rates | None:
    if settings.rates is None:
        return None
    if settings.rates.startswith(("http://", "https://")):
        return RateService(GuardedWeb(rules_for(settings.rates)), settings.rates, settings.rates_base)
    return RateFile(Path(settings.rates), settings.rates_base)


def tool_context(services: Services, tenant: str, thread_id: str = "") -> Context:
    """`thread_id`: of the run; empty for a call by itself."""
    session = f"{tenant}/{thread_id}" if thread_id else ""
    return replace(services.reach, files=TenantDesk(services, tenant), session=session, gate=services.gate)


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
