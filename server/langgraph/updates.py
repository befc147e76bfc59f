"""A change of `messages`, which no state has as such, as a change of the waist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.langgraph.message_ids import Named
from server.langgraph.messages import from_langchain, invalid

if TYPE_CHECKING:
    from server.langgraph.snapshots import Snapshot


def waist_of(values: Mapping[str, Any], base: Snapshot, where: str) -> dict[str, Any]:
    """`values` without `messages`: these replace messages of the same id, and others are added. Raises ApiError."""
    if "messages" not in values:
        return dict(values)
    place = f"{where}.messages"
    given = from_langchain(values["messages"], place)
    if any(message.role == "system" for _, message in given):
        raise invalid(place, "has a system message, which no thread keeps")
    rest = {key: value for key, value in values.items() if key != "messages"}
    overlap = rest.keys() & {"history", "question", "answer"}
    if overlap:
        raise invalid(place, f"comes with {sorted(overlap)[0]!r}, which it is made of")
    known = base.messages()
    turn = [id for id, _ in known[len(base.state.values.get("history") or ()) :]]
    return {**rest, **_split(_joined(known, given), turn)}


def _joined(known: Sequence[Named], given: Sequence[Named]) -> list[Named]:
    there = {id: n for n, (id, _) in enumerate(known)}
    joined = list(known)
    for named in given:
        if named.id in there:
            joined[there[named.id]] = named
        else:
            joined.append(named)
    return joined


def _split(named: Sequence[Named], turn: Sequence[str]) -> dict[str, Any]:
    """A last question without an answer waits for one, and the turn of the run so far (its ids) stays its turn; all
    else is history."""
    messages = [message for _, message in named]
    if messages and messages[-1].role == "user":
        return {"history": list(messages[:-1]), "question": messages[-1].content, "answer": ""}
    if len(turn) == 2 and [id for id, _ in named[-2:]] == list(turn):
        return {"history": list(messages[:-2]), "question": messages[-2].content, "answer": messages[-1].content}
    return {"history": list(messages), "question": "", "answer": ""}
