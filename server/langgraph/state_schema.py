"""Bodies of the routes of states, as langgraph-sdk sends them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from server.langgraph.route import Limit, Query
from server.langgraph.run_schema import Checkpoint
from server.openai.schema import UNICODE, Body, Json, Text

StateField = Annotated[
    str,
    StringConstraints(
        pattern=r"^(values|next|tasks|checkpoint|metadata|created_at|parent_checkpoint|interrupts|values\..+)$"
    ),
    UNICODE,
]


Select = Annotated[list[StateField], Field(max_length=100)]


class StateUpdate(Body):
    values: Json | list[Any] | None = None
    checkpoint: Checkpoint | None = None
    checkpoint_id: Text | None = None
    as_node: Text | None = None


class StateAt(Body):
    checkpoint: Checkpoint
    subgraphs: bool = False
    select: Select | None = None


class History(Body):
    limit: Limit = 10
    before: Text | Checkpoint | None = None
    metadata: Json | None = None
    checkpoint: Checkpoint | None = None
    select: Select | None = None


class StateQuery(Query):
    subgraphs: bool = False
    select: Select | None = None


class HistoryQuery(Query):
    limit: Limit = 10
    before: Text | None = None
