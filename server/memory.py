"""The memory of a request: whose it is, and the pipeline with it around."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.errors import bad_request

if TYPE_CHECKING:
    from agents.memory.settings import MemorySettings
    from agents.pipeline import Pipeline

LONGEST_USER = 200
"""Characters."""


def whose_memory(memory: MemorySettings | None, given: str | None, named: str | None) -> str:
    """The user; empty: nobody is named, so it is the thread's. Raises ApiError."""
    if memory is None or memory.kind == "none":
        return ""
    user, param = (given, "sandtable.user") if given is not None else (named or "", "user")
    if given is not None and not given.strip():
        raise bad_request(f"{param!r} is empty: name the user, or leave it out.", param, "invalid_value")
    if len(user) > LONGEST_USER:
        message = f"{param!r} has {len(user)} characters; memory takes at most {LONGEST_USER}."
        raise bad_request(message, param, "invalid_value")
    return user


async def with_memory(pipeline: Pipeline, memory: MemorySettings | None) -> Pipeline:
    if memory is None or memory.kind == "none":
        return pipeline
    from agents.memory.steps import remembering

    return await asyncio.to_thread(remembering, pipeline, memory)
