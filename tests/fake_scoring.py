"""A server that scores given texts as vLLM does, and as OpenAI's older `/completions` did. Its tokens are characters,
and each one's log-probability depends on the one before, by `odds`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tests.fake_upstream import Canned

JSON = {"content-type": "application/json"}


def odds(before: str, character: str) -> float:
    return -0.1 - (7 * ord(before) + 13 * ord(character)) % 97 / 20


def chat_text(body: Mapping[str, Any]) -> str:
    """As its chat template has it."""
    turns = "".join(f"<{m['role']}>{m['content']}</>" for m in body["messages"])
    return turns.removesuffix("</>") if body.get("continue_final_message") else f"{turns}<assistant>"


def scores(body: Mapping[str, Any], *, forms: tuple[str, ...] = ("prompt_logprobs", "echo"), shift: int = 0) -> Canned:
    """`shift`: each token of an echo has the log-probability of its neighbour, as with llama-cpp-python 0.3.36."""
    chat = "messages" in body
    text = chat_text(body) if chat else body["prompt"]
    prompt: list[float | None] = [None, *(odds(a, b) for a, b in pairwise(text))]
    written = "".join(chr(97 + n % 26) for n in range(body["max_tokens"]))
    after = [odds(a, b) for a, b in pairwise(text[-1] + written)]
    choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
    if chat:
        entries = [{"token": t, "logprob": p} for t, p in zip(written, after, strict=True)]
        choice |= {"message": {"role": "assistant", "content": written}, "logprobs": {"content": entries}}
    else:
        shown = prompt[shift:] + [-1.0] * shift if "echo" in body and "echo" in forms else []
        told = [*text[: len(shown)], *written]
        choice |= {"text": "".join(told), "logprobs": {"tokens": told, "token_logprobs": [*shown, *after]}}
    reply: dict[str, Any] = {
        "choices": [choice],
        "usage": {"prompt_tokens": len(text), "completion_tokens": len(after)},
    }
    if "prompt_logprobs" in body and "prompt_logprobs" in forms:
        rows = [
            None if p is None else {str(ord(t)): {"logprob": p, "rank": 1, "decoded_token": t}}
            for t, p in zip(text, prompt, strict=True)
        ]
        (reply if chat else choice)["prompt_logprobs"] = rows
    return Canned((json.dumps(reply).encode(),), headers=JSON)
