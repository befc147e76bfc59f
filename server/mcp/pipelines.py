"""Every pipeline as a tool of its own: a question in, an answer with its citations out."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, create_model

from agents import catalog
from agents.citation import Citation
from agents.errors import BadPipeline
from agents.events import (
    End,
    Event,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunLimited,
    StepFinished,
    StepStarted,
    Token,
)
from backends.base import Usage
from server.errors import ApiError, bad_request
from server.experts import with_experts
from server.ids import new_uuid
from server.mcp.places import collection_named
from server.mcp.tool import Answer, Caller, McpTool
from server.openai.parts import searched
from server.openai.schema import UNICODE, Body, Text
from server.openai.search import note_use
from server.openai.turns import MOST_IN_MESSAGE
from server.own_document import check_document
from server.resolve import check_capabilities, limits_for
from server.run_errors import from_failure
from server.runs.order import Order

if TYPE_CHECKING:
    from agents.pipeline import Options, Pipeline

TELL_EVERY = 0.1
"""Seconds between two pieces of an answer under way: a person reads on, and a client is not flooded."""
TELL_AT = 4_000
"""Characters of a piece that goes out in any case: the library's queues, where it may wait, count messages."""


class Asked(Body):
    question: Annotated[
        str,
        Field(description="The question, complete in itself: nothing else of the conversation is known."),
        StringConstraints(min_length=1, max_length=MOST_IN_MESSAGE),
        UNICODE,
    ]
    collection: Annotated[Text | None, Field(description="The name or id of the collection of documents to use.")] = (
        None
    )
    generation: Annotated[
        Text | None, Field(description="The id of the collection's generation to search; without it, the active one.")
    ] = None
    backend: Annotated[
        Text | None, Field(description="What writes the answer, as `kind:model`; without it, the service's own choice.")
    ] = None
    options: Any = None


class AskedOfDocuments(Asked):
    collection: Annotated[Text, Field(description="The name or id of the collection of documents to use.")]


class PipelineAnswer(Answer):
    answer: str
    citations: list[Citation]
    run_id: str
    """`/v1/runs/{run_id}/events` has the trace."""
    finish_reason: str
    limit: str | None
    """The limit that ended the run early, with what it had by then."""
    backend: str
    generation: str | None
    """That was searched; null: no collection was."""
    steps: int
    seconds: float
    usage: Usage | None
    """Null: the backend did not say."""


@cache
def tool_of(pipeline: Pipeline) -> McpTool:
    options: Any = Annotated[pipeline.options, Field(description="How the pipeline works.")]
    arguments = create_model(
        f"{pipeline.name}Arguments",
        __base__=AskedOfDocuments if pipeline.needs_collection else Asked,
        options=(options, pipeline.options()),
    )
    source = "" if pipeline.source == "-" else f" Source: {pipeline.source}."
    return McpTool(
        name=pipeline.name,
        title=f"Ask the pipeline {pipeline.name}",
        description=pipeline.summary + source,
        arguments=arguments,
        answer=PipelineAnswer,
        run=partial(ask, pipeline),
        read_only=False,
    )


def pipeline_tools() -> list[McpTool]:
    """On a thread: a pipeline's first import brings LangGraph with it."""
    return [_tool(name) for name in catalog.PIPELINES]


def _tool(name: str) -> McpTool:
    try:
        return tool_of(catalog.get(name))
    except BadPipeline as error:
        # One of the user's own; the others work, and this one says why it does not.
        return replace(
            tool_of(catalog.get("chat")), name=name, description=str(error), run=partial(_refuse, str(error))
        )


async def _refuse(why: str, _caller: Caller, _asked: Asked) -> tuple[PipelineAnswer, str]:
    raise ApiError(500, why, code="bad_pipeline")


