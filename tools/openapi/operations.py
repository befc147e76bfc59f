"""The operations of a document: what each is called, takes and does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from tools.errors import BadTool
from tools.openapi.document import followed
from tools.openapi.schemas import Reader

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1000
OURS = frozenset(
    {
        "accept", "content-type", "authorization", "host", "content-length", "connection", "transfer-encoding", "te",
        "upgrade", "trailer", "accept-encoding", "user-agent", "cookie", "proxy-authorization", "idempotency-key",
    }
)  # fmt: skip
"""Headers that are not a model's to set; OpenAPI says of the first three that a parameter of that name is ignored."""
STYLES = {
    "path": ("simple",),
    "query": ("form", "deepObject", "spaceDelimited", "pipeDelimited"),
    "header": ("simple",),
}
SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    argument: str
    """What the model calls it."""
    name: str
    place: str
    """`path`, `query` or `header`."""
    style: str
    explode: bool
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    id: str
    """Its operationId, or `get_pets_id` where it has none."""
    method: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str = ""
    """The argument that is the JSON body; empty: it has none."""
    body_type: str = "application/json"
    schema: Mapping[str, Any]
    unusable: str = ""
    """Why no tool can be made of it; empty: one can."""

    @property
    def place(self) -> str:
        return f"{self.method} {self.path}"


def operations(
    document: Mapping[str, Any], wanted: Sequence[str], hidden: Sequence[str], check: Callable[[Operation], None]
) -> list[Operation]:
    """`wanted`: operationIds, `GET /path`, or patterns of either; none: all. `hidden`: headers that the service sets.
    `check` raises BadTool for an operation that cannot be had after all.

    Raises BadTool for one that is wanted and cannot be had, and for a name that fits none."""
    found, used = [], set()
    for method, path, shared, given in _each(document):
        one = _id(given, method, path)
        matching = [name for name in wanted if fnmatchcase(one, name) or fnmatchcase(f"{method.upper()} {path}", name)]
        used.update(matching)
        if wanted and not matching:
            continue
        try:
            made = _operation(document, one, method, path, shared, given, hidden)
            check(made)
            found.append(made)
        except BadTool as error:
            found.append(_unusable(one, method, path, str(error)))
        except (AttributeError, KeyError, TypeError) as error:
            # A list where an object belongs, and the like: documents are written by hand.
            found.append(_unusable(one, method, path, f"it is not of OpenAPI's form ({error})"))
        if found[-1].unusable and wanted:
            raise BadTool(f"{found[-1].place}: {found[-1].unusable}; take it out of `operations`")
    if missing := [name for name in wanted if name not in used]:
        there = ", ".join(_id(given, method, path) for method, path, _, given in _each(document))
        raise BadTool(f"`operations` names {missing[0]!r}, which fits none; there are {there[:1000]}")
    return found


def tool_name(prefix: str, one: str, taken: set[str]) -> str:
    """Of at most 64 characters of OpenAI's alphabet; the second of the same name ends in _2."""
    base = re.sub(r"[^A-Za-z0-9_-]+", "_", f"{prefix}_{one}")[:LONGEST_NAME]
    name, number = base, 1
    while name in taken:
        number += 1
        ending = f"_{number}"
        name = base[: LONGEST_NAME - len(ending)] + ending
    taken.add(name)
    return name


