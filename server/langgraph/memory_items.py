"""Memory as items of the store: `memory_records`, `user` or `thread`, NAME; a record's number is its key.

A label has no dots, so `.` and `%` of a name are written `%2E` and `%25`: no two names become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import ValidationError

from agents.memory.recalling import forget_ids
from agents.memory.record import Owner, Record
from server.errors import ApiError
from server.langgraph.messages import invalid
from server.storage import memory_records

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from agents.memory.archive import Archive

ROOT = "memory_records"
EDITABLE = ("text", "subject", "importance")
LONGEST = {"text": 2_000, "subject": 200}
"""Characters; no text that is kept by itself is longer."""


class Item(NamedTuple):
    """What the store's own rows have."""

    namespace: str
    key: str
    value: dict[str, Any]
    indexed: list[str]
    created_at: float
    updated_at: float


def of_memory(namespace: Sequence[str]) -> bool:
    return bool(namespace) and namespace[0] == ROOT


def label(name: str) -> str:
    return name.replace("%", "%25").replace(".", "%2E")


def place(owner: Owner) -> str:
    return f"{ROOT}.{owner.scope}.{label(owner.name)}"


def items_under(db: Connection, tenant: str, prefix: Sequence[str]) -> list[Item]:
    """Those used last first."""
    start = ".".join(prefix)
    found: list[Item] = []
    for owner in memory_records.owners(db, tenant):
        if not prefix or f"{place(owner)}.".startswith(f"{start}."):
            found += [_item(owner, memory_records.record_of(row)) for row in memory_records.listed(db, owner)
                      if not row.forgotten]  # fmt: skip
    return sorted(found, key=lambda item: (-item.updated_at, item.namespace, item.key))


def namespaces(db: Connection, tenant: str, prefix: Sequence[str]) -> list[str]:
    start = ".".join(prefix)
    found = [place(owner) for owner in memory_records.owners(db, tenant)]
    return [name for name in found if not prefix or f"{name}.".startswith(f"{start}.")]


async def get_item(archive: Archive, tenant: str, namespace: Sequence[str], key: str) -> Item | None:
    owner = _owner(tenant, namespace)
    record = await _record(archive, owner, key) if owner is not None else None
    return _item(owner, record) if owner is not None and record is not None else None


async def edit_item(archive: Archive, tenant: str, namespace: Sequence[str], key: str, value: dict[str, Any]) -> None:
    """Text, subject and importance may change; what else is sent must be what is there. Raises ApiError."""
    owner = _owner(tenant, namespace)
    record = await _record(archive, owner, key) if owner is not None else None
    message = f"No record {key!r} in {'.'.join(namespace)!r}: records are made by what is said, and edited here."
    missing = ApiError(404, message, param="key", code="item_not_found")
    if owner is None or record is None:
        raise missing
    if not value:
        raise invalid("value", f"is empty; {', '.join(EDITABLE)} can be changed")
    known = _item(owner, record).value
    for name, given in value.items():
        if name not in known:
            raise invalid(f"value.{name}", f"is no field of a record; they are {', '.join(known)}")
        if name not in EDITABLE and given != known[name]:
            raise invalid(f"value.{name}", f"cannot be changed; {', '.join(EDITABLE)} can")
    try:
        changed = Record.model_validate_json(_json({**record.model_dump(mode="json"), **value}))
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(f"value.{first['loc'][0]}", first["msg"].replace("Input should be", "should be")) from None
    for name, most in LONGEST.items():
        if name in value and len(getattr(changed, name)) > most:
            raise invalid(f"value.{name}", f"has {len(getattr(changed, name))} characters; at most {most} are kept")
    if not changed.text.strip() or not 1 <= changed.importance <= 10:
        name = "importance" if changed.text.strip() else "text"
        raise invalid(f"value.{name}", "must be 1 to 10" if name == "importance" else "is empty")
    if not await archive.edit(owner, record.id, {name: getattr(changed, name) for name in EDITABLE if name in value}):
        raise missing


async def remove_item(archive: Archive, tenant: str, namespace: Sequence[str], key: str) -> None:
    owner = _owner(tenant, namespace)
    if owner is not None and (record := await _record(archive, owner, key)) is not None:
        await forget_ids(archive, owner, [record.id])


def _json(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value)


def _owner(tenant: str, namespace: Sequence[str]) -> Owner | None:
    if len(namespace) != 3 or namespace[1] not in ("user", "thread"):
        return None
    name = namespace[2].replace("%2E", ".").replace("%25", "%")
    return Owner(tenant, cast("Any", namespace[1]), name)


async def _record(archive: Archive, owner: Owner, key: str) -> Record | None:
    if not (key.isascii() and key.isdigit() and len(key) < 16):
        return None
    shelf = await archive.shelf(owner)
    record = shelf.records.get(int(key))
    return record if record is not None and not record.forgotten else None


def _item(owner: Owner, record: Record) -> Item:
    value = record.model_dump(mode="json", exclude={"id", "forgotten"})
    changed = max(record.created_at, record.last_access).timestamp()
    return Item(place(owner), f"{record.id:08}", value, ["text"], record.created_at.timestamp(), changed)