async def ask(pipeline: Pipeline, caller: Caller, asked: Asked) -> tuple[PipelineAnswer, str]:
    """One run. It is cancelled when the call is. Raises ApiError."""
    order = await _order(pipeline, caller, asked)
    tell = _Telling(caller)
    steps, end = 0, None
    async with aclosing(caller.services.runs.execute(order)) as events:
        async for event in events:
            steps += isinstance(event, StepFinished)
            end = event if isinstance(event, End) else end
            await tell.about(event)
    if isinstance(end, RunFailed):
        failure = from_failure(end)
        raise ApiError(failure.status, f"{failure.message} (run {order.run_id})", code=failure.code)
    if isinstance(end, RunInterrupted):
        asked_back = "; ".join(str(question.value) for question in end.questions)
        message = f"The run {order.run_id} waits for a person to answer on its thread {order.thread_id}: {asked_back}"
        raise ApiError(409, message, code="run_interrupted")
    if end is None or isinstance(end, RunCancelled):
        raise ApiError(409, f"The run {order.run_id} was cancelled.", code="run_cancelled")
    answer = PipelineAnswer(
        answer=end.answer,
        citations=list(end.citations) if isinstance(end, RunFinished) else [],
        run_id=order.run_id,
        finish_reason=end.finish_reason if isinstance(end, RunFinished) else "length",
        limit=end.message if isinstance(end, RunLimited) else None,
        backend=order.backend.name,
        generation=order.collection.generation_id if order.collection else None,
        steps=steps,
        seconds=round(end.seconds, 4),
        usage=end.usage,
    )
    return answer, _as_text(answer)


async def _order(pipeline: Pipeline, caller: Caller, asked: Asked) -> Order:
    from agents.run import RunInput, Sampling

    if not asked.question.strip():
        raise bad_request("'question' is empty.", "question", "invalid_value")
    services, collection = caller.services, None
    if asked.collection is not None:
        row = await collection_named(services, caller.tenant, asked.collection)
        await note_use(services, row)
        collection = await searched(await services.collections.get(row.id), asked.generation, "generation")
    elif asked.generation is not None:
        raise bad_request("A generation belongs to a collection; name one.", "generation", "collection_required")
    await check_document(pipeline, asked.options, collection, "options.document")
    backend = await services.backends.get(asked.backend)
    check_capabilities(pipeline, backend)
    options: Options = await with_experts(
        services, caller.tenant, pipeline, asked.options, backend, None, searches=collection is not None
    )
    return Order(
        tenant=caller.tenant,
        pipeline=pipeline,
        options=options,
        input=RunInput(question=asked.question),
        sampling=Sampling(),
        limits=limits_for(services, caller.tenant, None, backend),
        backend=backend,
        collection=collection,
        run_id=new_uuid(),
        thread_id=new_uuid(),
        kind="mcp",
    )


class _Telling:
    """Progress: the steps of the run as they begin, and its answer as it is written."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._said = ""
        self._last = 0.0

    async def about(self, event: Event) -> None:
        if isinstance(event, Token) and event.channel == "answer":
            self._said += event.text
            if time.monotonic() - self._last >= TELL_EVERY or len(self._said) >= TELL_AT:
                await self._tell(event.seq, self._said)
        elif isinstance(event, StepStarted):
            await self._tell(event.seq, f"step {event.node}")
        elif isinstance(event, End) and self._said:
            await self._tell(event.seq, self._said)

    async def _tell(self, number: int, message: str) -> None:
        if message is self._said:
            self._said, self._last = "", time.monotonic()
        await self._caller.progress(number, message)


def _as_text(answer: PipelineAnswer) -> str:
    """For models that read no structured content: the answer, and what it rests on."""
    lines = [answer.answer]
    if answer.limit is not None:
        lines.append(f"(ended early: {answer.limit})")
    if answer.citations:
        lines += ["", "Sources:"]
        lines += [f"- {c.filename}, characters {c.start}-{c.end}: {c.quote}" for c in answer.citations]
    return "\n".join(lines)
