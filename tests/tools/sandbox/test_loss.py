"""A thread whose session is gone is told so once, whatever the tier says of the reason, and also after a restart."""

import asyncio
import os
import time
from dataclasses import replace

import pytest

from tools.sandbox.base import Cell, Ran
from tools.sandbox.errors import BadCell, SandboxBusy
from tools.sandbox.loss import GONE, KEPT_SECONDS, TellingOfLoss, forget_old


class Scripted:
    """A tier in memory: the code names what becomes of it."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.turn = asyncio.Lock()

    async def run(self, cell):
        async with self.turn:
            await asyncio.sleep(0)
            if cell.code == "busy":
                raise SandboxBusy("no room")
            if cell.code == "bad":
                raise BadCell("no name")
            state = "kept" if cell.session in self.sessions else "new"
            self.sessions.add(cell.session)
            if cell.code == "hang":
                self.sessions.clear()
                raise asyncio.CancelledError
            if cell.code == "end":
                self.sessions.discard(cell.session)
                state = "lost"
            return Ran(output="", state=state, notes=("of the tier",))

    async def end(self, session):
        self.sessions.discard(session)

    async def aclose(self):
        self.sessions.clear()


@pytest.fixture
def tier():
    return Scripted()


@pytest.fixture
def telling(tier, tmp_path):
    return TellingOfLoss(tier, tmp_path / "threads")


async def told(sandbox, code="1", session="default/线"):
    """Whether the loss of a session was told with the result."""
    ran = await sandbox.run(Cell(code=code, session=session))
    assert ran.notes[-1] == "of the tier"
    return GONE in ran.notes


async def test_what_was_pushed_out_is_told_once(tier, telling):
    assert [await told(telling), await told(telling)] == [False, False]
    tier.sessions.clear()
    assert [await told(telling), await told(telling)] == [True, False]
    assert not await told(telling, session="another")
    tier.sessions.clear()
    assert await told(telling)


async def test_a_restart_is_told(telling, tmp_path):
    await told(telling)
    await telling.aclose()
    again = TellingOfLoss(Scripted(), tmp_path / "threads")
    assert [await told(again), await told(again)] == [True, False]


async def test_what_the_tier_has_told_itself_is_not_told_again(telling):
    await told(telling)
    assert not await told(telling, "end")
    assert not await told(telling)


async def test_code_that_was_cut_short_may_have_left_something(telling):
    with pytest.raises(asyncio.CancelledError):
        await told(telling, "hang")
    assert await told(telling)


async def test_who_had_nothing_is_told_nothing(tier, telling):
    for code, error in (("busy", SandboxBusy), ("bad", BadCell)):
        with pytest.raises(error):
            await told(telling, code)
    assert not await told(telling)
    await telling.end("default/线")
    assert not await told(telling)
    assert not await told(telling, session="")
    tier.sessions.clear()
    assert not await told(telling, session="")


async def test_calls_side_by_side_are_one_session(tier, telling):
    assert await asyncio.gather(*(told(telling) for _ in range(5))) == [False] * 5
    tier.sessions.clear()
    assert sum(await asyncio.gather(*(told(telling) for _ in range(5)))) == 1
    ended = await asyncio.gather(told(telling, "end"), told(telling), told(telling))
    assert ended == [False] * 3


async def test_old_threads_are_forgotten(tier, telling, tmp_path):
    forget_old(tmp_path / "nowhere")
    await told(telling, session="old")
    (mark,) = (tmp_path / "threads").iterdir()
    then = time.time() - KEPT_SECONDS - 60
    os.utime(mark, (then, then))
    await told(telling, session="new")
    forget_old(tmp_path / "threads")
    tier.sessions.clear()
    assert not await told(telling, session="old")
    assert await told(telling, session="new")


async def test_the_rest_of_a_result_stays(tier, telling):
    await telling.run(Cell(code="1", session="s"))
    tier.sessions.clear()
    ran = await telling.run(Cell(code="1", session="s"))
    assert replace(ran, notes=()) == Ran(output="", state="new")
