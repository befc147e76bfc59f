"""From the lines of Ollama's answer to deltas. Does no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backends.base import Delta, FinishReason, Usage
from backends.errors import BadReply, IncompleteStream
from backends.finish_reasons import finish_of
from backends.ndjson import LineReader
from backends.openai_parts import logprobs_of
from backends.tool_calls import ToolCallAssembler
from backends.unicode import SurrogateJoiner
from backends.upstream_errors import reported_error


class ReplyReader:
    """Takes pieces of an answer to one request and gives its deltas; `end` gives the last, which has the finish.

    Both raise what the server reports as wrong, and BadReply for what is not the protocol. An answer that does not
    stream is one line of the same form.
    """

    def __init__(self, where: str, *, logprobs: bool = False, warnings: Sequence[str] = ()) -> None:
        self.done = False
        self._where = where
        self._lines = LineReader()
        self._begun = False
        self._calls = ToolCallAssembler()
        self._count = 0
        self._text, self._reasoning = SurrogateJoiner(), SurrogateJoiner()
        self._logprobs, self._had_logprobs = logprobs, False
        self._warnings = list(warnings)
        self._usage: Usage | None = None
        self._finish: FinishReason | None = None

    @property
    def finished(self) -> bool:
        return self.done

    def feed(self, piece: bytes) -> list[Delta]:
        return [delta for line in self._lines.feed(piece) for delta in self._take(line)]

    def end(self) -> list[Delta]:
        """Raises IncompleteStream if the answer is not whole."""
        deltas = self._rest()
        rest = Delta(text=self._text.end(), reasoning=self._reasoning.end())
        deltas += [rest] if rest.text or rest.reasoning else []
        if self._finish is None:
            said = "ended its answer before its last line: it was cut off" if self._begun else "sent an empty answer"
            raise IncompleteStream(f"{self._where} {said}", retryable=True)
        calls, finish = self._calls.calls(), self._finish
        if self._logprobs and not self._had_logprobs:
            self._warnings.append("the server did not report the log-probabilities that were asked for")
        deltas += [Delta(warning=warning) for warning in self._warnings]
        deltas += [Delta(tool_call=call) for call in calls]
        return [*deltas, Delta(usage=self._usage, finish="tool_calls" if calls and finish == "stop" else finish)]

    def _rest(self) -> list[Delta]:
        line = self._lines.end()
        if not line:
            return []
        try:
            return self._take(line)
        except BadReply:
            if not self._begun and not line.startswith("{"):
                raise
            message = f"{self._where} ended its answer inside a line: it was cut off"
            raise IncompleteStream(message, retryable=True) from None

    def _take(self, line: str) -> list[Delta]:
        if self.done:
            return []
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            raise BadReply(f"{self._where} sent what is not JSON: {line[:120]!r}", retryable=True) from None
        error = reported_error(self._where, said)
        if error is not None:
            raise error
        message = said.get("message") if isinstance(said, dict) else None
        if not isinstance(message, dict) and not (isinstance(said, dict) and said.get("done")):
            raise BadReply(f"{self._where} sent {line[:120]!r} instead of an answer", retryable=True)
        self._begun = True
        deltas = self._said(message or {}, said)
        if said.get("done"):
            self.done = True
            self._finish = finish_of(self._where, said.get("done_reason") or "stop", self._warnings)
            self._usage = _usage(said)
        return deltas

    def _said(self, message: Mapping[str, Any], line: Mapping[str, Any]) -> list[Delta]:
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if not isinstance(call, dict):
                raise BadReply(f"{self._where} sent a tool call that is not an object: {str(call)[:80]!r}")
            # Each is whole, and the indexes that come with them start anew in every line.
            self._calls.add({**call, "index": self._count})
            self._count += 1
        logprobs = logprobs_of({"logprobs": {"content": line.get("logprobs")}}) if self._logprobs else ()
        self._had_logprobs = self._had_logprobs or bool(logprobs)
        text = self._text.feed(_words(message, "content"))
        reasoning = self._reasoning.feed(_words(message, "thinking"))
        return [Delta(text=text, reasoning=reasoning, logprobs=logprobs)] if text or reasoning or logprobs else []


def _words(message: Mapping[str, Any], key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""


def _usage(said: Mapping[str, Any]) -> Usage | None:
    """None unless both counts are there: older servers leave out that of a prompt they still had in memory."""
    read, written = said.get("prompt_eval_count"), said.get("eval_count")
    if not isinstance(read, int) or not isinstance(written, int):
        return None
    return Usage(prompt_tokens=read, completion_tokens=written)
