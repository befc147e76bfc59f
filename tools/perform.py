"""One call of a tool, from the model's text to the text for the model: checked, timed, cut to size."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from backends.unicode import whole
from tools.base import Context, Result, Tool
from tools.errors import BadArguments, Fault, ToolError
from tools.threads import on_a_thread

if TYPE_CHECKING:
    from retrieval.base import Hit
    from tools.desk import Kept

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    text: str
    """What the model is told."""
    hits: tuple[Hit, ...] = ()
    fault: Fault | None = None
    artifacts: tuple[Kept, ...] = ()


async def perform(tool: Tool, arguments: str, context: Context) -> Outcome:
    """Call the tool with the JSON text of its arguments. Whatever goes wrong inside is an Outcome with a fault."""
    try:
        async with asyncio.timeout(tool.seconds) as limit:
            returned = await tool.run(await checked(tool, arguments), context)
        result = returned if isinstance(returned, Result) else Result(_text(returned))
    except BadArguments as error:
        return Outcome(str(error), fault="bad_arguments")
    except ToolError as error:
        return Outcome(_fitted(str(error), tool.max_chars), fault="refused")
    except Exception as error:
        if isinstance(error, TimeoutError) and limit.expired():
            return Outcome(f"{tool.name} did not answer within {tool.seconds:g} seconds", fault="timed_out")
        log.error("the tool %r failed unexpectedly", tool.name, exc_info=error)
        return Outcome(f"{tool.name} failed for an internal reason", fault="broken")
    return Outcome(_fitted(result.text, tool.max_chars), result.hits, artifacts=result.artifacts)


async def checked(tool: Tool, arguments: str) -> dict[str, Any]:
    """What `tool.run` takes. On a thread: a schema of somebody else's may take long to check. Raises BadArguments."""
    found: dict[str, Any] = await on_a_thread(partial(tool.check, arguments), f"arguments of {tool.name}")
    return found


def _text(returned: object) -> str:
    if isinstance(returned, str):
        return returned
    return to_json(returned).decode()


def _fitted(text: str, most: int) -> str:
    text = whole(text)
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[cut: these are the first {most:,} of {len(text):,} characters; ask for less]"
