"""One run: what it is given, what its nodes may do, and the stream of events that it is.

A node reaches the world only through `runtime.context`, which is a Run; so whatever happens is in the trace.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agents.errors import CollectionRequired, LimitReached
from agents.events import Event, LLMCalled, Retrieved, Token, Warned
from agents.wishes import Wishes
from backends.base import (
    Completion,
    Delta,
    FinishReason,
    Image,
    Message,
    Request,
    Source,
    TokenLogprob,
    Usage,
    Value,
    complete,
)
from backends.lifetime import closing

if TYPE_CHECKING:
    from agents.outlet import Outlet
    from agents.pipeline import Options
    from backends.base import Backend
    from retrieval.base import Hit, Retriever

OptionsT = TypeVar("OptionsT", bound="Options")


class Sampling(Value):
    """How the caller wants text sampled. Reaches every call of the run, unless the pipeline fixes a parameter."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None


class Limits(Value):
    model_calls: int | None = 100
    """None: no limit."""


class RunInput(Value):
    question: str
    history: tuple[Message, ...] = ()
    """The turns before the question, oldest first."""
    system: str = ""
    """The client's own system message; goes before the pipeline's."""
    images: tuple[Image, ...] = ()
    """That go with the question; only a pipeline that says so in `takes` looks at them."""
    after: tuple[Message, ...] = ()
    """Turns after the question: calls of the client's own tools, and what those said."""
    wishes: Wishes = Wishes()


@dataclass(frozen=True, kw_only=True)
class Deps:
    backend: Backend
    retriever: Retriever | None = None
    options: Options | None = None
    """Of the pipeline's own type; None: its defaults."""
    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits = field(default_factory=Limits)
    collection: str | None = None
    generation: str | None = None
    """For the trace only: the retriever is already bound to them."""


@dataclass
class Run:
    """The hands of a run's nodes, and the count of what they used."""

    deps: Deps
    input: RunInput
    outlet: Outlet
    usage: Usage | None = field(default_factory=Usage)
    """So far; None from the first call on whose backend did not say."""
    finish: FinishReason = "stop"
    """Of the last call that wrote to the answer."""
    calls: int = 0
    _said: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The answer as far as it was sent out."""
        return "".join(self._said)

    def options(self, kind: type[OptionsT]) -> OptionsT:
        """The caller's options, or the defaults of `kind` when they belong to another pipeline that nests this one."""
        given = self.deps.options
        return given if isinstance(given, kind) else kind()

    def emit(self, kind: type[Event], **fields: Any) -> None:
        self.outlet.emit(kind, **fields)

    def say(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        """Send a piece of the answer."""
        if text or logprobs:
            self._said.append(text)
            self.emit(Token, text=text, channel="answer", logprobs=logprobs)

    def warn(self, code: str, message: str) -> None:
        self.emit(Warned, code=code, message=message)

    async def ask(
        self,
        *messages: Message,
        sources: Sequence[Source] = (),
        question: str = "",
        stream_to: Literal["answer"] | None = None,
        hold: Callable[[str], bool] | None = None,
        **fixed: Any,
    ) -> Completion:
        """Call the backend; text goes out as it comes if it is the answer, reasoning always.

        `hold` is asked with the text so far whether to keep it back; once it says no, all goes out. What is still held
        at the end was never sent: the node says it, or something else. `fixed`: fields of `backends.base.Request` that
        the pipeline sets whatever the caller wants. Raises LimitReached, BackendError.
        """
        self._count_call()
        request = Request(
            messages=self._with_system(messages),
            question=question,
            sources=tuple(sources),
            **(self.deps.sampling.model_dump() | fixed),
        )
        began = time.perf_counter()
        usage: Usage | None = None
        try:
            async with closing(self.deps.backend.stream(request)) as deltas:
                completion = await complete(self._overhear(deltas, stream_to, hold))
            usage = completion.usage
        finally:
            self.usage = self.usage + usage if self.usage is not None and usage is not None else None
        seconds = time.perf_counter() - began
        if stream_to == "answer":
            self.finish = completion.finish
        backend = self.deps.backend.name
        self.emit(LLMCalled, request=request, completion=completion, seconds=seconds, backend=backend)
        return completion

    async def search(self, query: str, k: int, where: Any | None = None) -> list[Hit]:
        """Search the run's collection. Raises CollectionRequired, RetrievalError."""
        if self.deps.retriever is None:
            raise CollectionRequired("this pipeline searches documents, and the run was given no collection")
        began = time.perf_counter()
        hits = await self.deps.retriever.search(query, k, where=where)
        seconds = time.perf_counter() - began
        self.emit(Retrieved, query=query, generation=self.deps.generation, hits=tuple(hits), seconds=seconds)
        return hits

    def _count_call(self) -> None:
        limit = self.deps.limits.model_calls
        if limit is not None and self.calls >= limit:
            raise LimitReached(f"the run has used up its {limit} model calls", "model_calls")
        self.calls += 1

    def _with_system(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """One system message, first: several, or a later one, are refused by the chat templates of some models."""
        ours = [m.content for m in messages if m.role == "system"]
        text = "\n\n".join(part for part in (self.input.system, *ours) if part)
        rest = tuple(m for m in messages if m.role != "system")
        return (Message(role="system", content=text), *rest) if text else rest

    async def _overhear(
        self, deltas: AsyncIterator[Delta], stream_to: Literal["answer"] | None, hold: Callable[[str], bool] | None
    ) -> AsyncIterator[Delta]:
        held = ""
        odds: tuple[TokenLogprob, ...] = ()
        async for delta in deltas:
            if delta.reasoning:
                self.emit(Token, text=delta.reasoning, channel="reasoning")
            if delta.warning:
                self.warn("backend", delta.warning)
            if stream_to == "answer" and (delta.text or delta.logprobs):
                held, odds = held + delta.text, odds + delta.logprobs
                if hold is None or not hold(held):
                    self.say(held, odds)
                    held, odds, hold = "", (), None
            yield delta
