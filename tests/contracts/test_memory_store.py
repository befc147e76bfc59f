"""What every Store of memory keeps: records by owner, whole changes, vectors, and nothing once it is erased."""

from datetime import UTC, datetime

import pytest

from agents.memory.record import Owner, Record, forgotten
from agents.memory.store import InMemory, Kept
from retrieval.database import Database, sqlite_engine
from server.storage.memory_records import InDatabase
from server.storage.migrate import migrate

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
ADA = Owner("t", "user", "ada")
OTHERS = [Owner("t", "user", "ada.b"), Owner("t", "thread", "ada"), Owner("u", "user", "ada")]


@pytest.fixture(params=["in memory", "in the database"])
async def store(request, tmp_path):
    if request.param == "in memory":
        yield InMemory()
        return
    database = Database(sqlite_engine(tmp_path / "test.sqlite3"))
    await database.write(migrate)
    yield InDatabase(database)
    database.close()


def record(id, text="", **named):
    return Record(**{"id": id, "text": text or f"text {id}", "created_at": NOON, "last_access": NOON} | named)


async def test_what_is_kept_is_there_by_id_and_whole(store):
    whole = record(2, "说过的话 🎈", kind="reflection", subject="ada", importance=7.5, sources=(1, 3), superseded_by=9)
    await store.write(ADA, [Kept(whole, b"\x00\x01", "by/1", "key"), Kept(record(1))])
    first, second = await store.load(ADA)
    assert first == Kept(record(1), None, "", "")
    assert second == Kept(whole, b"\x00\x01", "by/1", "key")
    assert second.record.created_at == NOON


async def test_owners_are_apart(store):
    for number, owner in enumerate([ADA, *OTHERS], start=1):
        await store.write(owner, [Kept(record(1, f"of {number}"))])
    assert [[k.record.text for k in await store.load(owner)] for owner in [ADA, *OTHERS]] == [
        ["of 1"], ["of 2"], ["of 3"], ["of 4"],
    ]  # fmt: skip
    await store.erase(ADA)
    assert await store.load(ADA) == []
    assert all([await store.load(owner) for owner in OTHERS])


async def test_a_new_state_keeps_vector_and_key_unless_it_brings_a_vector(store):
    await store.write(ADA, [Kept(record(1), b"old", "by/1", "key")])
    await store.write(ADA, [Kept(record(1, importance=9.0), None, "by/2", "other")])
    assert await store.load(ADA) == [Kept(record(1, importance=9.0), b"old", "by/1", "key")]
    await store.write(ADA, [Kept(forgotten(record(1)), b"", "by/2", "other")])
    assert await store.load(ADA) == [Kept(forgotten(record(1)), b"", "by/2", "key")]


async def test_nothing_is_an_owner_that_nobody_knows(store):
    assert await store.load(ADA) == []
    await store.erase(ADA)
    await store.write(ADA, [])
    assert await store.load(ADA) == []
