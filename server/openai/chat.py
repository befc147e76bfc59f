"""POST /v1/chat/completions: a pipeline as an OpenAI model, streamed or whole. Both are the same run of events."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.events import End, Event, RunFailed, RunFinished, RunLimited, StepFinished, Thought, Token
from server import sse
from server.disconnect import unless_gone
from server.errors import ApiError, bad_request
from server.ids import new_id, new_uuid
from server.openai.chat_schema import MOST_IN_MESSAGES, ChatCompletion, Extension, refuse_unsupported, text_of
from server.openai.search import generation_of, note_use
from server.openai.trace_text import reasoning_of
from server.openai.vector_stores import live_store
from server.resolve import (
    check_capabilities,
    collection_for,
    limits_for,
    options_for,
    pipeline_of,
    resolve_model,
    thread_for,
)
from server.run_errors import from_failure
from server.runs.order import Order
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from agents.run import RunInput, Sampling

router = APIRouter(tags=["chat"])


@router.post("/v1/chat/completions", response_model=None)
async def create_chat_completion(request: Request, body: ChatCompletion) -> dict[str, Any] | Response:
    services = services_of(request)
    refuse_unsupported(body)
    order = await _order(request, body)
    reply = Reply(order, body)
    events = services.runs.execute(order)
    if not body.stream:
        return await unless_gone(request, _whole(events, reply))
    begun = await unless_gone(request, _begin(events))
    return sse.response(_frames(_chain(begun, events), reply))


async def _order(request: Request, body: ChatCompletion) -> Order:
    services, tenant = services_of(request), tenant_of(request)
    extension = body.sandtable or Extension()
    target = await resolve_model(services, tenant, body.model, extension.collection)
    if target.collection_id is not None:
        param = "sandtable.collection" if extension.collection else "model"
        store = await live_store(request, target.collection_id, param)
        await note_use(services, store)
    pipeline = await pipeline_of(target.pipeline)
    options = options_for(pipeline, extension.options)
    input = _input(body)
    thread_id = await thread_for(services, tenant, extension.thread_id, alone=len(input.history) == 0)
    collection = await collection_for(services, pipeline, target)
    if collection is not None:
        generation_of(collection, extension.generation, "sandtable.generation")
    elif extension.generation is not None:
        raise bad_request(
            "A generation belongs to a collection; name one.", "sandtable.generation", "collection_required"
        )
    backend = await services.backends.get(extension.backend)
    check_capabilities(pipeline, backend)
    return Order(
        tenant=tenant,
        pipeline=pipeline,
        options=options,
        input=input,
        sampling=_sampling(body),
        limits=limits_for(services, tenant, extension.limits, backend),
        backend=backend,
        collection=collection,
        run_id=new_uuid(),
        thread_id=thread_id,
    )


def _input(body: ChatCompletion) -> RunInput:
    """The last message is the question, the ones before it are the history; system messages go before everything."""
    from agents.run import RunInput
    from backends.base import Message

    system: list[str] = []
    turns: list[Message] = []
    last = len(body.messages) - 1
    total = 0
    for place, message in enumerate(body.messages):
        text = text_of(message, place)
        where = f"messages[{place}]"
        total += len(text)
        if total > MOST_IN_MESSAGES:
            message_ = f"With {where} the messages have more than {MOST_IN_MESSAGES} characters in all."
            raise bad_request(message_, f"{where}.content", "too_large")
        if message.role in ("system", "developer"):
            system.append(text)
        elif message.role in ("tool", "function") or message.tool_calls or message.function_call:
            raise bad_request(
                f"{where}: tool calls are not supported here yet.", f"{where}.role", "unsupported_parameter"
            )
        elif message.role == "user" and place == last and not text.strip():
            raise bad_request(f"{where}.content is empty.", f"{where}.content", "invalid_value")
        if message.role in ("user", "assistant"):
            turns.append(Message(role=message.role, content=text))
    if body.messages[last].role != "user":
        message_ = f"The last message must be from the user; it is from {body.messages[last].role!r}."
        raise bad_request(message_, f"messages[{last}].role", "invalid_value")
    return RunInput(question=turns[-1].content, history=tuple(turns[:-1]), system="\n\n".join(filter(None, system)))


def _sampling(body: ChatCompletion) -> Sampling:
    from agents.run import Sampling

    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stop,
        seed=body.seed,
    )


class Reply:
    """What is the same in every chunk and in the whole answer, and what the extension reports at the end."""

    def __init__(self, order: Order, body: ChatCompletion) -> None:
        self.id = new_id("chatcmpl-")
        self.created = int(time.time())
        self.model = body.model
        self.include_usage = bool(body.stream_options and body.stream_options.include_usage)
        self.steps = 0
        self._order = order

    def head(self, object: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def extension(self, end: End) -> dict[str, Any]:
        order = self._order
        return {
            "run_id": order.run_id,
            "thread_id": order.thread_id,
            "backend": order.backend.name,
            "generation": order.collection.generation_id if order.collection else None,
            "steps": self.steps,
            "seconds": round(end.seconds, 4),
            "cost": end.cost,
            "artifacts": [],
            **({"limit": end.limit} if isinstance(end, RunLimited) else {}),
        }


def usage_of(end: End) -> dict[str, Any] | None:
    """OpenAI's usage object; None if a backend did not say: nothing is invented."""
    if end.usage is None:
        return None
    return {
        "prompt_tokens": end.usage.prompt_tokens,
        "completion_tokens": end.usage.completion_tokens,
        "total_tokens": end.usage.prompt_tokens + end.usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": end.usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": end.usage.reasoning_tokens},
    }