def _each(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    for path, item in document["paths"].items():
        item = followed(document, item)
        if not isinstance(item, dict) or not str(path).startswith("/"):
            continue
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield method, str(path), item.get("parameters") or [], item[method]


def _id(given: Mapping[str, Any], method: str, path: str) -> str:
    return str(given.get("operationId") or f"{method}_{'_'.join(re.findall(r'[A-Za-z0-9]+', path))}")


def _unusable(one: str, method: str, path: str, why: str) -> Operation:
    return Operation(
        id=one, method=method.upper(), path=path, description="", parameters=(), schema={}, unusable=why
    )  # fmt: skip


def _operation(
    document: Mapping[str, Any], one: str, method: str, path: str, shared: list[Any], given: dict[str, Any],
    hidden: Sequence[str],
) -> Operation:  # fmt: skip
    reader = Reader(document)
    properties: dict[str, Any] = {}
    required: list[str] = []
    parameters = []
    for raw in _merged(document, shared, given.get("parameters") or []):
        if (parameter := _parameter(raw, properties, hidden)) is None:
            continue
        parameters.append(parameter)
        properties[parameter.argument] = _described(reader.schema(_schema_of(raw)), raw)
        if raw.get("required") is True or parameter.place == "path":
            required.append(parameter.argument)
    named = {parameter.name for parameter in parameters if parameter.place == "path"}
    if lost := [name for name in re.findall(r"\{([^{}]*)\}", path) if name not in named]:
        raise BadTool(f"no parameter says what {lost[0]!r} in its path is")
    made = Operation(
        id=one, method=method.upper(), path=path, description=_description(given, method, path),
        parameters=tuple(parameters),
        schema={"type": "object", "properties": properties, "required": required, "additionalProperties": False},
    )  # fmt: skip
    return _with_body(document, reader, made, given, properties, required)


def _with_body(
    document: Mapping[str, Any], reader: Reader, made: Operation, given: Mapping[str, Any],
    properties: dict[str, Any], required: list[str],
) -> Operation:  # fmt: skip
    if given.get("requestBody") is None:
        return made
    body = followed(document, given["requestBody"])
    kinds = body.get("content") if isinstance(body, dict) else None
    kinds = kinds if isinstance(kinds, dict) else {}
    kind = next((name for name in kinds if is_json(str(name))), None)
    if kind is None:
        raise BadTool(f"its body is {', '.join(map(str, kinds)) or 'of no type'}: only JSON is sent")
    argument = _free("body", properties)
    properties[argument] = _described(reader.schema((followed(document, kinds[kind]) or {}).get("schema", {})), body)
    if body.get("required") is True:
        required.append(argument)
    return replace(made, body=argument, body_type=kind if "*" not in kind else "application/json")


def is_json(kind: str) -> bool:
    kind = kind.partition(";")[0].strip().lower()
    return kind in ("application/json", "*/*", "application/*") or kind.endswith("+json")


def _merged(document: Mapping[str, Any], shared: Any, own: Any) -> list[dict[str, Any]]:
    """Those of the operation go before those of its path."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for raw in [*shared, *own]:
        raw = followed(document, raw)
        if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not isinstance(raw.get("in"), str):
            raise BadTool("a parameter has no `name` or no `in`")
        found[raw["name"], raw["in"]] = raw
    return list(found.values())


def _parameter(raw: Mapping[str, Any], taken: Mapping[str, Any], hidden: Sequence[str]) -> Parameter | None:
    """None for one that is not the model's to give."""
    name, place = raw["name"], raw["in"]
    if place == "header" and name.lower() in OURS | {one.lower() for one in hidden}:
        return None
    if place == "header" and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise BadTool(f"{name[:80]!r} is no name of a header")
    if place not in STYLES:
        if raw.get("required") is True:
            raise BadTool(f"it needs the parameter {name[:80]!r} in {place[:40]!r}, which is not sent")
        return None
    style = raw.get("style") or STYLES[place][0]
    if style not in STYLES[place]:
        raise BadTool(f"the parameter {name[:80]!r} has the style {style!r}, which is not written here")
    return Parameter(
        argument=_free(name, taken), name=name, place=place, style=style,
        explode=bool(raw.get("explode", style in ("form", "deepObject"))), as_json="content" in raw,
    )  # fmt: skip


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _schema_of(raw: Mapping[str, Any]) -> Any:
    if isinstance(raw.get("content"), dict) and raw["content"]:
        return (next(iter(raw["content"].values())) or {}).get("schema", {})
    return raw.get("schema", {})


def _described(schema: dict[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    text = raw.get("description")
    return {**schema, "description": text[:LONGEST_DESCRIPTION]} if isinstance(text, str) and text else schema


def _description(given: Mapping[str, Any], method: str, path: str) -> str:
    texts = dict.fromkeys(str(given[key]).strip() for key in ("summary", "description") if given.get(key))
    return "\n".join(texts)[:LONGEST_DESCRIPTION] or f"{method.upper()} {path}"
