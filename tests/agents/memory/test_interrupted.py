"""Changes of a memory whose callers are cancelled, or that meet another change."""

import asyncio
from datetime import UTC, datetime

import pytest

from agents.memory.archive import Archive
from agents.memory.recalling import forget_ids
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.memory.store import InMemory

ADA = Owner("t", "user", "ada")
NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)


class Slow(InMemory):
    """Its writes go on when their caller does not, as those of a database's thread do."""

    def __init__(self):
        super().__init__()
        self.writing, self.go_on = asyncio.Event(), asyncio.Event()

    async def write(self, owner, changed):
        self.writing.set()
        await self.go_on.wait()
        await super().write(owner, changed)


def fact(text, **named):
    return Draft(text=text, created_at=NOON, **named)


async def test_what_was_written_is_shown_also_if_the_run_was_cancelled():
    store = Slow()
    archive = Archive(store)
    doing = asyncio.create_task(remember(archive, ADA, [fact("I am allergic to penicillin.")], "k1"))
    await store.writing.wait()
    doing.cancel()
    await asyncio.sleep(0)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await doing
    await remember(archive, ADA, [fact("My favourite colour is green.")], "k2")
    kept = {one.record.id: (one.record.text, one.made_by) for one in await store.load(ADA)}
    assert kept == {1: ("I am allergic to penicillin.", "k1"), 2: ("My favourite colour is green.", "k2")}


async def test_an_edit_does_not_bring_back_what_is_forgotten():
    archive = Archive(InMemory())
    await remember(archive, ADA, [fact("My dog is called Rex.")])
    await forget_ids(archive, ADA, [1])
    assert not await archive.edit(ADA, 1, {"importance": 7.0})
    (kept,) = await archive.store.load(ADA)
    assert (kept.record.text, kept.record.forgotten) == ("", True)


async def test_a_long_history_is_forgotten_with_its_last_state_and_nothing_else():
    archive = Archive(InMemory())
    states = [fact(f"My status is {n}.", subject="my status") for n in range(800)]
    await remember(archive, ADA, [*states, fact("My dog is called Rex.")])
    gone = await forget_ids(archive, ADA, [800])
    assert sorted(one.id for one in gone) == list(range(1, 801))
    shelf = await archive.shelf(ADA)
    assert [one.text for one in shelf.records.values() if not one.forgotten] == ["My dog is called Rex."]
