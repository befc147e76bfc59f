"""/store: JSON objects by namespace and key, each tenant's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from server.errors import ApiError
from server.langgraph import memory_items, persona_items
from server.langgraph.messages import invalid
from server.langgraph.route import LangGraphRoute, not_supported, timestamp
from server.langgraph.store_filter import check_filter, matches
from server.langgraph.store_schema import DeleteItem, ItemQuery, ListNamespaces, PutItem, SearchItems
from server.langgraph.store_text import text_of
from server.services import services_of, tenant_of
from server.storage import store_items

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from server.langgraph.memory_items import Item
    from server.services import Services

router = APIRouter(tags=["store"], route_class=LangGraphRoute)
MOST_COMPARED = 1_000
"""Items that a query compares with its text, those changed last first: the embedder reads some hundred a second."""


@router.put("/store/items", status_code=204)
async def put_item(request: Request, body: PutItem) -> Response:
    if body.ttl is not None:
        raise not_supported("A time to live", "ttl", "delete the item when you no longer need it")
    indexed = True if body.index is None else body.index
    tenant = tenant_of(request)
    if memory_items.of_memory(body.namespace):
        await memory_items.edit_item(services_of(request).archive, tenant, body.namespace, body.key, body.value)
        return Response(status_code=204)
    value = body.value
    if persona_items.of_persona(body.namespace):
        value = persona_items.checked(body.namespace, body.key, value)
    await services_of(request).database.write(
        lambda db: store_items.put_item(db, tenant, body.namespace, body.key, value, indexed)
    )
    return Response(status_code=204)


@router.get("/store/items")
async def get_item(request: Request, query: Annotated[ItemQuery, Query()]) -> dict[str, Any]:
    """`namespace`: its labels joined by dots."""
    tenant, namespace = tenant_of(request), query.namespace.split(".")
    if not all(namespace):
        raise invalid("namespace", "has an empty label; it reads 'users.ada'")
    row = await _item(services_of(request), tenant, namespace, query.key)
    if row is None:
        message = f"No item {query.key!r} in the namespace {query.namespace!r}."
        raise ApiError(404, message, param="key", code="item_not_found")
    return _shown(row)


@router.delete("/store/items", status_code=204)
async def delete_item(request: Request, body: DeleteItem) -> Response:
    """Also where there is none: it is gone then."""
    services, tenant = services_of(request), tenant_of(request)
    if memory_items.of_memory(body.namespace):
        await memory_items.remove_item(services.archive, tenant, body.namespace, body.key)
    else:
        await services.database.write(lambda db: store_items.remove_item(db, tenant, body.namespace, body.key))
    return Response(status_code=204)


@router.post("/store/items/search")
async def search_items(request: Request, body: SearchItems) -> dict[str, Any]:
    """Those changed last first; with `query`, those nearest in meaning first."""
    services, tenant, filter = services_of(request), tenant_of(request), body.filter or {}
    check_filter(filter)

    def find(db: Connection) -> list[Row[Any] | Item]:
        return [row for row in items_under(db, tenant, body.namespace_prefix or ()) if matches(row.value, filter)]

    rows = await services.database.read(find)
    if body.query is None or not body.query.strip():
        return {"items": [_shown(row) for row in rows[body.offset : body.offset + body.limit]]}
    ranked = await _ranked(services, body.query, rows)
    return {"items": [{**_shown(row), "score": score} for row, score in ranked[body.offset : body.offset + body.limit]]}


@router.post("/store/namespaces")
async def list_namespaces(request: Request, body: ListNamespaces) -> dict[str, Any]:
    tenant, prefix, suffix = tenant_of(request), body.prefix or [], body.suffix or []
    fixed = prefix[: prefix.index("*")] if "*" in prefix else prefix
    read = services_of(request).database.read
    found = await read(
        lambda db: [*store_items.namespaces(db, tenant, fixed), *memory_items.namespaces(db, tenant, fixed)]
    )
    listed = [name.split(".") for name in sorted(found)]
    kept = [n for n in listed if _fits(n[: len(prefix)], prefix) and _fits(n[len(n) - len(suffix) :], suffix)]
    cut = dict.fromkeys(tuple(namespace[: body.max_depth]) for namespace in kept)
    return {"namespaces": [list(namespace) for namespace in cut][body.offset : body.offset + body.limit]}


def items_under(db: Connection, tenant: str, prefix: Sequence[str]) -> list[Row[Any] | Item]:
    """Those changed last first, records of memory among them."""
    found: list[Row[Any] | Item] = [*store_items.items_under(db, tenant, prefix)]
    found += memory_items.items_under(db, tenant, prefix)
    return sorted(found, key=lambda row: (-row.updated_at, row.namespace, row.key))


async def _item(services: Services, tenant: str, namespace: list[str], key: str) -> Row[Any] | Item | None:
    if memory_items.of_memory(namespace):
        return await memory_items.get_item(services.archive, tenant, namespace, key)
    return await services.database.read(lambda db: store_items.get_item(db, tenant, namespace, key))


def _fits(labels: list[str], wanted: list[str]) -> bool:
    return len(labels) == len(wanted) and all(w in ("*", label) for label, w in zip(labels, wanted, strict=True))


def _shown(row: Row[Any] | Item) -> dict[str, Any]:
    return {
        "namespace": row.namespace.split("."),
        "key": row.key,
        "value": row.value,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }


async def _ranked(services: Services, query: str, rows: list[Row[Any] | Item]) -> list[tuple[Row[Any] | Item, float]]:
    """By the cosine of the service's embedder. Raises ApiError if that would take too long."""
    from retrieval.nearness import nearness

    texts = [(row, text) for row in rows if row.indexed is not False and (text := text_of(row.value, row.indexed))]
    if len(texts) > MOST_COMPARED:
        message = (
            f"'query' would be compared with {len(texts)} items; narrow it to {MOST_COMPARED} by prefix or filter."
        )
        raise ApiError(422, message, param="query", code="too_many_items")
    if not texts:
        return []
    embedder, _ = services.collections.embedder(services.settings.embedder)
    scores = await asyncio.to_thread(nearness, embedder, query, [text for _, text in texts])
    scored = [(row, score) for (row, _), score in zip(texts, scores, strict=True)]
    return sorted(scored, key=lambda pair: -pair[1])
