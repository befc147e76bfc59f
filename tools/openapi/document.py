"""An OpenAPI document as plain values: read from JSON or YAML, its local references followed.

Sources: OpenAPI 3.0.4 and 3.1.1; RFC 6901 for `#/a/b`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from pydantic_core import from_json

from tools.errors import BadTool

if TYPE_CHECKING:
    import yaml

VERSION = re.compile(r"3\.[01](\.|$)")
YAML_ONLY = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:value")
MOST_HOPS = 20
MOST_VALUES, DEEPEST = 3_000_000, 200


def read_document(data: bytes) -> dict[str, Any]:
    """Raises BadTool for what is no OpenAPI 3.0 or 3.1."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadTool(f"it is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    found = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    if not isinstance(found, dict) or not ("openapi" in found or "swagger" in found):
        raise BadTool("it is no OpenAPI document: one begins with `openapi: 3.1.0`")
    version = str(found.get("openapi", found.get("swagger")))
    if not VERSION.match(version):
        raise BadTool(f"its version is {version[:20]!r}: OpenAPI 3.0 and 3.1 are read; convert the document")
    if not isinstance(found.get("paths"), dict) or not found["paths"]:
        raise BadTool("it has no `paths`, so there is nothing to call")
    return found


def _json(text: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadTool(f"it is not valid JSON: {error}") from None


def _yaml(text: str) -> Any:
    import yaml

    try:
        found = yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadTool(f"it is not valid YAML: {told}") from None
    _check_tree(found)
    return found


def _check_tree(value: Any) -> None:
    """Anchors can make a few lines endless, and tags make values that JSON has not. Raises BadTool."""
    rest, seen = [(value, 0)], 0
    while rest:
        one, depth = rest.pop()
        seen += 1
        if seen > MOST_VALUES or depth > DEEPEST:
            raise BadTool(f"its anchors make more than {MOST_VALUES:,} values of it, or lie deeper than {DEEPEST}")
        if isinstance(one, dict):
            rest += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            rest += [(inner, depth + 1) for inner in one]
        elif not (one is None or isinstance(one, str | int) or (isinstance(one, float) and isfinite(one))):
            raise BadTool(f"it holds a value that JSON has not, {str(one)[:80]!r}: write it as a text")


def _loader() -> type[yaml.SafeLoader]:
    """The types of JSON only, as OpenAPI asks: `no` is a text (and Norway), a date too."""
    import yaml

    Plain: Any = type("Plain", (yaml.SafeLoader,), {})
    Plain.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in YAML_ONLY]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    return cast("type[yaml.SafeLoader]", Plain)


def followed(document: Mapping[str, Any], value: Any) -> Any:
    """What a value is that may be a reference, or a reference to one. Raises BadTool."""
    for _ in range(MOST_HOPS):
        if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
            return value
        value = pointed(document, value["$ref"])
    raise BadTool("a reference in it leads to itself")


def pointed(document: Mapping[str, Any], reference: str) -> Any:
    """Raises BadTool."""
    if not reference.startswith("#/"):
        raise BadTool(f"the reference {reference[:120]!r} leads out of the document: bundle it into one file")
    found: Any = document
    for part in reference[2:].split("/"):
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise BadTool(f"the reference {reference[:120]!r} leads nowhere")
    return found
