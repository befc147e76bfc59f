"""Bodies of the routes of runs, as langgraph-sdk sends them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from server.langgraph.assistant_schema import Config
from server.langgraph.route import Limit, Offset, Query, Uuid
from server.openai.schema import Body, Json, Text

Mode = Literal[
    "values", "messages", "messages-tuple", "updates", "custom", "checkpoints",
    "events", "tasks", "debug", "tools", "lifecycle",
]  # fmt: skip
RunStatus = Literal["pending", "running", "error", "success", "timeout", "interrupted"]
Steps = Literal["*"] | Annotated[list[Text], Field(max_length=1_000)]


class Checkpoint(Body):
    thread_id: Text | None = None
    checkpoint_ns: Text | None = None
    checkpoint_id: Text | None = None
    checkpoint_map: Json | None = None


class Send(Body):
    node: Text
    input: Json | None = None


class Command(Body):
    resume: Any = None
    update: Json | list[Annotated[list[Any], Field(min_length=2, max_length=2)]] | None = None
    goto: Text | Send | list[Text | Send] | None = None
    graph: Any = None


class RunCreate(Body):
    assistant_id: Text
    input: Json | None = None
    command: Command | None = None
    config: Config | None = None
    context: Json | None = None
    metadata: Json | None = None
    stream_mode: Mode | list[Mode] | None = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    on_disconnect: Literal["cancel", "continue"] | None = None
    checkpoint_during: bool | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    interrupt_before: Steps | None = None
    interrupt_after: Steps | None = None
    strict_resume: bool | None = None
    on_completion: Literal["delete", "keep"] | None = None
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] | None = None
    if_not_exists: Literal["create", "reject"] | None = None
    webhook: Any = None
    feedback_keys: Any = None
    after_seconds: Any = None
    langsmith_tracer: Any = None


class ThreadRunCreate(RunCreate):
    checkpoint: Checkpoint | None = None
    checkpoint_id: Text | None = None


class RunsCancel(Body):
    thread_id: Uuid | None = None
    run_ids: Annotated[list[Uuid], Field(max_length=1_000)] | None = None
    status: Literal["pending", "running", "all"] | None = None


class ActionQuery(Query):
    action: Literal["interrupt", "rollback"] = "interrupt"


class CancelQuery(ActionQuery):
    wait: bool = False


class JoinQuery(Query):
    cancel_on_disconnect: bool = False


class StreamQuery(JoinQuery):
    stream_mode: list[Text] | None = None


class RunsQuery(Query):
    limit: Limit = 10
    offset: Offset = 0
    status: RunStatus | None = None
    select: list[Text] | None = None
