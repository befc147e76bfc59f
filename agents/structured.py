"""Answers as checked JSON: asked for, read, and asked for once more with the error if they do not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from backends.base import Completion, Message
from backends.errors import BadStructuredOutput, CapabilityMissing, RequestRefused
from backends.json_text import NotJSON, json_in
from backends.prompts import SCHEMA_PROMPT
from backends.schema_check import BadSchema, problems
from backends.schema_worker import MOST_SHOWN
from tools.threads import on_a_thread

if TYPE_CHECKING:
    from agents.run import Run

ModelT = TypeVar("ModelT", bound=BaseModel)

REPAIR_PROMPT = (
    "Your last answer cannot be used:\n{problems}\nGive the whole answer again as JSON that fits this schema, and "
    "nothing else:\n{schema}"
)


@overload
async def ask_json(run: Run, *messages: Message, fits: type[ModelT], **fixed: Any) -> ModelT: ...


@overload
async def ask_json(run: Run, *messages: Message, fits: Mapping[str, Any], **fixed: Any) -> Any: ...


async def ask_json(run: Run, *messages: Message, fits: type[BaseModel] | Mapping[str, Any], **fixed: Any) -> Any:
    """The backend's answer as a value of `fits`, a pydantic type or a JSON schema: `await ask_json(run, m, fits=Plan)`.

    A backend that holds its answers to schemas is given this one; any other is told it in words. Neither is trusted.
    What does not fit is sent back once with what is wrong; both calls are in the trace. `fixed` as for `Run.ask`.
    Raises BadStructuredOutput, RequestRefused for a schema that no answer can be held to, and what `Run.ask` raises.
    """
    schema = dict(fits) if isinstance(fits, Mapping) else fits.model_json_schema()
    reply, messages = await _ask(run, messages, schema, fixed)
    value, wrong = await _read(reply, fits)
    if not wrong:
        return value
    run.warn("structured_output", f"asked again, because the answer does not fit: {'; '.join(wrong)}")
    reply, _ = await _ask(run, _again(messages, reply, wrong, schema), schema, fixed)
    value, wrong = await _read(reply, fits)
    if wrong:
        raise _unfit(run, reply, wrong)
    return value


async def answer_in_json(run: Run, *messages: Message, schema: Mapping[str, Any], **fixed: Any) -> Completion:
    """The backend's answer as JSON text that fits `schema`, for a caller who reads it himself; said once it is checked.

    Asked, checked and asked again as `ask_json` does. An answer that calls tools, or that was cut off, is passed on as
    it is. Raises as `ask_json`.
    """
    held = {**fixed, "stream_to": "answer", "hold": lambda _: True}
    reply, messages = await _ask(run, messages, schema, held)
    value, wrong = await _read(reply, schema)
    if wrong and not _passed_on(reply):
        run.warn("structured_output", f"asked again, because the answer does not fit: {'; '.join(wrong)}")
        reply, _ = await _ask(run, _again(messages, reply, wrong, schema), schema, held)
        value, wrong = await _read(reply, schema)
        if wrong and not _passed_on(reply):
            raise _unfit(run, reply, wrong)
    if not wrong and not _is_json(reply.message.content):
        # The model explained its JSON, or fenced it in.
        text = json.dumps(value, ensure_ascii=False)
        reply = reply.model_copy(update={"message": reply.message.model_copy(update={"content": text}), "logprobs": ()})
    run.say(reply.message.content, reply.logprobs)
    return reply


def _passed_on(reply: Completion) -> bool:
    return bool(reply.message.tool_calls) or reply.finish != "stop"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _again(
    messages: tuple[Message, ...], reply: Completion, wrong: list[str], schema: Mapping[str, Any]
) -> tuple[Message, ...]:
    told = REPAIR_PROMPT.format(problems="\n".join(f"- {problem}" for problem in wrong), schema=_text(schema))
    return (*messages, reply.message, Message(role="user", content=told))


def _unfit(run: Run, reply: Completion, wrong: list[str]) -> BadStructuredOutput:
    message = f"{run.deps.backend.name!r} gave no answer that fits the schema, asked twice: {'; '.join(wrong)}"
    return BadStructuredOutput(message, text=reply.message.content, problems=tuple(wrong))


async def _ask(
    run: Run, messages: tuple[Message, ...], schema: Mapping[str, Any], fixed: Mapping[str, Any]
) -> tuple[Completion, tuple[Message, ...]]:
    """The answer, and the messages as they were sent in the end."""
    if run.deps.backend.capabilities.json_schema:
        try:
            return await run.ask(*messages, json_schema=schema, **fixed), messages
        except CapabilityMissing as error:
            if error.code != "json_schema":  # a capability in doubt turned out not to be there
                raise
    instruction = Message(role="system", content=SCHEMA_PROMPT.format(schema=_text(schema)))
    if instruction not in messages:
        messages = (*messages, instruction)
    return await run.ask(*messages, **fixed), messages


async def _read(reply: Completion, fits: type[BaseModel] | Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The value, and what is wrong with it. Raises RequestRefused."""
    try:
        value = json_in(reply.message.content)
        if isinstance(fits, Mapping):
            return value, await on_a_thread(partial(problems, value, fits), "an answer's schema")
        return fits.model_validate_json(json.dumps(value)), []
    except NotJSON as error:
        cut = "; it was cut off at the limit of its length" if reply.finish == "length" else ""
        return None, [f"{error}{cut}"]
    except BadSchema as error:
        raise RequestRefused(f"an answer cannot be held to this JSON schema: {error}") from None
    except ValidationError as error:
        return None, [_told(one) for one in error.errors()[:MOST_SHOWN]]


def _told(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    return f"{place or 'the value'}: {error['msg']}"


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False)
