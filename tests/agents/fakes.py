"""A backend and a retriever that do what the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from agents.events import Event
from agents.pipeline import Pipeline
from agents.run import Deps, RunInput
from agents.stream import stream
from backends.base import Capabilities, Delta, Hypothesis, Request, TokenLogprob, ToolCall, Usage
from retrieval.base import Hit

USAGE = Usage(prompt_tokens=10, completion_tokens=5)
NEVER = "never"
"""In a reply: hang here until cancelled."""


def said(text: str, *, piece: int = 3, usage: Usage | None = USAGE, reasoning: str = "") -> list[Delta | str]:
    """A whole reply, in pieces of a few characters."""
    thoughts = [Delta(reasoning=reasoning)] if reasoning else []
    pieces = [Delta(text=text[start : start + piece]) for start in range(0, len(text), piece)]
    return [*thoughts, *pieces, Delta(finish="stop", usage=usage)]


def called(*calls: tuple[str, Any], text: str = "") -> list[Delta | str]:
    """A reply that calls tools: names with their arguments, as JSON text or as what becomes it."""
    made = [
        ToolCall(id=f"call_{n}", name=name, arguments=given if isinstance(given, str) else json.dumps(given))
        for n, (name, given) in enumerate(calls, start=1)
    ]
    said_before = [Delta(text=text)] if text else []
    return [*said_before, *(Delta(tool_call=call) for call in made), Delta(finish="tool_calls", usage=USAGE)]


class Replies:
    """Answers its requests one after the other with the given replies; the last one stands for all further ones."""

    name = "fake:replies"

    def __init__(self, *replies: Sequence[Delta | str | Exception], capabilities: Capabilities | None = None) -> None:
        self.replies = replies
        self.capabilities = capabilities or Capabilities()
        self.requests: list[Request] = []
        self.closed = 0

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        self.requests.append(request)
        if request.continuations:
            scores = tuple(tuple(scored(one)) for one in request.continuations)
            self.closed += 1
            yield Delta(scores=scores, finish="stop", usage=USAGE)
            return
        said: list[str] = []
        try:
            for part in self.replies[min(len(self.requests), len(self.replies)) - 1]:
                if isinstance(part, Exception):
                    raise part
                if isinstance(part, str):
                    await asyncio.Event().wait()
                elif isinstance(part, Delta) and request.beams is not None and part.finish:
                    text = "".join(said)
                    found = Hypothesis(text=text, ids=tuple(map(ord, text)), logprob=-0.5 * len(text))
                    yield part.model_copy(update={"hypotheses": (found,)})
                else:
                    said.append(part.text)
                    yield part
        finally:
            self.closed += 1


def scored(continuation: str | tuple[int, ...]) -> list[TokenLogprob]:
    """Each character is a token, its id its code point, and has the probability exp(-0.5)."""
    texts = continuation if isinstance(continuation, str) else map(chr, continuation)
    return [TokenLogprob(token=text, logprob=-0.5) for text in texts]


class Shelf:
    """Finds its texts in the order given, whatever is asked."""

    def __init__(self, *texts: str) -> None:
        self.hits = [hit(text, chunk_id=n) for n, text in enumerate(texts, start=1)]
        self.searches: list[tuple[str, int, Any]] = []

    async def search(self, query: str, k: int, *, where: Any | None = None) -> list[Hit]:
        self.searches.append((query, k, where))
        return self.hits[:k]


def hit(text: str, *, chunk_id: int = 1, start: int = 0, filename: str = "") -> Hit:
    return Hit(
        chunk_id=chunk_id,
        file_id=f"file-{chunk_id}",
        filename=filename or f"{chunk_id}.md",
        text=text,
        start=start,
        end=start + len(text),
        score=1.0,
    )


async def run(pipeline: Pipeline, deps: Deps, input: RunInput | str = "What?", **named: Any) -> list[Event]:
    given = RunInput(question=input) if isinstance(input, str) else input
    return [event async for event in stream(pipeline, given, deps, run_id="r1", **named)]


def answer_tokens(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if event.type == "token" and event.channel == "answer")


def warnings(events: Sequence[Event]) -> list[str]:
    return [event.code for event in events if event.type == "warning"]
