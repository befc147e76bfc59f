"""From the messages of a request to what a pipeline is given: the question, what went before it, what came after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from server.errors import ApiError, bad_request

if TYPE_CHECKING:
    from agents.persona import Persona
    from agents.pipeline import Options, Pipeline
    from agents.run import RunInput, Sampling
    from agents.wishes import Wishes
    from backends.base import Backend, Message

MOST_IN_MESSAGE = 1_000_000
MOST_IN_MESSAGES = 4_000_000
"""Characters of one message and of all together: several times what any model reads."""


class Turn(NamedTuple):
    where: str
    """Its place in the request, for errors."""
    message: Message


def run_input(
    turns: Sequence[Turn], wishes: Wishes, pipeline: Pipeline, about: str = "messages", persona: Persona | None = None
) -> RunInput:
    """The last message of the user is the question. Messages of the system go before everything, wherever they stand.

    `about`: the field of the request that has the last message. Raises ApiError.
    """
    from agents.run import RunInput

    _check_size(turns)
    said = [turn for turn in turns if turn.message.role != "system"]
    asked = max((n for n, turn in enumerate(said) if turn.message.role == "user"), default=None)
    if not said or asked is None or said[-1].message.role not in ("user", "tool"):
        where, role = (said[-1].where, said[-1].message.role) if said else (turns[-1].where, "system")
        message = f"The last message must be from the user, or the result of a tool; {where} is from {role!r}."
        raise bad_request(message, f"{where}.role" if where != about else about, "invalid_value")
    question = said[asked]
    if not question.message.content.strip() and not question.message.images:
        raise bad_request(f"{question.where}.content is empty.", f"{question.where}.content", "invalid_value")
    _check_calls(said)
    _check_taken(said, pipeline)
    return RunInput(
        question=question.message.content,
        images=question.message.images,
        history=tuple(turn.message for turn in said[:asked]),
        after=tuple(turn.message for turn in said[asked + 1 :]),
        system="\n\n".join(turn.message.content for turn in turns if _is_instruction(turn.message)),
        persona=persona,
        wishes=wishes,
    )


def _is_instruction(message: Message) -> bool:
    return message.role == "system" and bool(message.content)


def _check_size(turns: Sequence[Turn]) -> None:
    total = 0
    for where, message in turns:
        size = len(message.content)
        if size > MOST_IN_MESSAGE:
            told = f"{where}.content has {size} characters; at most {MOST_IN_MESSAGE} are taken."
            raise bad_request(told, f"{where}.content", "too_large")
        total += size
        if total > MOST_IN_MESSAGES:
            told = f"With {where} the messages have more than {MOST_IN_MESSAGES} characters in all."
            raise bad_request(told, f"{where}.content", "too_large")


def _check_calls(said: Sequence[Turn]) -> None:
    """Every call is answered once, before anything else is said: model servers refuse all else, with errors of their
    own. Raises ApiError."""
    unanswered: list[str] = []
    for where, message in said:
        if message.role == "tool":
            if message.tool_call_id not in unanswered:
                told = f"{where} answers the call {message.tool_call_id!r}, which the message before did not make."
                raise bad_request(told, f"{where}.tool_call_id", "invalid_value")
            unanswered.remove(message.tool_call_id)
        elif unanswered:
            raise _unanswered(unanswered, where)
        else:
            unanswered = [call.id for call in message.tool_calls]
    if unanswered:
        raise _unanswered(unanswered, said[-1].where)


def _unanswered(calls: Sequence[str], where: str) -> ApiError:
    return bad_request(f"The calls {', '.join(calls)} have no result before {where}.", where, "invalid_value")


def _check_taken(said: Sequence[Turn], pipeline: Pipeline) -> None:
    """Raises ApiError for a turn that this pipeline could not show its model."""
    for where, message in said:
        if message.images and "images" not in pipeline.takes:
            raise _not_taken(pipeline, "images", f"{where}.content")
        if (message.tool_calls or message.role == "tool") and "tools" not in pipeline.takes:
            raise _not_taken(pipeline, "calls of the client's tools", f"{where}.role")


def check_wishes(pipeline: Pipeline, params: dict[str, str], wishes: Wishes) -> None:
    """Raises ApiError for the first wish that the pipeline does not grant. `params`: its name in the request."""
    for name in wishes.fields():
        if name not in pipeline.takes and name in params:
            raise _not_taken(pipeline, repr(params[name]), params[name])


def check_sampling(pipeline: Pipeline, options: Options, sampling: Sampling) -> None:
    """Raises ApiError for the first wish for how text is sampled that could have no effect; 0 is none."""
    for name in sorted(options.unused()):
        if getattr(sampling, name):
            message = (
                f"The pipeline {pipeline.name!r} searches for the most probable answer and does not take {name!r}; "
                "leave it out, or use another pipeline."
            )
            raise bad_request(message, name, "unsupported_parameter")


def _not_taken(pipeline: Pipeline, what: str, param: str) -> ApiError:
    message = f"The pipeline {pipeline.name!r} does not take {what}; the model 'chat' does, if its backend can."
    return bad_request(message, param, "unsupported_parameter")


def check_able(backend: Backend, input: RunInput, params: dict[str, str]) -> None:
    """Raises ApiError for what the backend cannot do. `params` as above."""
    from backends.base import Capability, Request
    from backends.capabilities import missing, needed

    messages = (*input.history, *input.after)
    asked = Request(messages=messages, **input.wishes.fields())
    wanted: list[Capability] = list(needed(asked))
    if input.images:
        wanted.append("images")
    if backend.name != "extractive" and "json_schema" in wanted:
        wanted.remove("json_schema")  # What writes can be told of a schema in words; its answer is checked in any case.
    for capability in wanted:
        if not getattr(backend.capabilities, capability):
            raise bad_request(f"{missing(backend.name, capability)}", params[capability], "capability_missing")
