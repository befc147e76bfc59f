"""What a caller may want of an answer beyond its text. Only a pipeline whose answer is one model call can grant it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.base import ToolSpec, Value


class Wishes(Value):
    """Each field is one of `backends.base.Request`; its default asks for nothing."""

    tools: tuple[ToolSpec, ...] = ()
    """The caller's own: the answer may be calls of them, which end the run."""
    tool_choice: str = "auto"
    parallel_tool_calls: bool | None = None
    json_schema: Mapping[str, Any] | None = None
    logprobs: int | None = None

    def fields(self) -> dict[str, Any]:
        """Those that ask for something, as arguments of a request."""
        return {name: getattr(self, name) for name in Wishes.model_fields if name in self.model_fields_set}
