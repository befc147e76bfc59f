"""Recorded events as what they once came from: pieces of an answer, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents import errors as of_agents
from agents.errors import LimitReached
from agents.events import LLMCalled, Token, Warned
from agents.failures import LLMFailed
from agents.spending import price_of
from backends import errors as of_backends
from backends.base import Completion, Delta
from backends.errors import BackendError
from retrieval import errors as of_retrieval

if TYPE_CHECKING:
    from agents.events import Event
    from agents.failures import Failure
    from agents.run import Run

BASE = frozenset({"type", "seq", "at", "run_id", "node", "task_id"})


def piece_of(event: Token | Warned) -> Delta:
    if isinstance(event, Warned):
        return Delta(warning=event.message)
    if event.channel == "reasoning":
        return Delta(reasoning=event.text)
    return Delta(text=event.text, logprobs=event.logprobs)


def last_pieces(completion: Completion, said: Sequence[Delta], *, reused: bool) -> list[Delta]:
    """What is left of an answer after the pieces that were sent out: all of it, if it was not for the reader."""
    message = completion.message
    text = message.content[len("".join(delta.text for delta in said)) :]
    reasoning = message.reasoning[len("".join(delta.reasoning for delta in said)) :]
    logprobs = completion.logprobs[sum(len(delta.logprobs) for delta in said) :]
    calls = [Delta(tool_call=call) for call in message.tool_calls]
    end = Delta(
        usage=completion.usage,
        finish=completion.finish,
        extra=message.extra,
        hypotheses=completion.hypotheses,
        scores=completion.scores,
        cached=reused or completion.cached,
    )
    rest = [Delta(text=text, reasoning=reasoning, logprobs=logprobs)] if text or reasoning or logprobs else []
    return [*rest, *calls, end]


def exception_of(failure: Failure) -> Exception:
    """The error that a call ended with; of an unexpected one only its place is known."""
    kinds = (getattr(module, failure.error_type, None) for module in (of_backends, of_retrieval, of_agents))
    kind = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)), RuntimeError)
    error = kind.__new__(kind, failure.message)
    error.args = (failure.message,)
    if isinstance(error, BackendError):
        error.status, error.code, error.retry_after = failure.status, failure.code, failure.retry_after
        error.retryable = False
    if isinstance(error, LimitReached):
        error.limit = failure.code or ""
    return error


def tell_again(run: Run, event: Event) -> None:
    """Tell, for the step that runs, what a tool did by the run."""
    fields = {name: getattr(event, name) for name in type(event).model_fields if name not in BASE}
    if isinstance(event, Token) and event.channel == "answer":
        run.say(event.text, event.logprobs, event.call)
        return
    if isinstance(event, LLMCalled):
        run.spent.count_model_call(run.deps.limits)
        run.spent.add(event.request, event.completion, price_of(run.deps.prices, event.backend))
    if isinstance(event, LLMFailed):
        run.spent.count_model_call(run.deps.limits)
        run.spent.usage = run.spent.cost = None
    run.emit(type(event), **fields)
