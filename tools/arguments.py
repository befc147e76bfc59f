"""The arguments of a tool: from type hints to a JSON schema, and from a model's JSON to values or a clear refusal."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import from_json, to_json

from tools.errors import BadArguments, BadTool

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_PROBLEMS = 5
SHOWN = 80
EXACT = 2.0**53
"""Up to here every whole number has a float of its own."""


def parameters(name: str, function: Callable[..., Any], context: type) -> tuple[list[str], dict[str, Any]]:
    """The parameters of type `context`, and the others as fields for pydantic. Raises BadTool."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise BadTool(f"a type hint of the tool {name!r} is not there at run time: {error}") from None
    contexts: list[str] = []
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise BadTool(f"the tool {name!r} takes {parameter}: a model gives arguments by name, one by one")
        if parameter.name not in hints:
            raise BadTool(f"the parameter {parameter.name!r} of the tool {name!r} has no type hint")
        if hints[parameter.name] is context:
            contexts.append(parameter.name)
        else:
            fields[parameter.name] = (
                hints[parameter.name],
                ... if parameter.default is inspect.Parameter.empty else parameter.default,
            )
    return contexts, fields


class _Plain(GenerateJsonSchema):
    """Without a title for every field: it repeats the name, and a model pays for it with every request."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """What is merely warned of leaves something out of the schema. (A filter that makes warnings errors would hold
        for all threads: requests beside it failed.)"""
        raise TypeError(detail)


def checker(name: str, fields: dict[str, Any]) -> tuple[Callable[[str], dict[str, Any]], dict[str, Any]]:
    """What turns JSON text into checked arguments, and the JSON schema that it holds them to. Raises BadTool."""
    names = {field: f"argument_{number}" for number, field in enumerate(fields)}
    try:
        arguments = _model(name, fields, names)
        schema = arguments.model_json_schema(schema_generator=_Plain)
    except (PydanticUserError, ValidationError, NameError, TypeError) as error:
        raise BadTool(f"the parameters of the tool {name!r} cannot be described as JSON: {error}") from None
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
    schema.setdefault("properties", {})

    def check(text: str) -> dict[str, Any]:
        text = text.strip() or "{}"
        try:
            text = to_json(whole_numbers(from_json(text, allow_inf_nan=False))).decode()
        except ValueError as error:
            raise BadArguments(f"the arguments are not valid JSON: {error}") from None
        try:
            # As JSON, so that a strict reading still takes a list for a tuple and a text for a date.
            found = arguments.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise BadArguments(_told(name, error, schema)) from None
        return {field: getattr(found, names[field]) for field in fields}

    return check, schema


def whole_numbers(value: Any) -> Any:
    """JSON has one kind of number, and models write 5.0 where they mean 5: JSON Schema calls both an integer."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: whole_numbers(inner) for key, inner in value.items()}
    return [whole_numbers(inner) for inner in value] if isinstance(value, list) else value


def _model(name: str, fields: Mapping[str, Any], names: Mapping[str, str]) -> type[BaseModel]:
    """Fields under names of their own, with the parameters as aliases: a parameter may be called `copy` or `json`."""
    made: dict[str, Any] = {}
    for parameter, (hint, default) in fields.items():
        if default is not ...:
            TypeAdapter(hint).validate_python(default, strict=True)
        made[names[parameter]] = (hint, FieldInfo.merge_field_infos(Field(default, alias=parameter)))
    config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    return create_model(name, __config__=config, **made)


def _told(name: str, error: ValidationError, schema: Mapping[str, Any]) -> str:
    """What was wrong and what would be right, for a model that can then correct its call."""
    found = error.errors()
    problems = [_problem(name, problem, schema["properties"]) for problem in found[:MOST_PROBLEMS]]
    if len(found) > MOST_PROBLEMS:
        problems.append(f"and {len(found) - MOST_PROBLEMS} more")
    return "; ".join(dict.fromkeys(problems))


def _problem(name: str, problem: ErrorDetails, properties: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    if not place:
        return f"the arguments of {name} must be one JSON object, not {_shown(problem['input'])}"
    if problem["type"] == "extra_forbidden":
        takes = ", ".join(properties) or "no arguments"
        return f"there is no argument {place!r}; {name} takes {takes}"
    if problem["type"] == "missing":
        return f"the argument {place!r} is missing{_meaning(properties.get(place, {}))}"
    why = problem["msg"].removeprefix("Value error, ")
    return f"the argument {place!r} is {_shown(problem['input'])}: {why[:1].lower()}{why[1:]}"


def _meaning(schema: Mapping[str, Any]) -> str:
    parts = [str(schema[key]) for key in ("type", "description") if key in schema]
    return f" ({': '.join(parts)})" if parts else ""


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
