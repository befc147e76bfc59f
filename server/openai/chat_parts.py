"""The parts of a chat completion, each from the event that tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agents.events import Artifact, End, RunFinished, RunLimited, Token
from agents.fact import Fact
from agents.marginal_facts import Marginalised

if TYPE_CHECKING:
    from backends.base import ToolCall, Usage
    from server.runs.order import Order


def usage_of(ends: Sequence[End]) -> dict[str, Any] | None:
    """OpenAI's usage object, summed; None if a backend did not say: nothing is invented."""
    usages: list[Usage] = [end.usage for end in ends if end.usage is not None]
    if len(usages) < len(ends):
        return None
    total = sum(usages[1:], usages[0])
    return {
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "total_tokens": total.prompt_tokens + total.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": total.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": total.reasoning_tokens},
    }


def finish_of(end: End) -> str:
    return end.finish_reason if isinstance(end, RunFinished) else "length"


def annotations_of(end: End) -> list[dict[str, Any]]:
    return [c.model_dump(mode="json") for c in end.citations] if isinstance(end, RunFinished) else []


def calls_of(end: End) -> list[dict[str, Any]]:
    return [_call(call, call.arguments) for call in end.tool_calls] if isinstance(end, RunFinished) else []


def call_deltas(end: RunFinished) -> Iterator[dict[str, Any]]:
    """Each call as OpenAI streams it: id and name in the first delta only, arguments in the ones that follow."""
    for index, call in enumerate(end.tool_calls):
        yield {"index": index, **_call(call, "")}
        if call.arguments:
            yield {"index": index, "function": {"arguments": call.arguments}}


def _call(call: ToolCall, arguments: str) -> dict[str, Any]:
    wanted_back = {name: value for name, value in call.extra.items() if name == "extra_content"}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}, **wanted_back}


def logprobs_of(event: Token) -> list[dict[str, Any]]:
    return [
        {**_odds(one.token, one.logprob), "top_logprobs": [_odds(token, logprob) for token, logprob in one.top]}
        for one in event.logprobs
    ]


def _odds(token: str, logprob: float) -> dict[str, Any]:
    # A token that is part of a character came as the mark for what is no text, and its bytes are not known.
    whole = "\ufffd" not in token
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()) if whole else None}


def marginal_of(event: Marginalised) -> dict[str, Any]:
    """What each answer is worth, and which passage carried the one that was given."""
    return event.model_dump(mode="json", exclude=set(Fact.model_fields) | {"type"})


def extension_of(
    order: Order, end: End, steps: int, artifacts: Sequence[Artifact], marginal: Marginalised | None = None
) -> dict[str, Any]:
    """`sandtable` of a reply: what ran, and what it took."""
    return {
        "run_id": order.run_id,
        "thread_id": order.thread_id,
        "backend": order.backend.name,
        "generation": order.collection.generation_id if order.collection else None,
        "steps": steps,
        "seconds": round(end.seconds, 4),
        "cost": end.cost,
        "artifacts": [made.model_dump(include={"file_id", "filename", "media_type", "bytes"}) for made in artifacts],
        **({} if marginal is None else {"marginal": marginal_of(marginal)}),
        **({"limit": end.limit} if isinstance(end, RunLimited) else {}),
    }
