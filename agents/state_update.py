"""A change of a thread's state as JSON brings it, in the types that the pipeline's state has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from agents.errors import BadUpdate

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agents.pipeline import Pipeline


def read_update(pipeline: Pipeline, values: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadUpdate that names the key."""
    hints = state_keys(pipeline.graph)
    return {key: _read(pipeline.name, hints, key, value) for key, value in values.items()}


def state_keys(graph: StateGraph[Any, Any, Any, Any]) -> dict[str, Any]:
    """The keys of a graph's state and their types."""
    return {key: hint for schema in graph.schemas for key, hint in get_type_hints(schema).items()}


def _read(name: str, hints: Mapping[str, Any], key: str, value: Any) -> Any:
    if key not in hints:
        raise BadUpdate(f"the state of {name!r} has no {key!r}; it has {', '.join(hints)}", key)
    try:
        return TypeAdapter(hints[key]).validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (key, *first["loc"])))
        raise BadUpdate(f"{where} does not fit the state of {name!r}: {first['msg']}", where) from None
