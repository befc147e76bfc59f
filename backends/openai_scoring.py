"""Scores of given texts from servers of OpenAI's form: what to send, and what of the reply is the continuation's.

Two forms, neither of them in OpenAI's chat API. `prompt_logprobs` (vLLM) reports the tokens of the prompt, of a chat as
well. `echo`, of the older `/completions`, sends the prompt back with its log-probabilities; it knows no chat template.
The prompt is sent alone and with each continuation: what the longer one has more are the continuation's tokens.

Not every server that answers `echo` is right: that of llama-cpp-python 0.3.36 gives each token the log-probability of
its neighbour. So `backends.probe_scoring` compares before anything relies on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from backends.base import Request, TokenLogprob
from backends.errors import BadReply, RequestRefused
from backends.openai_parts import logprobs_of
from backends.spoken import joined, spoken
from backends.unicode import whole

Form = Literal["prompt_logprobs", "echo"]
AS_TEXT = "this server scores plain text only: the messages were scored without its chat template"


def texts_of(request: Request) -> list[str]:
    """Raises RequestRefused for continuations as token ids, which only a model in this process can take."""
    for wanted in request.continuations:
        if not isinstance(wanted, str):
            raise RequestRefused("a server scores continuations as text, not as token ids")
    return [wanted for wanted in request.continuations if isinstance(wanted, str)]


def route_of(form: Form, request: Request) -> str:
    return "chat/completions" if form == "prompt_logprobs" and not request.plain else "completions"


def scoring_body(form: Form, request: Request, model: str, continuation: str, written: int = 1) -> dict[str, Any]:
    """`written`: tokens that the server is to write after it; some servers take 0 for no limit."""
    common = {"model": model, "max_tokens": written, "temperature": 0, "stream": False}
    if route_of(form, request) == "chat/completions":
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if not continuation:
            return {**common, "messages": messages, "prompt_logprobs": 0, "logprobs": True}
        messages.append({"role": "assistant", "content": continuation})
        going_on = {"add_generation_prompt": False, "continue_final_message": True}
        return {**common, "messages": messages, "prompt_logprobs": 0, "logprobs": True, **going_on}
    text = joined(request.messages) if request.plain else spoken(request.messages)
    asked = {"prompt_logprobs": 0, "logprobs": 1} if form == "prompt_logprobs" else {"echo": True, "logprobs": 1}
    return {**common, "prompt": text + continuation, **asked}


class Scored:
    """The tokens of one reply: of the prompt, and of what was written after it."""

    def __init__(self, form: Form, body: bytes, where: str) -> None:
        """Raises BadReply if the server passed over the wish for them."""
        try:
            reply = json.loads(body)
            choice = reply["choices"][0]
            if form == "prompt_logprobs":
                told = reply.get("prompt_logprobs") or choice.get("prompt_logprobs")
                self.prompt = [_entry(entry) for entry in told]
                self.written = list(logprobs_of(choice)) or _pairs(choice["logprobs"])
            else:
                pairs, usage = _pairs(choice["logprobs"]), reply.get("usage") or {}
                size = usage.get("prompt_tokens", len(pairs) - 1)
                self.prompt, self.written = pairs[:size], pairs[size:]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise BadReply(f"{where} gave no log-probabilities of the prompt ({type(error).__name__})") from None

    def after(self, prompt: Scored, wanted: str, where: str) -> tuple[TokenLogprob, ...]:
        """The tokens that this prompt has more than `prompt`. Raises BadReply if it is not its beginning."""
        size = len(prompt.prompt)
        before = [token.token for token in self.prompt[:size]]
        rest = tuple(self.prompt[size:])
        text = "".join(token.token for token in rest)
        if before != [token.token for token in prompt.prompt] or (text != wanted and "\ufffd" not in text):
            raise BadReply(
                f"{where} cuts tokens over the end of the prompt: it shows {text[:100]!r} for {wanted[:100]!r}, so the "
                "continuation cannot be scored alone; let it begin with a space or a new line"
            )
        return rest


def _entry(entry: Mapping[str, Mapping[str, Any]] | None) -> TokenLogprob:
    """Of vLLM, by token id, the prompt's own token first; None: the first of all, which nothing stands before."""
    if entry is None:
        return TokenLogprob(token="", logprob=0.0)
    first = next(iter(entry.values()))
    return TokenLogprob(token=whole(str(first.get("decoded_token") or "")), logprob=float(first["logprob"]))


def _pairs(said: Mapping[str, Sequence[Any]]) -> list[TokenLogprob]:
    return [
        TokenLogprob(token=whole(str(token)), logprob=0.0 if odds is None else float(odds))
        for token, odds in zip(said["tokens"], said["token_logprobs"], strict=True)
    ]
