"""What a chat completion answers: the fold of its runs' events, whole or in chunks."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agents.events import Artifact, End, Event, RunFinished, StepFinished, Token
from agents.marginal_facts import Marginalised
from server import sse
from server.errors import ApiError
from server.ids import new_id
from server.openai.chat_messages import PARAMS
from server.openai.chat_parts import (
    annotations_of,
    call_deltas,
    calls_of,
    extension_of,
    finish_of,
    logprobs_of,
    usage_of,
)
from server.openai.trace_text import reasoning_of
from server.run_errors import no_answer

if TYPE_CHECKING:
    from server.openai.chat_schema import ChatCompletion
    from server.runs.order import Order

Told = AsyncGenerator[tuple[int, Event]]


class Choice:
    """One run, as far as it is told."""

    def __init__(self, index: int, order: Order) -> None:
        self.index = index
        self.order = order
        self.steps = 0
        self.artifacts: list[Artifact] = []
        self.marginal: Marginalised | None = None
        self.reasoning: list[str] = []
        self.logprobs: list[dict[str, Any]] = []
        self.end: End | None = None

    def take(self, event: Event) -> None:
        """Raises ApiError if the run ended without an answer."""
        self.steps += isinstance(event, StepFinished)
        if isinstance(event, Artifact):
            self.artifacts.append(event)
        if isinstance(event, Marginalised):
            self.marginal = event
        if isinstance(event, End):
            self.end = event
            if (error := no_answer(event, PARAMS)) is not None:
                raise error

    def ended(self) -> End:
        if self.end is None:
            raise ApiError(500, "The run ended without saying how.", code="internal")
        return self.end

    def whole(self, logprobs: bool) -> dict[str, Any]:
        end, thoughts = self.ended(), "".join(self.reasoning) or None
        calls = calls_of(end)
        message = {
            "role": "assistant",
            "content": end.answer or (None if calls else ""),
            "refusal": None,
            "annotations": annotations_of(end),
            **({"tool_calls": calls} if calls else {}),
            "reasoning_content": thoughts,
            "reasoning": thoughts,
        }
        odds = {"content": self.logprobs, "refusal": None} if logprobs else None
        return {"index": self.index, "message": message, "logprobs": odds, "finish_reason": finish_of(end)}


class Reply:
    """What is the same in every chunk and in the whole answer, and what is told of all choices at the end."""

    def __init__(self, orders: Sequence[Order], body: ChatCompletion) -> None:
        self.id = new_id("chatcmpl-")
        self.created = int(time.time())
        self.model = body.model
        self.logprobs = bool(body.logprobs)
        self.include_usage = bool(body.stream_options and body.stream_options.include_usage)
        self.choices = [Choice(index, order) for index, order in enumerate(orders)]

    def head(self, object: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def usage(self) -> dict[str, Any] | None:
        return usage_of([choice.ended() for choice in self.choices])

    def extension(self) -> dict[str, Any]:
        """Of one run; with several choices of the first, in sums over all, and of each under `runs`."""
        told = [
            extension_of(choice.order, choice.ended(), choice.steps, choice.artifacts, choice.marginal)
            for choice in self.choices
        ]
        if len(told) == 1:
            return told[0]
        costs = [one["cost"] for one in told]
        sums = {
            "steps": sum(one["steps"] for one in told),
            "seconds": max(one["seconds"] for one in told),
            "cost": None if None in costs else sum(costs),
            "artifacts": [artifact for one in told for artifact in one["artifacts"]],
        }
        return {**told[0], **sums, "runs": told}


async def whole(told: Told, reply: Reply) -> dict[str, Any]:
    """Raises ApiError if a run failed."""
    async with aclosing(told) as events:
        async for index, event in events:
            choice = reply.choices[index]
            choice.take(event)
            choice.reasoning.append(reasoning_of(event))
            if reply.logprobs and isinstance(event, Token):
                choice.logprobs += logprobs_of(event)
    return {
        **reply.head("chat.completion"),
        "choices": [choice.whole(reply.logprobs) for choice in reply.choices],
        "usage": reply.usage(),
        "sandtable": reply.extension(),
    }


async def frames(told: Told, reply: Reply) -> AsyncGenerator[str]:
    """Chunks as OpenAI sends them; an error after the first one is an error object in the stream, then its end."""
    chunk = Chunks(reply)
    for choice in reply.choices:
        yield chunk(choice, {"role": "assistant", "content": "", "refusal": None})
    async with aclosing(told) as events:
        async for index, event in events:
            choice = reply.choices[index]
            try:
                choice.take(event)
            except ApiError as error:
                yield sse.data(json.dumps(error.body(), ensure_ascii=False))
                return
            for frame in _news(chunk, choice, event):
                yield frame
    if reply.include_usage:
        yield chunk.last()
    yield sse.data("[DONE]")


class Chunks:
    """Makes the chunks of one reply."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._head = reply.head("chat.completion.chunk")
        self._open = len(reply.choices)

    def __call__(self, choice: Choice, delta: dict[str, Any], odds: Any = None, finish: str | None = None) -> str:
        made: dict[str, Any] = {"index": choice.index, "delta": delta, "logprobs": odds, "finish_reason": finish}
        body = {**self._head, "choices": [made]}
        if self._reply.include_usage:
            body["usage"] = None
        elif finish is not None:
            self._open -= 1
            if not self._open:
                body["sandtable"] = self._reply.extension()
        return sse.data(json.dumps(body, ensure_ascii=False))

    def last(self) -> str:
        """The one with the usage."""
        body = {**self._head, "choices": [], "usage": self._reply.usage(), "sandtable": self._reply.extension()}
        return sse.data(json.dumps(body, ensure_ascii=False))


def _news(chunk: Chunks, choice: Choice, event: Event) -> list[str]:
    if isinstance(event, Token) and event.channel == "answer":
        odds = {"content": logprobs_of(event), "refusal": None} if event.logprobs else None
        return [chunk(choice, {"content": event.text}, odds)]
    if text := reasoning_of(event):
        return [chunk(choice, {"reasoning_content": text, "reasoning": text})]
    if not isinstance(event, End):
        return []
    made = [chunk(choice, {"annotations": notes}) for notes in [annotations_of(event)] if notes]
    if isinstance(event, RunFinished):
        made += [chunk(choice, {"tool_calls": [delta]}) for delta in call_deltas(event)]
    return [*made, chunk(choice, {}, finish=finish_of(event))]
