"""One run: what it is given, what its nodes may do, and the stream of events that it is.

A node reaches the world only through `runtime.context`, which is a Run; so whatever happens is in the trace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agents import calling
from agents.approval import Approval, ask_person
from agents.errors import LimitReached
from agents.events import Event, LLMCalled, Token, Warned
from agents.failures import LLMFailed
from agents.generative_stream import Memory
from agents.journal import Journal
from agents.memory.reminder import Reminder
from agents.memory.settings import MemorySettings
from agents.persona import Persona
from agents.searching import search
from agents.shown import shown
from agents.spending import Limits, Price, Spent, price_of
from agents.system_message import with_system
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
    ToolCall,
    Value,
    complete,
)
from backends.lifetime import closing
from tools.base import Context, Tool
from tools.perform import Outcome
from tools.toolbox import Toolbox

if TYPE_CHECKING:
    from agents.experts.expert import Equipment
    from agents.outlet import Outlet
    from agents.pipeline import Options
    from backends.base import Backend
    from retrieval.base import Hit, Rerank, Retriever

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


class RunInput(Value):
    question: str
    history: tuple[Message, ...] = ()
    """The turns before the question, oldest first."""
    system: str = ""
    """The client's own system message; goes before the pipeline's."""
    persona: Persona | None = None
    """Who the model is to be; its card goes between the two."""
    images: tuple[Image, ...] = ()
    """That go with the question; only a pipeline that says so in `takes` looks at them."""
    after: tuple[Message, ...] = ()
    """Turns after the question: calls of the client's own tools, and what those said."""
    wishes: Wishes = Wishes()
    memory: MemorySettings | None = None
    user: str = ""
    """Whose memory it is; empty: the thread's."""


@dataclass(frozen=True, kw_only=True)
class Deps:
    backend: Backend
    retriever: Retriever | None = None
    options: Options | None = None
    """Of the pipeline's own type; None: its defaults."""
    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits = field(default_factory=Limits)
    prices: Mapping[str, Price] = field(default_factory=dict)
    """By the spec of a backend, or a pattern of specs."""
    tools: Mapping[str, Tool] = field(default_factory=Toolbox)
    """All there are; a pipeline's options choose among them."""
    reach: Context = field(default_factory=Context)  # What tools may reach beside the run.
    collection: str | None = None
    generation: str | None = None
    """For the trace only: the retriever is already bound to them."""
    equipment: Mapping[str, Equipment] = field(default_factory=dict)  # Of experts that have some, by name.
    settle: Callable[[], Awaitable[None]] | None = None
    """Waits until all events so far are stored: after each call to the outside. None: a crash ends the run anyway."""
    answers: Callable[[Run, ToolCall], Awaitable[Outcome]] | None = None
    """What tools said when the run was recorded, instead of calling them; None: tools are called."""
    turn: Callable[[type[Event]], Awaitable[None]] | None = None  # In a replay: waits for the step's next of a kind.
    memory: Memory = field(default_factory=Memory)
    """A persona's stream of memories."""
    timer: Callable[[float | None], asyncio.Timeout] = asyncio.timeout
    """Of the limit of seconds; a replay runs on the recording's time."""


