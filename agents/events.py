"""The trace of a run: one closed union, the same objects in the stream, the store, the page and the tests.

A new kind of fact is a new class here, never a free field in another one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agents.citation import Citation
from agents.experts.facts import Delegated, ExpertLoad, Routed
from agents.fact import Fact
from agents.failures import LLMFailed, SearchFailed, ToolFailed
from agents.marginal_facts import Marginalised
from agents.memory.told import HistoryCompacted, MemoryForgotten, MemoryRead, MemoryWritten
from agents.origins import Forked, ThreadRead
from agents.search_tree import Backtracked, Candidate, Pruned
from agents.spending import Price
from agents.task_facts import TaskEvent
from backends.base import Capabilities, Completion, FinishReason, Request, TokenLogprob, ToolCall, Usage
from retrieval.base import Hit, Rerank
from tools.errors import Fault


class RunStarted(Fact):
    type: Literal["run_started"] = "run_started"
    pipeline: str
    backend: str
    collection: str | None = None
    question: str
    capabilities: Capabilities = Capabilities()
    """Of the backend, as far as they were known."""
    price: Price | None = None
    """Of the backend, for a million tokens."""


class StepStarted(Fact):
    type: Literal["step_started"] = "step_started"
    within: str = ""
    """`task_id` of the step whose nested graph it belongs to; empty in the outermost."""


class StepFinished(Fact):
    type: Literal["step_finished"] = "step_finished"
    changed: tuple[str, ...]
    """The keys of the state that the step wrote, sorted; `update` has what, as JSON."""
    update: dict[str, Any] = Field(default_factory=dict)


class Checkpointed(Fact):
    """The state is stored: after a crash the run goes on from here, and another run may begin here."""

    type: Literal["checkpointed"] = "checkpointed"
    checkpoint_id: str
    step: int
    """LangGraph's count of steps in the thread; -1 is the input."""
    next: tuple[str, ...]
    """The steps to come, by name; none at the end."""


class RunResumed(Fact):
    """The run goes on after the process ended. What steps said that had not finished is void: they run again, and say
    again what stands."""

    type: Literal["run_resumed"] = "run_resumed"
    attempt: int
    """2 for the first time that it is resumed."""
    void: tuple[str, ...]
    """`task_id` of the steps that had not finished."""


class Token(Fact):
    """A piece of text as it was made. The pieces of the answer channel join to the answer."""

    type: Literal["token"] = "token"
    text: str
    channel: Literal["answer", "reasoning"]
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of the answer's tokens, if they were asked for. Their texts join to that of all pieces, not of each."""
    call: int = 0
    """The model call that made it, as `LLMCalled.call`; 0: the pipeline's own words."""


class LLMCalled(Fact):
    type: Literal["llm_called"] = "llm_called"
    request: Request
    completion: Completion
    seconds: float
    backend: str
    call: int = 0
    """1, 2, 3, ... in the order in which the run asked."""


class ToolCalled(Fact):
    type: Literal["tool_called"] = "tool_called"
    call: ToolCall
    output: str
    ok: bool
    """False: the tool refused or failed, and `output` is what the model was told."""
    fault: Fault | None = None
    """Why, if not `ok`."""
    chunk_ids: tuple[int, ...] = ()
    """The passages that it found, of those that the step retrieved."""
    seconds: float


class Retrieved(Fact):
    type: Literal["retrieved"] = "retrieved"
    query: str
    k: int = 0
    where: Any | None = None
    rerank: Rerank | None = None
    generation: str | None
    """That was searched; None: the retriever has none."""
    hits: tuple[Hit, ...]
    seconds: float


class Thought(Fact):
    type: Literal["thought"] = "thought"
    text: str


class Plan(Fact):
    type: Literal["plan"] = "plan"
    steps: tuple[str, ...]


class Validated(Fact):
    type: Literal["validated"] = "validated"
    what: str
    ok: bool
    message: str = ""


class Trial(Fact):
    type: Literal["trial"] = "trial"
    number: int
    answer: str
    success: bool | None
    """None: nobody has judged it."""
    stuck: str = ""
    """Why it was ended before it came to an answer: `repeated` or `too_long`."""


class Reflection(Fact):
    type: Literal["reflection"] = "reflection"
    text: str
    because_of: tuple[int, ...] = ()
    """Ids of the memories that it rests on."""


class ApprovalAsked(Fact):
    type: Literal["approval_asked"] = "approval_asked"
    id: str
    subject: str
    details: dict[str, Any]


class ApprovalAnswered(Fact):
    type: Literal["approval_answered"] = "approval_answered"
    id: str
    approved: bool
    comment: str = ""


class Artifact(Fact):
    type: Literal["artifact"] = "artifact"
    file_id: str
    filename: str
    media_type: str
    bytes: int


class Warned(Fact):
    """Something a reader of the answer should know; `code` is for programs."""

    type: Literal["warning"] = "warning"
    code: str
    message: str
    call: int = 0


class End(Fact):
    """The last event of a run, exactly one."""

    answer: str
    """All of it, or what there was when the run ended early."""
    usage: Usage | None
    """Summed over all calls of the run; None: a backend did not say."""
    cost: float | None = None
    """In the currency of the price table; None: a backend is not in it, or did not say what it used."""
    seconds: float


class RunFinished(End):
    type: Literal["run_finished"] = "run_finished"
    citations: tuple[Citation, ...]
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    """Of the client's own tools: the client makes them and comes back with what they said."""


class RunFailed(End):
    """`message` is safe to show; `status`, `code` and `retry_after` (seconds) are what an upstream said, if it did."""

    type: Literal["run_failed"] = "run_failed"
    error_type: str
    message: str
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None


class RunCancelled(End):
    type: Literal["run_cancelled"] = "run_cancelled"


class RunLimited(End):
    type: Literal["run_limited"] = "run_limited"
    limit: str
    """The name of the limit, `model_calls`."""
    message: str


class Question(BaseModel):
    """What a step waits to be told; `id` is that of LangGraph's interrupt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    value: Any


class RunInterrupted(End):
    """The run waits for a person. Another run on its thread, with `command: {resume}`, goes on."""

    type: Literal["run_interrupted"] = "run_interrupted"
    questions: tuple[Question, ...]
    """None at a breakpoint, after which a run without a command goes on."""


Event = (
    RunStarted
    | ThreadRead
    | Forked
    | StepStarted
    | StepFinished
    | Checkpointed
    | RunResumed
    | Token
    | LLMCalled
    | LLMFailed
    | ToolCalled
    | ToolFailed
    | Retrieved
    | SearchFailed
    | Thought
    | Candidate
    | Pruned
    | Backtracked
    | Plan
    | Validated
    | Trial
    | Routed
    | Delegated
    | ExpertLoad
    | TaskEvent
    | Marginalised
    | Reflection
    | MemoryRead
    | MemoryWritten
    | MemoryForgotten
    | HistoryCompacted
    | ApprovalAsked
    | ApprovalAnswered
    | Artifact
    | Warned
    | RunFinished
    | RunFailed
    | RunCancelled
    | RunLimited
    | RunInterrupted
)
TERMINAL = frozenset({"run_finished", "run_failed", "run_cancelled", "run_limited", "run_interrupted"})
"""The types of the last event of a run."""
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
