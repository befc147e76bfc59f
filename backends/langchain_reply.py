"""From the chunks of a LangChain model to deltas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from backends.base import Delta, ToolCall, Usage
from backends.errors import BadReply, IncompleteStream
from backends.finish_reasons import finish_of
from backends.langchain_wire import OWN
from backends.unicode import whole

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk

REASON_KEYS = ("finish_reason", "stop_reason", "done_reason")


class ReplyReader:
    """Takes chunks and gives their deltas; `end` gives the last, which has the finish."""

    def __init__(self, where: str, warnings: Sequence[str] = ()) -> None:
        self._warnings = list(warnings)
        self._where = where
        self._all: AIMessageChunk | None = None

    def feed(self, chunk: AIMessageChunk) -> list[Delta]:
        self._all = chunk if self._all is None else self._all + chunk
        delta = Delta(text=whole(str(chunk.text)), reasoning=whole(_thoughts(chunk)))
        return [delta] if delta.text or delta.reasoning else []

    def end(self) -> list[Delta]:
        """Raises IncompleteStream if nothing came. LangChain does not tell a stream that broke off from one that ended:
        without a finish reason this takes its word for it."""
        said = self._all
        if said is None:
            raise IncompleteStream(f"{self._where} sent an empty answer", retryable=True)
        calls = [*map(self._call, said.tool_calls), *map(self._call, said.invalid_tool_calls)]
        reasons = [said.response_metadata[key] for key in REASON_KEYS if said.response_metadata.get(key)]
        finish = finish_of(self._where, reasons[0] if reasons else "stop", self._warnings)
        if finish in ("stop", "tool_calls"):
            finish = "tool_calls" if calls else "stop"
        deltas = [Delta(warning=warning) for warning in self._warnings]
        deltas += [Delta(tool_call=call) for call in calls]
        if isinstance(said.content, list) and any(_is_more_than_text(block) for block in said.content):
            deltas.append(Delta(extra={OWN: {"text": whole(str(said.text)), "content": said.content}}))
        return [*deltas, Delta(usage=_usage(said.usage_metadata), finish=finish)]

    def _call(self, call: Mapping[str, Any]) -> ToolCall:
        name, arguments = call.get("name"), call.get("args")
        if not name:
            raise BadReply(f"{self._where} sent a tool call without a name, arguments {str(arguments)[:80]!r}")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
        return ToolCall(id=call.get("id") or f"call_{uuid4().hex[:12]}", name=str(name), arguments=whole(text))


def _thoughts(chunk: AIMessageChunk) -> str:
    """Where LangChain's providers put a model's reasoning: a block of its own, or a field beside the content."""
    said = "".join(str(block.get("reasoning", "")) for block in chunk.content_blocks if block["type"] == "reasoning")
    beside = chunk.additional_kwargs.get("reasoning_content")
    return said or (beside if isinstance(beside, str) else "")


def _is_more_than_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") not in ("text", "tool_use", "tool_call")


def _usage(said: Any) -> Usage | None:
    if not said:
        return None
    return Usage(
        prompt_tokens=said["input_tokens"],
        completion_tokens=said["output_tokens"],
        reasoning_tokens=said.get("output_token_details", {}).get("reasoning", 0),
        cached_tokens=said.get("input_token_details", {}).get("cache_read", 0),
    )
