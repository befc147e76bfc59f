"""`sandtable`: the fields of ours beside OpenAI's, which say how a pipeline runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agents.memory.settings import Memory
from agents.persona import Persona
from server.openai.schema import WHOLE_JSON, Body, Json, Text


class RunLimits(Body):
    """What this run may use; never more than the service's own settings allow."""

    model_calls: Annotated[int, Field(gt=0)] | None = None
    tool_calls: Annotated[int, Field(gt=0)] | None = None
    tokens: Annotated[int, Field(gt=0)] | None = None
    cost: Annotated[float, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    steps: Annotated[int, Field(gt=0)] | None = None


class Extension(Body):
    collection: Text | None = None
    generation: Text | None = None
    backend: Text | None = None
    thread_id: Text | None = None
    user: Text | None = None
    memory: Annotated[Memory | None, WHOLE_JSON] = None
    persona: Annotated[Persona | None, WHOLE_JSON] = None
    limits: RunLimits | None = None
    options: Json = Field(default_factory=dict)
