"""What a run leaves, by its last event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.langgraph.message_ids import answer_id
from server.langgraph.messages import to_langchain
from server.langgraph.values import values_of

if TYPE_CHECKING:
    from server.langgraph.snapshots import Snapshot


def error_of(event: dict[str, Any]) -> dict[str, Any]:
    return {"error": event["error_type"], "message": event["message"]}


async def final_values(event: dict[str, Any], found: Snapshot | None, run_id: str) -> dict[str, Any]:
    """What a run leaves, by its last event: the values of its last state; with the answer as far as it came and the
    reason, if it ended early; with the questions, if it waits for answers."""
    values = values_of(found) if found is not None else {"messages": []}
    if event["type"] == "run_interrupted":
        return {**values, "__interrupt__": event["questions"]}
    if event["type"] not in ("run_limited", "run_cancelled"):
        return values
    ended = {"status": "limited" if event["type"] == "run_limited" else "cancelled"}
    ended |= {key: event[key] for key in ("limit", "message") if key in event}
    if event["answer"] and values.get("answer") != event["answer"]:
        from backends.base import Message

        answer = to_langchain(answer_id(run_id), Message(role="assistant", content=event["answer"]))
        values |= {"answer": event["answer"], "messages": [*values["messages"], answer]}
    return {**values, "sandtable": {"run_id": run_id, **ended}}