@dataclass
class Run:
    """The hands of a run's nodes, and the count of what they used."""

    deps: Deps
    input: RunInput
    outlet: Outlet
    spent: Spent = field(default_factory=Spent)
    journal: Journal = field(default_factory=Journal)
    finish: FinishReason = "stop"
    """Of the last call that wrote to the answer."""
    drafted: str = ""
    """The best answer so far, for a run that is cut short before it said any."""
    reminder: Reminder | None = None
    """What memory tells the model, in every call."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The time that a node may use: a replay, and a step that runs again, find the same."""
    shared: dict[str, Any] = field(default_factory=dict)  # Of steps that run side by side; not kept.
    _said: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The answer as far as it was sent out."""
        return "".join(self._said)

    def options(self, kind: type[OptionsT]) -> OptionsT:
        """The caller's options, or the defaults of `kind` when they belong to another pipeline that nests this one."""
        given = self.deps.options
        return given if isinstance(given, kind) else kind()

    def dice(self, *about: str | int) -> Random:
        """Chance that a replay repeats: the same for the same `about` in one run, and in all runs of one seed."""
        seed = self.deps.sampling.seed
        return Random(repr((self.outlet.run_id if seed is None else seed, *about)))

    def emit(self, kind: type[Event], **fields: Any) -> None:
        self.outlet.emit(kind, **fields)

    def say(self, text: str, logprobs: tuple[TokenLogprob, ...] = (), call: int = 0) -> None:
        """Send a piece of the answer."""
        if text or logprobs:
            self._said.append(text)
            self.emit(Token, text=text, channel="answer", logprobs=logprobs, call=call)

    def draft(self, answer: str) -> None:
        """Keep the best answer so far, which a limit or a cancellation then returns; it is not sent out."""
        self.drafted = answer

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
        the pipeline sets whatever the caller wants. A call that an earlier attempt at this step finished is not made
        again. Raises LimitReached, BackendError.
        """
        request = Request(
            messages=with_system(self.input.system, messages, self.input.persona, self.reminder),
            question=question,
            sources=tuple(sources) or (self.reminder.sources if self.reminder else ()),
            **(self.deps.sampling.model_dump() | fixed),
        )
        known = self.journal.completion(self.outlet.task_id(), request)
        if known is not None:
            self._say_again(known, stream_to, hold)
            return known
        limits, backend = self.deps.limits, self.deps.backend
        self.spent.count_model_call(limits)
        price = price_of(self.deps.prices, backend.name)
        room = self.spent.room(limits, request, price)
        capped = room is not None and (request.max_tokens is None or room[0] < request.max_tokens)
        if room is not None and capped:
            request = request.model_copy(update={"max_tokens": room[0]})
        completion = await self._call(request, price, stream_to, hold)
        if room is not None and capped and completion.finish == "length":
            raise LimitReached(f"the run has used up its limit of {room[1]}", room[1])
        return completion

    async def search(self, query: str, k: int, where: Any | None = None, rerank: Rerank | None = None) -> list[Hit]:
        """Search the run's collection. Raises CollectionRequired, RetrievalError."""
        return await search(self, query, k, where, rerank)

    async def call(
        self, call: ToolCall, perform: Callable[[str], Awaitable[Outcome]], *, counted: bool = True
    ) -> Outcome:
        """Perform a tool call, once: what an earlier attempt at this step finished is not done again.

        `perform` gets the call's idempotency key, the same in every attempt. `counted`: against the limit of tool
        calls. Raises LimitReached.
        """
        return await calling.call(self, call, perform, counted=counted)

    async def approve(self, subject: str, details: Mapping[str, Any]) -> Approval:
        """Ask a person. The run ends here, waiting; the run that brings the answer runs this step again up to here.

        Before the step does anything that must not be done twice, and in an order that does not vary: answers are told
        apart by it. Raises LangGraph's GraphInterrupt, which is not to be caught, and BadAnswer.
        """
        return ask_person(self, subject, details)

    async def _call(
        self,
        request: Request,
        price: Price | None,
        stream_to: Literal["answer"] | None,
        hold: Callable[[str], bool] | None,
    ) -> Completion:
        backend, number, began = self.deps.backend, self.spent.model_calls, time.perf_counter()
        about = {"request": request, "backend": backend.name, "call": number}
        try:
            async with closing(backend.stream(request)) as deltas:
                completion = await complete(self._overhear(deltas, number, stream_to, hold))
        except BaseException as error:
            self.spent.usage = self.spent.cost = None  # Nobody says what a call used that broke off.
            if isinstance(error, Exception):
                self.emit(LLMFailed, **about, **shown(error), seconds=time.perf_counter() - began)
            raise
        self.spent.add(request, completion, price)
        if stream_to == "answer":
            self.finish = completion.finish
        self.emit(LLMCalled, **about, completion=completion, seconds=time.perf_counter() - began)
        await self.settle()
        return completion

    async def settle(self, task_id: str = "") -> None:
        """Wait until all so far is stored, if the run is kept, and the end of the step named."""
        if self.deps.settle is not None:
            await self.outlet.passed_on(task_id)
            await self.deps.settle()

    def _say_again(
        self, known: Completion, stream_to: Literal["answer"] | None, hold: Callable[[str], bool] | None
    ) -> None:
        """What the earlier attempt sent out is void, its answer stands."""
        if stream_to == "answer":
            self.finish = known.finish
            if hold is None or not hold(known.message.content):
                self.say(known.message.content, known.logprobs)

    async def _overhear(
        self,
        deltas: AsyncIterator[Delta],
        call: int,
        stream_to: Literal["answer"] | None,
        hold: Callable[[str], bool] | None,
    ) -> AsyncIterator[Delta]:
        held, odds = "", tuple[TokenLogprob, ...]()
        async for delta in deltas:
            if delta.reasoning:
                self.emit(Token, text=delta.reasoning, channel="reasoning", call=call)
            if delta.warning:
                self.emit(Warned, code="backend", message=delta.warning, call=call)
            if stream_to == "answer" and (delta.text or delta.logprobs):
                held, odds = held + delta.text, odds + delta.logprobs
                if hold is None or not hold(held):
                    self.say(held, odds, call)
                    held, odds, hold = "", (), None
            await self.outlet.room()
            yield delta
