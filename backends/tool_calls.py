"""Putting tool calls together from the pieces in which servers send them.

OpenAI, vLLM and llama.cpp give each call an index, name it once and then send pieces of its arguments. Others send
whole calls without an index (Gemini), several calls that all have index 0 (Ollama), the id and name with every piece,
empty ids, or arguments as an object. So a piece belongs to the call with its id, else to the one with its index, else
to the last one; and a new id under a known index is a new call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from backends.base import ToolCall
from backends.errors import BadReply
from backends.unicode import whole

OWN_FIELDS = frozenset({"index", "id", "type", "function"})


class _Call:
    def __init__(self, index: int | None, call_id: str) -> None:
        self.index = index
        self.id = call_id
        self.name = ""
        self.arguments = ""
        self.extra: dict[str, Any] = {}

    def complete(self) -> bool:
        """Whether the arguments are a whole JSON object."""
        try:
            return isinstance(json.loads(self.arguments), dict)
        except ValueError:
            return False

    def extend(self, name: str, arguments: str, extra: Mapping[str, Any]) -> None:
        if name.startswith(self.name):  # first time, or repeated, or sent again longer
            self.name = name
        elif name and not self.arguments:  # cut in two
            self.name += name
        if arguments != self.arguments or not self.complete():  # else: the finished call sent once more
            self.arguments += arguments
        self.extra.update(extra)


class ToolCallAssembler:
    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, piece: Mapping[str, Any]) -> None:
        """Take one element of a delta's `tool_calls`. Raises BadReply if it is not an object of that form."""
        function = piece.get("function") or {}
        if not isinstance(function, dict):
            raise BadReply(f"a tool call's `function` is not an object: {function!r}")
        index = piece.get("index")
        call_id, name = _text(piece, "id"), _text(function, "name")
        arguments = function.get("arguments")
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        call = self._find(index if isinstance(index, int) else None, call_id, name, arguments)
        call.id = call.id or call_id
        call.extend(name, arguments, {key: value for key, value in piece.items() if key not in OWN_FIELDS})

    def _find(self, index: int | None, call_id: str, name: str, arguments: str) -> _Call:
        """The call that a piece continues, or a new one."""
        found = None
        if call_id:
            found = next((call for call in self._calls if call.id == call_id), None)
            if found is not None and found.index != index and name and arguments and found.complete():
                found, call_id = None, ""  # two whole calls under one id
        if found is None and index is not None:
            found = next((call for call in reversed(self._calls) if call.index == index), None)
        elif found is None and self._calls and not call_id:
            found = self._calls[-1]
        if found is not None:
            other_id = bool(call_id and found.id and call_id != found.id)
            next_whole = bool(not call_id and name and arguments and found.complete())
            if not other_id and not next_whole:
                return found
        self._calls.append(_Call(index, call_id))
        return self._calls[-1]

    def calls(self) -> list[ToolCall]:
        """The whole calls. Raises BadReply for one without a name. A missing id is made up, a taken one replaced."""
        taken: set[str] = set()
        result = []
        for call in self._calls:
            if not call.name:
                raise BadReply(f"the server sent a tool call without a name, arguments {call.arguments[:80]!r}")
            call_id = call.id if call.id and call.id not in taken else f"call_{uuid4().hex[:12]}"
            taken.add(call_id)
            result.append(
                ToolCall(
                    id=whole(call_id), name=whole(call.name), arguments=whole(call.arguments) or "{}", extra=call.extra
                )
            )
        return result


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
