"""Arguments held to a JSON schema that somebody else wrote: of an OpenAPI document, of an MCP server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from backends.schema_check import BadSchema, problems
from tools.arguments import whole_numbers
from tools.errors import BadArguments


def schema_checker(name: str, schema: Mapping[str, Any]) -> Callable[[str], dict[str, Any]]:
    def check(text: str) -> dict[str, Any]:
        try:
            given = whole_numbers(from_json(text.strip() or "{}", allow_inf_nan=False))
        except ValueError as error:
            raise BadArguments(f"the arguments are not valid JSON: {error}") from None
        if not isinstance(given, dict):
            raise BadArguments(f"the arguments of {name} must be one JSON object")
        try:
            wrong = problems(given, schema)
        except BadSchema as error:
            raise BadArguments(str(error)) from None
        if wrong:
            raise BadArguments("; ".join(wrong))
        return given

    return check
