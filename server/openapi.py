"""What FastAPI cannot know for /openapi.json: our error shape, how a key is sent, and the form that is read by hand."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from server.access import OPEN_PATHS
from server.answers import BYTES, JSON_ANSWERS, STREAMED, TEXTS
from server.langgraph import answers as langgraph
from server.openai.files import PURPOSES

NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}
ERROR = {
    "type": "object",
    "title": "Error",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": NULLABLE,
                "code": NULLABLE,
                "sandtable": {"type": "object"},
            },
        }
    },
}
REASONS = {
    "400": "Something in the request is wrong; `param` names it.",
    "401": "The API key is missing or wrong.",
    "404": "What the request names does not exist.",
    "default": "Any other error: a conflict, too much at once, a backend that fails, a full disk.",
}
REFERENCE = "#/components/schemas/{model}"
UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "purpose"],
                "additionalProperties": False,
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "enum": list(PURPOSES)},
                },
            }
        }
    },
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}

SERVER_SENT = {
    "type": "object",
    "title": "One server-sent event",
    "required": ["data"],
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
}


def install(app: FastAPI, *, needs_key: bool) -> None:
    """Complete the document that `app.openapi()` makes. `needs_key`: whether keys are set."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        # FastAPI keeps what it has made, and returns it from then on.
        return generated() if app.openapi_schema else _completed(generated(), needs_key)

    setattr(app, "openapi", openapi)  # noqa: B010 - a plain assignment to a method is what mypy refuses


def _completed(api: dict[str, Any], needs_key: bool) -> dict[str, Any]:
    components = api["components"]
    for replaced in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(replaced, None)
    components["schemas"]["Error"] = ERROR
    answers = _answers(components["schemas"])
    components["securitySchemes"] = SCHEMES
    api["security"] = [{name: []} for name in SCHEMES] + ([] if needs_key else [{}])
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            _add_errors(path, operation)
            _add_answer(f"{method.upper()} {path}", operation["responses"], answers)
    api["paths"]["/v1/files"]["post"]["requestBody"] = UPLOAD
    return api


def _add_errors(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    # FastAPI's status for what it refuses itself; ours is 400.
    responses.pop("422", None)
    if path in OPEN_PATHS:
        operation["security"] = []
        return
    for status, reason in (REASONS if path.startswith("/v1/") else langgraph.REASONS).items():
        schema = {"$ref": "#/components/schemas/Error"}
        responses[status] = {"description": reason, "content": {"application/json": {"schema": schema}}}


def _answers(schemas: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put the shapes of all answers into `schemas`; returns the schema of each route's."""
    from pydantic.json_schema import models_json_schema

    every = JSON_ANSWERS | langgraph.JSON_ANSWERS
    kinds = list(dict.fromkeys(every.values()))
    found, defined = models_json_schema([(kind, "serialization") for kind in kinds], ref_template=REFERENCE)
    for name, schema in defined["$defs"].items():
        if schemas.setdefault(name, schema) != schema:
            raise RuntimeError(f"two kinds of schema are called {name!r}: rename the one in server.shapes")
    return {route: found[kind, "serialization"] for route, kind in every.items()}


def _add_answer(route: str, responses: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    content: dict[str, Any] = {}
    if route in answers:
        content["application/json"] = {"schema": answers[route]}
    if route in STREAMED | langgraph.ONLY_STREAMED:
        content["text/event-stream"] = {"schema": SERVER_SENT}
    if route in BYTES:
        content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
    content |= {media: {"schema": {"type": "string"}} for media in TEXTS.get(route, ())}
    if content:
        responses[min(responses)]["content"] = content
    if route == "GET /readyz":
        responses["503"] = {**responses["200"], "description": "Not yet, or not any more."}
