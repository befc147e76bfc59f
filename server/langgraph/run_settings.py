"""How a run's pipeline is set up: the keys of `config.configurable` and `context`, over those of its assistant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from agents.field_names import fields_beside
from agents.memory.settings import Memory
from agents.persona import Persona
from backends.errors import BackendError
from server.errors import ApiError, from_exception, from_validation
from server.langgraph.route import unprocessable
from server.openai.sandtable import RunLimits
from server.openai.schema import WHOLE_JSON, Body, Json, Text
from server.resolve import options_for, pipeline_of

if TYPE_CHECKING:
    from server.services import Services

CONFIGURABLE, CONTEXT = "config.configurable", "context"
TECHNICAL = frozenset(
    {"thread_id", "run_id", "graph_id", "assistant_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"}
)
"""Of LangGraph itself: a graph that calls this one as a step sends its own along. The request has them elsewhere."""


class RunSettings(Body):
    """The keys of chat completions' `sandtable`."""

    collection: Text | None = Field(None, description="The collection to answer from, by its id or exact name.")
    generation: Text | None = Field(None, description="The generation to search, by its id; default: the active one.")
    backend: Text | None = Field(None, description="What produces text, as `kind:model` or a profile's name.")
    user: Text | None = Field(None, description="Whom the run is for: whose memory it has, and not its thread's.")
    memory: Annotated[Memory | None, WHOLE_JSON] = Field(None, description="What the pipeline can recall.")
    persona: Annotated[Persona | None, WHOLE_JSON] = Field(None, description="Who answers: its card goes first.")
    limits: RunLimits | None = Field(None, description="What the run may use.")
    options: Json = Field(default_factory=dict, description="The pipeline's own options.")


@dataclass(frozen=True)
class Layer:
    """Settings from one place, later ones above earlier ones."""

    where: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Settled:
    settings: RunSettings
    places: Mapping[str, str]
    """Where each key came from, for errors."""

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Errors that name chat completions' field name the one that was sent instead."""
        try:
            yield
        except (ApiError, BackendError) as raised:
            error = from_exception(raised)
            key = (error.param or "").removeprefix("sandtable.").partition(".")[0]
            place = self.places.get(key, CONFIGURABLE)
            param = (error.param or "").replace("sandtable.", f"{place}.", 1) or None
            message = error.message.replace("sandtable.", f"{place}.")
            raise unprocessable(
                ApiError(error.status, message, param=param, code=error.code, type=error.type, headers=error.headers)
            ) from None


def layers_of(config: Mapping[str, Any], context: Mapping[str, Any], prefix: str = "") -> list[Layer]:
    """Raises ApiError if `config.configurable` and `context` differ on a key."""
    configurable = {
        key: value
        for key, value in (config.get("configurable") or {}).items()
        if key not in TECHNICAL and not key.startswith("__")
    }
    for key in configurable.keys() & context.keys():
        if configurable[key] != context[key]:
            message = f"'{CONFIGURABLE}.{key}' and '{CONTEXT}.{key}' differ; give one of them."
            raise ApiError(422, message, param=f"{CONTEXT}.{key}", code="conflicting_settings")
    return [Layer(f"{prefix}{CONFIGURABLE}", configurable), Layer(f"{prefix}{CONTEXT}", context)]


def settle(*layers: Layer) -> Settled:
    """One setting of all: `options` and `limits` are joined key by key. Raises ApiError."""
    joined: dict[str, Any] = {}
    places: dict[str, str] = {}
    for layer in layers:
        for key, value in layer.given.items():
            places[key] = layer.where
            before = joined.get(key)
            both = key in ("options", "limits") and isinstance(value, dict) and isinstance(before, dict)
            joined[key] = {**before, **value} if both else value  # type: ignore[dict-item]
    try:
        settings = RunSettings.model_validate(joined)
    except ValidationError as error:
        found = [{**e, "loc": ("body", *e["loc"])} for e in error.errors()]
        raise _renamed(from_validation(found, joined), places) from None
    return Settled(settings, places)


def _renamed(error: ApiError, places: Mapping[str, str]) -> ApiError:
    param = error.param or ""
    place = places.get(param.partition(".")[0].partition("[")[0], CONFIGURABLE)
    message = error.message.replace(f"'{param}'", f"'{place}.{param}'")
    if error.code == "unknown_parameter":
        message += f" The keys: {', '.join(fields_beside(RunSettings, re.split(r'[.[]', param)))}."
    return ApiError(422, message, param=f"{place}.{param}", code=error.code)


async def check_settings(
    services: Services, graph_id: str, config: Mapping[str, Any], context: Mapping[str, Any]
) -> None:
    """Raises ApiError for settings that no run of the pipeline could take."""
    settled = settle(*layers_of(config, context))
    with settled.blaming():
        options_for(await pipeline_of(graph_id), settled.settings.options, tuple(services.tools))
