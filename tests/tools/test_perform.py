"""A call of a tool ends in a text for the model, whatever the tool does."""

import asyncio
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass, replace

from tests.conftest import ROOT
from tools.base import Context, Result, tool
from tools.errors import ToolError
from tools.perform import Outcome, perform

HERE = Context()


@tool
async def echo(text: str) -> str:
    """Say it again."""
    return text


@tool
def refuse(why: str) -> str:
    """Refuse."""
    raise ToolError(why)


@tool
def fall(why: str) -> str:
    """Fall."""
    raise KeyError(why)


@tool
async def time_out_of_its_own() -> str:
    """Time out on the inside, as a client of something does."""
    raise TimeoutError("the other side")


async def test_what_comes_back_is_told():
    assert await perform(echo, '{"text": "多高？ 330 m 🗼"}', HERE) == Outcome("多高？ 330 m 🗼")


async def test_a_tool_error_is_told_to_the_model():
    assert await perform(refuse, '{"why": "not on a 星期天"}', HERE) == Outcome("not on a 星期天", fault="refused")


async def test_a_bug_is_logged_and_not_told(caplog):
    with caplog.at_level(logging.ERROR):
        outcome = await perform(fall, '{"why": "secret"}', HERE)
    assert outcome == Outcome("fall failed for an internal reason", fault="broken")
    assert "KeyError: 'secret'" in caplog.text


async def test_arguments_that_do_not_fit_call_nothing():
    outcome = await perform(fall, '{"because": 1}', HERE)
    assert outcome.fault == "bad_arguments"


async def test_a_time_out_is_told_and_cancels():
    cancelled = asyncio.Event()

    @tool(seconds=0.01)
    async def hang() -> str:
        """Never end."""
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return ""

    assert await perform(hang, "", HERE) == Outcome("hang did not answer within 0.01 seconds", fault="timed_out")
    assert cancelled.is_set()


async def test_a_time_out_does_not_wait_for_a_thread():
    release = threading.Event()

    @tool(seconds=0.01)
    def block() -> str:
        """Block."""
        release.wait(60)
        return ""

    try:
        assert (await perform(block, "", HERE)).fault == "timed_out"
    finally:
        release.set()


async def test_a_time_out_inside_is_a_bug_of_the_tool():
    assert (await perform(time_out_of_its_own, "", HERE)).fault == "broken"


async def test_cancelling_goes_through():
    @tool
    async def hang() -> str:
        """Never end."""
        await asyncio.Event().wait()
        return ""

    task = asyncio.create_task(perform(hang, "", HERE))
    await asyncio.sleep(0)
    task.cancel()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_long_output_is_cut_with_a_word_about_it():
    short = replace(echo, max_chars=4)
    assert (await perform(short, '{"text": "巴黎塔高三百三十米"}', HERE)).text == (
        "巴黎塔高\n[cut: these are the first 4 of 9 characters; ask for less]"
    )
    assert (await perform(short, '{"text": "巴黎塔高"}', HERE)).text == "巴黎塔高"
    long_refusal = await perform(replace(refuse, max_chars=4), '{"why": "too long a story"}', HERE)
    assert long_refusal.text.startswith("too \n[cut: ")


async def test_sync_functions_leave_the_event_loop_alone():
    seen = []

    @tool
    def where() -> str:
        """Note the thread."""
        seen.append(threading.current_thread())
        return ""

    await perform(where, "", HERE)
    assert seen != [threading.main_thread()]


@dataclass
class Place:
    name: str
    metres: float


async def test_what_is_no_text_becomes_json():
    @tool
    def place() -> Place:
        """Find a place."""
        return Place("巴黎", 330.0)

    @tool
    def nothing() -> None:
        """Do something."""

    @tool
    def unwritable() -> object:
        """Return what JSON has no form for."""
        return object()

    assert (await perform(place, "", HERE)).text == '{"name":"巴黎","metres":330.0}'
    assert (await perform(nothing, "", HERE)).text == "null"
    assert (await perform(unwritable, "", HERE)).fault == "broken"


async def test_half_a_surrogate_pair_does_not_get_out():
    @tool
    def half() -> Result:
        """Return what cannot be sent."""
        return Result("a\ud800b")

    assert (await perform(half, "", HERE)).text == "a\ufffdb"


HANGING = """
import asyncio, threading
from tools.base import Context, tool
from tools.perform import perform

@tool(seconds=0.1)
def hang() -> str:
    "Never return."
    threading.Event().wait()

async def main():
    print((await asyncio.gather(*(perform(hang, "", Context()) for _ in range(40))))[-1].fault)
    print(await asyncio.to_thread(lambda: "others work"))

asyncio.run(main())
"""


def test_tools_that_never_return_hold_nobody():
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, check=True, cwd=ROOT
    )
    assert done.stdout.split("\n") == ["timed_out", "others work", ""]


async def test_what_a_generator_raises_is_a_bug_like_any_other():
    @tool
    def end() -> str:
        """Raise what a future does not take."""
        raise StopIteration

    assert (await perform(end, "", HERE)).fault == "broken"
