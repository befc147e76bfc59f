"""Bodies of the routes of the store, as langgraph-sdk sends them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from server.langgraph.route import Limit, Offset, Query
from server.openai.schema import UNICODE, Body, Json, Text


def _label(text: str) -> str:
    if "." in text:
        raise ValueError(f"a label of a namespace has no dots, and {text[:50]!r} has")
    return text


def _no(flag: bool) -> bool:
    if flag:
        raise ValueError("must be false, a list of fields, or left out")
    return flag


Label = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_label), UNICODE]
Prefix = Annotated[list[Label], Field(max_length=32)]
Namespace = Annotated[list[Label], Field(min_length=1, max_length=32)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1_024), UNICODE]
Part = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=256), UNICODE]], Field(max_length=32)]
"""Of a namespace; `*` stands for any label."""


Unindexed = Annotated[bool, AfterValidator(_no)]


class PutItem(Body):
    namespace: Namespace
    key: Key
    value: Json
    index: Unindexed | Annotated[list[Text], Field(max_length=32)] | None = None
    ttl: Any = None


class DeleteItem(Body):
    namespace: Namespace
    key: Key


class SearchItems(Body):
    namespace_prefix: Prefix | None = None
    filter: Json | None = None
    limit: Limit = 10
    offset: Offset = 0
    query: Text | None = None
    refresh_ttl: bool | None = None


class ListNamespaces(Body):
    prefix: Part | None = None
    suffix: Part | None = None
    max_depth: Annotated[int, Field(ge=1, le=32)] | None = None
    limit: Limit = 100
    offset: Offset = 0


class ItemQuery(Query):
    namespace: Text
    key: Key
    refresh_ttl: bool | None = None
