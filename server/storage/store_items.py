"""Rows of the store: JSON objects by namespace and key."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, or_, select, true
from sqlalchemy.dialects.sqlite import insert

from server.storage.tables import store_item

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

Namespace = Sequence[str]


def put_item(db: Connection, tenant: str, namespace: Namespace, key: str, value: Any, indexed: Any) -> None:
    now = time.time()
    changed = {"value": value, "indexed": indexed, "updated_at": now}
    row = {"tenant": tenant, "namespace": ".".join(namespace), "key": key, "created_at": now, **changed}
    added = insert(store_item).values(row)
    db.execute(added.on_conflict_do_update(index_elements=["tenant", "namespace", "key"], set_=changed))


def get_item(db: Connection, tenant: str, namespace: Namespace, key: str) -> Row[Any] | None:
    return db.execute(select(store_item).where(_at(tenant, namespace, key))).one_or_none()


def remove_item(db: Connection, tenant: str, namespace: Namespace, key: str) -> None:
    db.execute(delete(store_item).where(_at(tenant, namespace, key)))


def items_under(db: Connection, tenant: str, prefix: Namespace) -> Sequence[Row[Any]]:
    """Those changed last first."""
    query = select(store_item).where(store_item.c.tenant == tenant, _under(prefix))
    return db.execute(query.order_by(store_item.c.updated_at.desc(), store_item.c.namespace, store_item.c.key)).all()


def namespaces(db: Connection, tenant: str, prefix: Namespace) -> Sequence[str]:
    query = select(store_item.c.namespace).where(store_item.c.tenant == tenant, _under(prefix)).distinct()
    return db.execute(query.order_by(store_item.c.namespace)).scalars().all()


def _at(tenant: str, namespace: Namespace, key: str) -> ColumnElement[bool]:
    place = ".".join(namespace)
    return and_(store_item.c.tenant == tenant, store_item.c.namespace == place, store_item.c.key == key)


def _under(prefix: Namespace) -> ColumnElement[bool]:
    if not prefix:
        return true()
    start = ".".join(prefix)
    # `/` is the letter after the dot: a range, which the index serves, unlike LIKE with its wildcards in names.
    within = and_(store_item.c.namespace > f"{start}.", store_item.c.namespace < f"{start}/")
    return or_(store_item.c.namespace == start, within)
