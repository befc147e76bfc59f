"""A local server of Anthropic's Messages API, for tests. `echo` says the last user message back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fake_upstream import Answer, Canned, FakeUpstream

START_USAGE = {"input_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
STOP = {"type": "message_stop"}


def event(data: Mapping[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def start(**usage: Any) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return {"type": "message_start", "message": {**message, "usage": {**START_USAGE, **usage}}}


def block(index: int, kind: str, *deltas: Mapping[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """The events of one content block."""
    begin = {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}
    grown = [{"type": "content_block_delta", "index": index, "delta": dict(delta)} for delta in deltas]
    return [begin, *grown, {"type": "content_block_stop", "index": index}]


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    return block(index, "text", *({"type": "text_delta", "text": piece} for piece in pieces), text="")


def thinking(index: int, *pieces: str, signature: str = "c2ln") -> list[dict[str, Any]]:
    said = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    signed = [{"type": "signature_delta", "signature": signature}] if signature else []
    return block(index, "thinking", *said, *signed, thinking="", signature="")


def tool_use(index: int, name: str, *pieces: str, id: str = "toolu_1") -> list[dict[str, Any]]:
    said = ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces))
    return block(index, "tool_use", *said, id=id, name=name, input={})


def finish(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2, **usage}}


def events(*said: Mapping[str, Any]) -> tuple[bytes, ...]:
    """A whole stream with these events between its start and its end."""
    return tuple(map(event, (start(), {"type": "ping"}, *said, finish(), STOP)))


def stream_of(said: str, size: int = 4) -> tuple[bytes, ...]:
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    return events(*text(0, *pieces))


def echo(body: Mapping[str, Any]) -> Canned:
    content = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
    said = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    for word in body.get("stop_sequences") or ():
        said = said.partition(word)[0]
    return Canned(stream_of(said))


class FakeAnthropic(FakeUpstream):
    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        super().__init__({"echo": echo, **(answers or {})})


def error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def joined(groups: Sequence[Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    return [one for group in groups for one in group]
