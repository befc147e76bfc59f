"""What a tool of the MCP server is, and what it is given to work with."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from server.errors import from_validation

if TYPE_CHECKING:
    from server.services import Services

ModelT = TypeVar("ModelT", bound=BaseModel)


class Answer(BaseModel):
    """Structured output of a tool; its schema is told to the clients, which hold the answers to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Caller:
    """Who calls, and the way back to them."""

    services: Services
    tenant: str
    origin: str
    """Where the caller reaches the service, with the slash at the end."""
    progress: Callable[[float, str], Awaitable[None]]
    """Tell how far a call is; the number must grow."""


@dataclass(frozen=True)
class McpTool:
    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    answer: type[Answer]
    run: Callable[[Caller, Any], Awaitable[tuple[Answer, str]]]
    """The structured answer, and the same as text. Raises ApiError and the errors that `server.errors` knows."""
    read_only: bool


def read_arguments(model: type[ModelT], arguments: Mapping[str, Any]) -> ModelT:
    """Raises ApiError that names the argument."""
    try:
        # As JSON, so that a strict reading still takes a list for a tuple and a text for an enum.
        return model.model_validate_json(json.dumps(arguments), strict=True)
    except ValidationError as error:
        wrong = [{**e, "loc": ("body", *e["loc"])} for e in error.errors()]
        raise from_validation(wrong, arguments) from None
