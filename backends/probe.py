"""Finding out what a server can do by trying it, with requests whose answers cannot be right by chance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

from backends.base import Backend, Capability, Completion, Message, Request, ToolSpec, Value, complete
from backends.errors import BackendError, CapabilityMissing, RequestRefused, UpstreamFailed
from backends.lifetime import close
from backends.profiles import Profile

Make = Callable[[Profile], Backend]
Ask = Callable[[Request], Awaitable[Completion]]

MOST_TOKENS = 512  # a reasoning model thinks before it calls or writes
TOOL = ToolSpec(
    name="note_number",
    description="Write a number down.",
    parameters={"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
)
# The prompt asks for something else: only a server that enforces the schema answers with this word.
WORD = "quince"
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": [WORD]}},
    "required": ["word"],
    "additionalProperties": False,
}
GREETING = "Say hello in plain words. JSON is not needed."


class Finding(Value):
    works: bool | None
    """None: tried, and not clear (the model did not use what the server may well offer)."""
    detail: str
    """For people: what showed it."""
    json_form: Literal["schema", "object", "none"] | None = None
    scoring_form: Literal["prompt_logprobs", "echo", "none"] | None = None
    usage: bool | None = None
    """Whether the answers came with token counts; None: there was no answer."""


async def find(capability: Capability, profile: Profile, make: Make) -> Finding:
    """Try `capability` on the server of `profile`; `make` gives a backend for a changed profile.

    At most three requests of MOST_TOKENS. Raises BackendError when the server cannot be asked at all.
    """
    match capability:
        case "tools":
            return await _tools(profile, make)
        case "json_schema":
            return await _json(profile, make)
        case "logprobs":
            return await _logprobs(profile, make)
        case "scoring":
            from backends.probe_scoring import find_scoring

            return await find_scoring(profile, make)
    raise ValueError(f"{capability!r} cannot be found out by trying")


@asynccontextmanager
async def _asking(profile: Profile, make: Make, body: dict[str, Any] | None = None, **flags: Any) -> AsyncIterator[Ask]:
    """A backend of its own for a trial, with these flags and fields of the request's body."""
    changes = {
        "flags": profile.flags.model_copy(update=flags),
        "extra_body": {**profile.extra_body, **(body or {})},
    }
    backend = make(profile.model_copy(update=changes))
    try:
        yield lambda request: complete(backend.stream(request))
    finally:
        await close(backend)


async def _tools(profile: Profile, make: Make) -> Finding:
    async with _asking(profile, make, tools=True) as ask:
        for choice in ("auto", "required"):
            request = _request("Call the tool note_number with the number 7.", tools=(TOOL,), tool_choice=choice)
            try:
                reply = await ask(request)
            except CapabilityMissing:
                break  # the profile says that it cannot be made to call: it was asked to, and did not
            except (RequestRefused, UpstreamFailed) as error:
                return await _refused(error, ask)
            usage = reply.usage is not None
            if reply.message.tool_calls:
                return Finding(works=True, detail=f"it called the tool offered (tool_choice {choice!r})", usage=usage)
            if choice == "required" and reply.finish != "length":
                return Finding(works=False, detail="it took the tool and did not call it when it had to", usage=usage)
    return Finding(works=None, detail="it took the tool, and the model did not call it")


async def _json(profile: Profile, make: Make) -> Finding:
    async with _asking(profile, make, json_form="schema") as ask:
        try:
            reply = await ask(_request(GREETING, json_schema=SCHEMA))
        except (RequestRefused, UpstreamFailed) as error:
            refused = await _refused(error, ask)
            reply = None
        if reply is not None and _object(reply) == {"word": WORD}:
            detail = "it kept to a schema against the words of the prompt"
            return Finding(works=True, detail=detail, json_form="schema", usage=reply.usage is not None)
        if reply is not None and reply.finish == "length":
            return Finding(works=None, detail=f"no end of the answer within {MOST_TOKENS} tokens")
    why = refused.detail if reply is None else "it passed over the schema"
    if profile.kind == "openai" and await _object_mode(profile, make):
        return Finding(works=True, detail=f"JSON objects only: {why}", json_form="object")
    return Finding(works=False, detail=why, json_form="none")


async def _object_mode(profile: Profile, make: Make) -> bool:
    async with _asking(profile, make, {"response_format": {"type": "json_object"}}) as ask:
        try:
            return isinstance(_object(await ask(_request(GREETING))), dict)
        except (RequestRefused, UpstreamFailed):
            return False


async def _logprobs(profile: Profile, make: Make) -> Finding:
    async with _asking(profile, make, logprobs=True) as ask:
        try:
            reply = await ask(_request("Say hello.", logprobs=0, max_tokens=4))
        except (RequestRefused, UpstreamFailed) as error:
            return await _refused(error, ask)
    works = bool(reply.logprobs)
    detail = "they came with the answer" if works else "it passed over the wish for them"
    return Finding(works=works, detail=detail, usage=reply.usage is not None)


async def _refused(error: BackendError, ask: Ask) -> Finding:
    """What a refusal says about the thing tried. Raises it if the server refuses a plain request just so."""
    try:
        await ask(_request("Say hello.", max_tokens=1))
    except BackendError:
        raise error from None
    return Finding(works=False, detail=str(error))


def _request(text: str, **fields: Any) -> Request:
    messages = (Message(role="user", content=text),)
    return Request.model_validate({"messages": messages, "temperature": 0.0, "max_tokens": MOST_TOKENS, **fields})


def _object(reply: Completion) -> Any:
    try:
        return json.loads(reply.message.content)
    except (ValueError, RecursionError):
        return None
