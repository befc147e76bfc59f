"""The persona of a request: whether the backend can do what it needs, and the pipeline with its limits before it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.errors import bad_request

if TYPE_CHECKING:
    from agents.persona import Persona
    from agents.pipeline import Pipeline
    from backends.base import Backend


def check_persona(persona: Persona | None, backend: Backend) -> None:
    """Raises ApiError."""
    if persona is None or not persona.judge:
        return
    param = "sandtable.persona.judge"
    if not persona.limits:
        raise bad_request(f"{param!r} has nothing to judge by: the persona has no 'limits'.", param, "invalid_value")
    if backend.name == "extractive":
        message = (
            f"{param!r} needs a model, and the backend 'extractive' only quotes: give the limits 'words', or choose "
            "another backend."
        )
        raise bad_request(message, param, "capability_missing")


async def with_persona(pipeline: Pipeline, persona: Persona | None) -> Pipeline:
    if persona is None:
        return pipeline
    from agents.persona_limits import guarded

    return await asyncio.to_thread(guarded, pipeline, persona)
