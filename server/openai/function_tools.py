"""The functions that a client offers, in the form of both APIs, and which of them are to be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from server.errors import bad_request
from server.openai.schema import UNICODE, Body, Json, Text

if TYPE_CHECKING:
    from backends.base import ToolSpec

MOST = 128
"""Functions in one request, as at OpenAI."""
WORDS = ("none", "auto", "required")
FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$"), UNICODE]


class Function(Body):
    name: FunctionName
    description: Text | None = None
    parameters: Json | None = None
    strict: bool | None = None


def specs(offered: Sequence[tuple[str, Function]]) -> tuple[ToolSpec, ...]:
    """What a backend is told of them; each comes with its place in the request. Raises ApiError."""
    from backends.base import ToolSpec

    made: dict[str, ToolSpec] = {}
    for where, function in offered:
        if function.name in made or function.name in WORDS:
            why = "a word of 'tool_choice'" if function.name in WORDS else "the name of another function"
            raise bad_request(f"'{where}.name' is {function.name!r}, which is {why}.", f"{where}.name", "invalid_value")
        made[function.name] = ToolSpec(
            name=function.name,
            description=function.description or "",
            parameters=_parameters(function, where),
            strict=bool(function.strict),
        )
    check_schemas({f"{where}.parameters": made[function.name].parameters for where, function in offered}, "tools")
    return tuple(made.values())


def _parameters(function: Function, where: str) -> dict[str, Any]:
    given = function.parameters or {"type": "object", "properties": {}}
    if given.get("type") != "object":
        message = f'\'{where}.parameters\' must be a JSON schema of an object: its "type" must be "object".'
        raise bad_request(message, f"{where}.parameters", "invalid_function_parameters")
    return given


def check_schemas(schemas: Mapping[str, Mapping[str, Any]], together: str) -> None:
    """Raises ApiError if one of them, by the name of its parameter, is no JSON schema; it blocks. `together`: the
    parameter that is named where all of them take too long to check."""
    from backends.schema_check import CostlyCheck, first_bad

    try:
        if not schemas or (bad := first_bad(list(schemas.values()))) is None:
            return
    except CostlyCheck as error:
        raise bad_request(f"{together!r}: {error}.", together, "invalid_json_schema") from None
    param, why = list(schemas)[bad[0]], bad[1]
    raise bad_request(f"{param!r}: {why}.", param, "invalid_json_schema")


def chosen(
    offered: tuple[ToolSpec, ...], word: str, among: Sequence[str] | None = None
) -> tuple[tuple[ToolSpec, ...], str]:
    """The functions to offer, and the choice as a backend takes it. `word`: one of WORDS, or the name of a function;
    `among`: the names of the only ones allowed. Raises ApiError."""
    names = [spec.name for spec in offered]
    for name in [*(among or ()), *([word] if word not in WORDS else [])]:
        if name not in names:
            listed = ", ".join(names) or "none"
            message = f"'tool_choice' names {name!r}, which is not among 'tools': {listed}."
            raise bad_request(message, "tool_choice", "invalid_value")
    if word == "required" and not names:
        raise bad_request("'tool_choice' is 'required', but there are no 'tools'.", "tool_choice", "invalid_value")
    return tuple(spec for spec in offered if among is None or spec.name in among), word
