"""Reading the parts of a message or a delta: text, thoughts, tool calls, token counts, log-probabilities.

Servers put them in different places and forms. What is not said is not made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.base import TokenLogprob, Usage
from backends.unicode import whole


def text_of(said: Mapping[str, Any]) -> str:
    """What the model says to the reader: content as text or as a list of parts (Mistral), or a refusal."""
    content, refusal = said.get("content"), said.get("refusal")
    text = content if isinstance(content, str) else "".join(_part_text(part) for part in _parts(content))
    return text + refusal if isinstance(refusal, str) else text


def thoughts_of(said: Mapping[str, Any]) -> str:
    """The model's reasoning: `reasoning_content` or `reasoning` (the same text when both are there), or parts."""
    for key in ("reasoning_content", "reasoning"):
        if isinstance(said.get(key), str) and said[key]:
            return str(said[key])
    inner = [part.get("thinking") for part in _parts(said.get("content")) if part.get("type") == "thinking"]
    return "".join(
        thought if isinstance(thought, str) else "".join(_part_text(part) for part in _parts(thought))
        for thought in inner
    )


def tool_pieces_of(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The elements of `tool_calls`; the older single `function_call` as one of them."""
    pieces = _parts(said.get("tool_calls"))
    if not pieces and isinstance(said.get("function_call"), dict):
        return [{"index": 0, "function": said["function_call"]}]
    return pieces


def _parts(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _part_text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if part.get("type") == "text" and isinstance(text, str) else ""


def usage_of(reply: Mapping[str, Any]) -> Usage | None:
    """The usage in a reply or a chunk of one: at the top, in a choice (Moonshot) or under `x_groq`."""
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (reply, first, reply.get("x_groq")):
        if isinstance(holder, dict) and isinstance(holder.get("usage"), dict):
            return _usage(holder["usage"])
    return None


def _usage(said: Mapping[str, Any]) -> Usage | None:
    prompt, completion, total = (_count(said.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    if prompt is not None and completion is None and total is not None and total >= prompt:
        completion = total - prompt
    if prompt is None or completion is None:
        return None
    written, read = said.get("completion_tokens_details"), said.get("prompt_tokens_details")
    reasoning = _count(written.get("reasoning_tokens")) if isinstance(written, dict) else None
    cached = _count(read.get("cached_tokens")) if isinstance(read, dict) else None
    if cached is None:
        cached = _count(said.get("prompt_cache_hit_tokens"))  # DeepSeek
    return Usage(
        prompt_tokens=prompt, completion_tokens=completion, reasoning_tokens=reasoning or 0, cached_tokens=cached or 0
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def logprobs_of(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """The token log-probabilities of one choice, natural logarithm; () when there are none."""
    said = choice.get("logprobs")
    content = said.get("content") if isinstance(said, dict) else None
    if not isinstance(content, list):
        return ()
    return tuple(
        TokenLogprob(token=whole(str(entry["token"])), logprob=float(entry["logprob"]), top=_top(entry))
        for entry in content
        if _is_entry(entry)
    )


def _top(entry: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    others = entry.get("top_logprobs") or ()
    return tuple((whole(str(other["token"])), float(other["logprob"])) for other in others if _is_entry(other))


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and "token" in entry and isinstance(entry.get("logprob"), int | float)