def finish_of(end: End) -> str:
    return end.finish_reason if isinstance(end, RunFinished) else "length"


def annotations_of(end: End) -> list[dict[str, Any]]:
    return [c.model_dump(mode="json") for c in end.citations] if isinstance(end, RunFinished) else []


async def _begin(events: AsyncGenerator[Event, None]) -> list[Event]:
    """Read up to the first token or thought. Raises ApiError if the run fails before: until then the status of the
    response can still tell it, which clients understand better than an error in a stream."""
    begun: list[Event] = []
    async for event in events:
        begun.append(event)
        if isinstance(event, RunFailed):
            raise from_failure(event)
        if isinstance(event, Token | Thought | End):
            break
    return begun


async def _chain(begun: list[Event], rest: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    async with aclosing(rest) as events:
        for event in begun:
            yield event
        async for event in events:
            yield event


async def _whole(events: AsyncGenerator[Event, None], reply: Reply) -> dict[str, Any]:
    reasoning: list[str] = []
    end: End | None = None
    async for event in events:
        reply.steps += isinstance(event, StepFinished)
        reasoning.append(reasoning_of(event))
        end = event if isinstance(event, End) else end
    if end is None:
        raise ApiError(500, "The run ended without saying how.", code="internal")
    if isinstance(end, RunFailed):
        raise from_failure(end)
    message = {
        "role": "assistant",
        "content": end.answer,
        "refusal": None,
        "annotations": annotations_of(end),
        "reasoning_content": "".join(reasoning) or None,
        "reasoning": "".join(reasoning) or None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_of(end)}
    return {
        **reply.head("chat.completion"),
        "choices": [choice],
        "usage": usage_of(end),
        "sandtable": reply.extension(end),
    }


async def _frames(events: AsyncGenerator[Event, None], reply: Reply) -> AsyncGenerator[str, None]:
    """Chunks as OpenAI sends them; an error after the first one is an error object in the stream, then its end."""
    head = reply.head("chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if reply.include_usage else {}
        return sse.data(json.dumps({**head, "choices": [choice], **usage, **more}, ensure_ascii=False))

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    async with aclosing(events) as source:
        async for event in source:
            reply.steps += isinstance(event, StepFinished)
            if isinstance(event, Token) and event.channel == "answer":
                yield chunk({"content": event.text})
            elif text := reasoning_of(event):
                yield chunk({"reasoning_content": text, "reasoning": text})
            elif isinstance(event, RunFailed):
                yield sse.data(json.dumps(from_failure(event).body(), ensure_ascii=False))
                return
            elif isinstance(event, End):
                if notes := annotations_of(event):
                    yield chunk({"annotations": notes})
                if not reply.include_usage:
                    yield chunk({}, finish_of(event), sandtable=reply.extension(event))
                else:
                    yield chunk({}, finish_of(event))
                    last = {**head, "choices": [], "usage": usage_of(event), "sandtable": reply.extension(event)}
                    yield sse.data(json.dumps(last, ensure_ascii=False))
    yield sse.data("[DONE]")
