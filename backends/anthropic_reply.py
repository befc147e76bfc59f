"""From the events of Anthropic's Messages API to deltas. Does no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from backends.anthropic_blocks import Block, counts, usage_of
from backends.anthropic_wire import OWN
from backends.base import Delta, FinishReason
from backends.errors import BadReply, IncompleteStream
from backends.finish_reasons import finish_of
from backends.sse import Event, EventReader
from backends.tool_calls import ToolCallAssembler
from backends.unicode import SurrogateJoiner
from backends.upstream_errors import reported_error

EVENT_FIELD = re.compile(rb"(?:data|event|id|retry)?:")
MAX_DOCUMENT_BYTES = 32 << 20


class ReplyReader:
    """Takes pieces of an answer to one request and gives its deltas; `end` gives the last, which has the finish.

    Both raise what the server reports as wrong, and BadReply for what is not the protocol. A server that does not
    stream sends the whole message as one document.
    """

    def __init__(self, where: str, *, warnings: Sequence[str] = ()) -> None:
        self.done = False
        self._where = where
        self._head = bytearray()
        self._document = False
        self._events = EventReader()
        self._had_event = False
        self._blocks: dict[int, Block] = {}
        self._text, self._reasoning = SurrogateJoiner(), SurrogateJoiner()
        self._warnings = list(warnings)
        self._counts: dict[str, int] = {}
        self._finish: FinishReason | None = None

    @property
    def finished(self) -> bool:
        return self.done or self._finish is not None

    def feed(self, piece: bytes) -> list[Delta]:
        if not self._had_event:
            self._head += piece
            self._document = self._head.lstrip(b" \t\r\n\xef\xbb\xbf").startswith((b"{", b"[", b"<"))
            if len(self._head) > MAX_DOCUMENT_BYTES:
                raise BadReply(f"{self._where} sent more than {MAX_DOCUMENT_BYTES >> 20} MiB before its first event")
        return [] if self._document else self._take_events(self._events.feed(piece))

    def end(self) -> list[Delta]:
        """Raises IncompleteStream if the answer is not whole."""
        if self._document:
            deltas = self._whole(self._decoded(self._head.decode("utf-8", "replace").strip("\ufeff \t\r\n")))
        else:
            deltas = self._end_of_events()
        rest = Delta(text=self._text.end(), reasoning=self._reasoning.end())
        return deltas + ([rest] if rest.text or rest.reasoning else []) + self._last()

    def _end_of_events(self) -> list[Delta]:
        head = self._head.strip(b" \t\r\n\xef\xbb\xbf")
        if not self._had_event and head and not EVENT_FIELD.match(head):
            message = f"{self._where} did not answer with a stream of events: it began {bytes(head[:80])!r}"
            raise BadReply(message, retryable=True)
        try:
            return self._take_events(self._events.end())
        except BadReply:
            if self.finished:
                return []
            message = f"{self._where} ended its answer inside a line: it was cut off"
            raise IncompleteStream(message, retryable=True) from None

    def _take_events(self, events: Sequence[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            if self.done or not event.data.strip():
                continue
            self._had_event = True
            deltas += self._take(self._decoded(event.data), event.name)
        return deltas

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise BadReply(f"{self._where} sent what is not JSON: {text[:120]!r}", retryable=True) from None

    def _take(self, said: Any, name: str) -> list[Delta]:
        error = reported_error(self._where, said, name)
        if error is not None:
            raise error
        match _fields(said):
            case {"type": "message_start", "message": dict(message)}:
                self._counts |= counts(message.get("usage"))
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                return self._start(index, block)
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)}:
                return self._grow(index, delta)
            case {"type": "message_delta", "delta": dict(delta)}:
                self._counts |= counts(said.get("usage"))
                if delta.get("stop_reason") is not None:
                    self._finish = finish_of(self._where, delta["stop_reason"], self._warnings)
            case {"type": "message_stop"}:
                self.done = True
            case {"type": "content_block_stop" | "ping"}:
                pass
            case {"type": str(kind)} if kind not in KNOWN:  # the API says that there may be more kinds of events
                pass
            case _:
                raise BadReply(f"{self._where} sent {str(said)[:120]!r} instead of an event", retryable=True)
        return []

    def _start(self, index: int, fields: Mapping[str, Any]) -> list[Delta]:
        block = self._blocks[index] = Block(fields)
        return self._said(block.text, block.thoughts)

    def _grow(self, index: int, delta: Mapping[str, Any]) -> list[Delta]:
        block = self._blocks.get(index)
        if block is None:
            raise BadReply(f"{self._where} sent a piece of block {index}, which it never began", retryable=True)
        return self._said(*block.add(delta))

    def _said(self, text: str, thoughts: str) -> list[Delta]:
        delta = Delta(text=self._text.feed(text), reasoning=self._reasoning.feed(thoughts))
        return [delta] if delta.text or delta.reasoning else []

    def _whole(self, message: Any) -> list[Delta]:
        error = reported_error(self._where, message, "error" if _fields(message).get("type") == "error" else "")
        if error is not None:
            raise error
        blocks = _fields(message).get("content")
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise BadReply(f"{self._where} sent {str(message)[:120]!r} instead of an answer", retryable=True)
        self._counts |= counts(message.get("usage"))
        self._finish = finish_of(self._where, message.get("stop_reason") or "end_turn", self._warnings)
        return [delta for index, block in enumerate(blocks) for delta in self._start(index, block)]

    def _last(self) -> list[Delta]:
        """Warnings, tool calls, signed thoughts, and the finish with the usage."""
        if self._finish is None:
            said = "ended its answer without a stop reason: it was cut off" if self._had_event else "sent no answer"
            raise IncompleteStream(f"{self._where} {said}", retryable=True)
        blocks = [block for _, block in sorted(self._blocks.items())]
        assembler = ToolCallAssembler()
        for number, block in enumerate(block for block in blocks if block.kind == "tool_use"):
            assembler.add(block.piece(number))
        calls = assembler.calls()
        finish = "stop" if self._finish == "tool_calls" and not calls else self._finish
        deltas = [Delta(warning=warning) for warning in self._warnings]
        deltas += [Delta(tool_call=call) for call in calls]
        if any(block.signed for block in blocks) and all(block.can_go_back for block in blocks):
            deltas.append(Delta(extra={OWN: {"content": [block.sent_back() for block in blocks if block.kept]}}))
        return [*deltas, Delta(usage=usage_of(self._counts), finish=finish)]


KNOWN = frozenset({"message_start", "content_block_start", "content_block_delta", "message_delta"})


def _fields(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}
