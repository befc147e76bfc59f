"""From the bytes of an OpenAI-compatible answer to deltas: a stream of events, or one JSON document. Does no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from backends.base import Delta, FinishReason, Usage
from backends.errors import BadReply, IncompleteStream
from backends.finish_reasons import finish_of
from backends.openai_parts import logprobs_of, text_of, thoughts_of, tool_pieces_of, usage_of
from backends.sse import Event, EventReader
from backends.tool_calls import ToolCallAssembler
from backends.unicode import SurrogateJoiner
from backends.upstream_errors import reported_error

EVENT_FIELD = re.compile(rb"(?:data|event|id|retry)?:")
BLANK = b" \t\r\n\xef\xbb\xbf"
MAX_DOCUMENT_BYTES = 32 << 20


class ReplyReader:
    """Takes pieces of an answer to one request and gives its deltas; `end` gives the last, which has the finish.

    Both raise what the server reports as wrong, and BadReply for what is not the protocol.
    """

    def __init__(self, where: str, *, logprobs: bool = False, warnings: Sequence[str] = ()) -> None:
        self.done = False
        """The server has said that the stream is over."""
        self._where = where
        self._form: Literal["unknown", "events", "document"] = "unknown"
        self._head = bytearray()
        self._events = EventReader()
        self._had_event = False
        self._calls = ToolCallAssembler()
        self._text, self._reasoning = SurrogateJoiner(), SurrogateJoiner()
        self._logprobs = logprobs
        self._had_logprobs = False
        self._warnings = list(warnings)
        self._usage: Usage | None = None
        self._finish: FinishReason | None = None
        self._empty_finish = False

    @property
    def finished(self) -> bool:
        """The answer is whole, though the stream may go on (with the usage, for one)."""
        return self.done or self._finish is not None

    def feed(self, piece: bytes) -> list[Delta]:
        if self._form == "unknown":
            self._head += piece
            start = self._head.lstrip(BLANK)[:1]  # content types are not to be relied on
            if not start:
                return []
            self._form = "document" if start in b"{[<" else "events"
            if self._form == "document":
                return []
            piece = bytes(self._head)
        if self._form == "document":
            self._head += piece
            if len(self._head) > MAX_DOCUMENT_BYTES:
                raise BadReply(f"{self._where} sent more than {MAX_DOCUMENT_BYTES >> 20} MiB as one answer")
            return []
        return self._take_events(self._events.feed(piece))

    def end(self) -> list[Delta]:
        """Raises IncompleteStream if the answer is not whole."""
        if self._form == "unknown":
            raise IncompleteStream(f"{self._where} sent an empty answer", retryable=True)
        if self._form == "document":
            deltas = self._take(self._decoded(self._head.decode("utf-8", "replace").strip("\ufeff \t\r\n")), "message")
            self._finish = self._finish or "stop"
        else:
            deltas = self._end_of_events()
        rest = Delta(text=self._text.end(), reasoning=self._reasoning.end())
        deltas += [rest] if rest.text or rest.reasoning else []
        return deltas + self._last()

    def _end_of_events(self) -> list[Delta]:
        if not self._had_event and not EVENT_FIELD.match(self._head.lstrip(BLANK)):
            began = bytes(self._head[:80])
            raise BadReply(f"{self._where} did not answer with a stream of events: it began {began!r}", retryable=True)
        try:
            return self._take_events(self._events.end())
        except BadReply:
            if self.finished:
                return []
            raise IncompleteStream(
                f"{self._where} ended its answer inside a line: it was cut off", retryable=True
            ) from None

    def _take_events(self, events: Sequence[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            data = event.data.strip()
            if self.done or not data:
                continue
            self._had_event = True
            if data == "[DONE]":
                self.done = True
            else:
                deltas += self._take(self._decoded(data), "delta", event.name)
        return deltas

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise BadReply(f"{self._where} sent what is not JSON: {text[:120]!r}", retryable=True) from None

    def _take(self, chunk: Any, key: Literal["delta", "message"], event: str = "") -> list[Delta]:
        error = reported_error(self._where, chunk, event)
        if error is not None:
            raise error
        if not isinstance(chunk, dict):
            raise BadReply(f"{self._where} sent {str(chunk)[:120]!r} instead of an answer", retryable=True)
        self._usage = usage_of(chunk) or self._usage
        choices = chunk.get("choices") or []
        if key == "message" and not choices:
            raise BadReply(f"{self._where} sent an answer without choices", retryable=True)
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise BadReply(f"{self._where} sent choices that are not a list of objects", retryable=True)
        first = next((choice for choice in choices if not choice.get("index")), None)
        return [] if first is None else self._take_choice(first, key)

    def _take_choice(self, choice: Mapping[str, Any], key: Literal["delta", "message"]) -> list[Delta]:
        said = choice.get(key) or choice.get("message") or {}
        if not isinstance(said, dict):
            raise BadReply(f"{self._where} sent a {key} that is not an object: {str(said)[:80]!r}", retryable=True)
        for piece in tool_pieces_of(said):
            self._calls.add(piece)
        logprobs = logprobs_of(choice) if self._logprobs else ()
        self._had_logprobs = self._had_logprobs or bool(logprobs)
        text, reasoning = self._text.feed(text_of(said)), self._reasoning.feed(thoughts_of(said))
        self._note_finish(choice.get("finish_reason"))
        if not (text or reasoning or logprobs):
            return []
        return [Delta(text=text, reasoning=reasoning, logprobs=logprobs)]

    def _note_finish(self, reason: Any) -> None:
        if reason is None:
            return
        if reason == "":
            self._empty_finish = True
            return
        self._finish = finish_of(self._where, reason, self._warnings)

    def _last(self) -> list[Delta]:
        """Warnings, tool calls, and the finish with the usage."""
        calls = self._calls.calls()
        finish = self._finish
        if finish is None and self.done and self._empty_finish:  # old servers of Ollama never say why
            finish = "stop"
        if finish is None:
            message = f"{self._where} ended its answer without a finish reason: it was cut off"
            raise IncompleteStream(message, retryable=True)
        if calls and finish == "stop":
            finish = "tool_calls"
        elif not calls and finish == "tool_calls":
            finish = "stop"
            self._warnings.append("the server announced tool calls but sent none")
        if self._logprobs and not self._had_logprobs:
            self._warnings.append("the server did not report the log-probabilities that were asked for")
        deltas = [Delta(warning=warning) for warning in self._warnings]
        deltas += [Delta(tool_call=call) for call in calls]
        return [*deltas, Delta(usage=self._usage, finish=finish)]
