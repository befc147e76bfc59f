"""The input of a run: a question, or messages of which the last new one is the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.errors import ApiError
from server.langgraph.message_ids import Named, chain
from server.langgraph.messages import from_langchain, invalid
from server.openai.turns import MOST_IN_MESSAGE

if TYPE_CHECKING:
    from agents.pipeline import Pipeline
    from agents.run import RunInput
    from server.langgraph.snapshots import Snapshot

NO_EFFECT = frozenset({"answer", "citations"})
"""A graph that has this one as a step hands on its whole state, with what an earlier turn left there."""


def read_input(given: Mapping[str, Any], base: Snapshot, pipeline: Pipeline) -> tuple[RunInput, dict[str, str]]:
    """The input, and the ids that the client gave to its messages, by those that they would have. `base`: where the
    run begins. Raises ApiError that names the field."""
    from agents.run import RunInput
    from agents.thread import turns

    asked = _messages(given)
    system = "\n\n".join(message.content for _, message in asked if message.role == "system")
    known = turns(base.state.values)
    new = _new([named for named in asked if named.message.role != "system"], base.messages())
    *history, question = [message for _, message in new]
    where = "input.question" if "question" in given else "input.messages"
    if not question.content.strip():
        raise invalid(where, "is empty")
    if question.images and "images" not in pipeline.takes:
        raise invalid(where, f"has an image, which the pipeline {pipeline.name!r} does not look at")
    ids = [id for id, _ in chain([*known, *history, question])][len(known) :]
    input = RunInput(
        question=question.content,
        history=(*known, *history) if history else (),
        system=system,
        images=question.images,
    )
    return input, {id: named.id for id, named in zip(ids, new, strict=True) if named.id}


def _messages(given: Mapping[str, Any]) -> list[Named]:
    """The turns in the order of time; the last is the question."""
    from backends.base import Message

    unknown = sorted(set(given) - NO_EFFECT - {"question", "history", "messages"})
    if unknown:
        where = f"input.{unknown[0]}"
        message = f"Unknown parameter: {where!r}. The input is {{'question'}} (with 'history') or {{'messages'}}."
        raise ApiError(422, message, param=where, code="unknown_parameter")
    if given.get("question") is not None:
        question = given["question"]
        if given.get("messages") is not None:
            raise invalid("input.messages", "comes with 'question': give one of them")
        if not isinstance(question, str):
            raise invalid("input.question", "must be a text")
        made = from_langchain(given.get("history") or [], "input.history")
        made.append(Named("", Message(role="user", content=question)))
    elif given.get("messages") is not None:
        if given.get("history"):
            raise invalid("input.history", "comes with 'messages', which have the earlier turns already")
        made = from_langchain(given["messages"], "input.messages")
    else:
        message = "The input must have 'question' or 'messages'."
        raise ApiError(422, message, param="input", code="missing_required_parameter")
    for _, turn in made:
        if len(turn.content) > MOST_IN_MESSAGE:
            raise invalid("input", f"has a message of more than {MOST_IN_MESSAGE} characters")
    return made


def _new(asked: Sequence[Named], known: Sequence[Named]) -> list[Named]:
    """The messages that the thread does not have yet; at least one, the last of the user's. Raises ApiError."""
    where, there = "input.messages", dict(known)
    new: list[Named] = []
    for id, message in asked:
        before = there.get(id) if id else None
        if before is None:
            new.append(Named(id, message))
        elif (before.role, before.content) != (message.role, message.content):
            why = f"changes the message {id!r}: begin at a checkpoint before it, or send it without its id"
            raise invalid(where, why)
    if not new:
        raise invalid(where, "has no message that the thread does not have already")
    if (last := new[-1].message.role) != "user":
        raise invalid(where, f"ends with a message of {last!r}; the last one must be the user's question")
    return new
