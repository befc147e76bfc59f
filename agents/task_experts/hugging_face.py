"""The form of Hugging Face's inference servers: what a model reads goes as `inputs`, and a text comes back in JSON.

Source: the task pages of huggingface.co/docs/inference-providers, and Text Generation Inference's `/generate`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.task_experts.files import sent

if TYPE_CHECKING:
    from tools.base import Context

SINGLE_TEXTS: Mapping[str, frozenset[str]] = {
    "generated_text": frozenset({"details"}),
    "summary_text": frozenset(),
    "translation_text": frozenset(),
    "answer": frozenset({"score", "start", "end", "coordinates", "cells", "aggregator"}),
    "text": frozenset({"chunks"}),
}
"""By the field that is the result of a text task, what may stand beside it to say more of it."""


async def inputs(given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What the model reads as `inputs`, all else as `parameters`. Raises ToolError."""
    rest = {name: await sent(value, context) for name, value in given.items()}
    first = next((name for name in ("inputs", "text", "image", "audio") if name in rest), next(iter(rest), None))
    read = rest.pop(first) if first is not None else ""
    return {"inputs": read, "parameters": rest} if rest else {"inputs": read}


def result_of(said: str) -> str:
    """The text alone of an answer that is one text, an object or a list of one; any other answer as it is."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        return said
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if not isinstance(answer, dict):
        return said
    for name, beside in SINGLE_TEXTS.items():
        if isinstance(answer.get(name), str) and answer.keys() - beside == {name}:
            return str(answer[name])
    return said
