"""What every tier of the sandbox keeps to, wherever it runs."""

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import uvicorn

from server.sandbox_app import sandbox_app
from tests.tools.sandbox.bench import SMALL
from tools.sandbox import tiers
from tools.sandbox.base import Cell, File
from tools.sandbox.errors import BadCell, SandboxBusy, SandboxUnavailable
from tools.sandbox.loss import GONE, TellingOfLoss
from tools.sandbox.tiers import Place, choose

LIMITS = replace(SMALL, seconds=1, sessions=3)
KEY = "key-of-the-sandbox"


def missing(kind: str) -> str:
    try:
        tiers.check_machine()
    except SandboxUnavailable as error:
        return error.reason
    return "there is no bubblewrap here" if kind == "bubblewrap" and shutil.which("bwrap") is None else ""


@asynccontextmanager
async def sandbox_of(kind, root, limits=LIMITS):
    if why := missing(kind):
        pytest.skip(why)
    place = Place(directory=root / "work", cache=root / "cache", limits=limits, load=False)
    if kind != "remote":
        sandbox = choose(kind, place).sandbox
        try:
            yield sandbox
        finally:
            await sandbox.aclose()
        return
    async with serving(choose("process", place)) as url:
        sandbox = choose("remote", replace(place, url=url, key=KEY)).sandbox
        try:
            yield sandbox
        finally:
            await sandbox.aclose()


@asynccontextmanager
async def serving(tier):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(sandbox_app(tier, KEY), log_config=None, ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@pytest.fixture(params=["process", pytest.param("bubblewrap", marks=pytest.mark.slow), "remote"])
async def sandbox(request, tmp_path):
    async with sandbox_of(request.param, tmp_path) as made:
        yield made


async def run(sandbox, code, session="", *files):
    return await sandbox.run(Cell(code=code, session=session, files=files))


async def test_code_runs_and_state_is_kept_by_session(sandbox):
    first = await run(sandbox, "x = '大小'\nprint(x)\nx * 2", "a")
    assert (first.output, first.value, first.error, first.state) == ("大小\n", "'大小大小'", "", "new")
    assert (await run(sandbox, "len(x)", "a")).value == "2"
    assert "NameError" in (await run(sandbox, "x", "b")).error
    await sandbox.end("a")
    assert (await run(sandbox, "1", "a")).state == "new"
    await sandbox.end("there was never one")


async def test_who_had_to_make_room_is_told(sandbox, tmp_path):
    telling = TellingOfLoss(sandbox, tmp_path / "threads")
    for name in ("a", "b", "c", "d"):
        assert (await run(telling, "x = 1", name)).notes == ()
    ran = await run(telling, "x", "a")
    assert ("NameError" in ran.error, ran.notes) == (True, (GONE,))
    assert (await run(telling, "1", "a")).notes == ()


async def test_files_go_in_and_come_out(sandbox):
    given = File("数据.bin", bytes(range(256)))
    code = "d = open('数据.bin', 'rb').read()\nopen('out.bin', 'wb').write(d[::-1])"
    ran = await run(sandbox, code, "f", given)
    assert ran.files == (File("out.bin", given.data[::-1]),)
    assert (await run(sandbox, "open('out.bin', 'rb').read()[0]", "f")).value == "255"
    assert (await run(sandbox, "1", "f")).files == ()


async def test_a_bad_name_of_a_file_is_refused(sandbox):
    with pytest.raises((BadCell, SandboxUnavailable), match="is no file name"):
        await run(sandbox, "1", "", File("../x", b""))
    assert (await run(sandbox, "2")).value == "2"


@pytest.mark.slow
async def test_what_goes_on_too_long_is_stopped_and_lost(sandbox):
    ran = await run(sandbox, "print('so far')\nwhile True: pass", "slow")
    assert (ran.output, ran.state) == ("so far\n", "lost")
    assert "stopped after 1 seconds" in ran.error
    assert (await run(sandbox, "1", "slow")).state == "new"


@pytest.mark.slow
async def test_cancelled_it_makes_room(sandbox):
    cells = [asyncio.create_task(run(sandbox, "import time; time.sleep(0.9)", f"s{n}")) for n in range(3)]
    await asyncio.sleep(0.5)
    for cell in cells:
        cell.cancel()
    await asyncio.gather(*cells, return_exceptions=True)
    async with asyncio.timeout(5):
        assert (await run(sandbox, "3", "s0")).value == "3"


@pytest.mark.slow
async def test_sessions_run_side_by_side_and_one_after_the_other(sandbox):
    ran = await asyncio.gather(*(run(sandbox, f"import time; time.sleep(0.1); {n}", f"s{n % 2}") for n in range(6)))
    assert [one.value for one in ran] == ["0", "1", "2", "3", "4", "5"]
    assert [one.state for one in ran].count("new") == 2


async def test_it_does_not_let_out(sandbox):
    tries = "for f in (lambda: open('/etc/passwd'), socket.socket):\n  try: f(); print('GOT')\n  except OSError: pass"
    ran = await run(sandbox, f"import socket\n{tries}")
    assert (ran.output, ran.error) == ("", "")


async def test_a_wrong_key_is_an_answer(tmp_path):
    if why := missing("remote"):
        pytest.skip(why)
    place = Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=LIMITS, load=False)
    async with serving(choose("process", place)) as url:
        sandbox = choose("remote", replace(place, url=url, key="another")).sandbox
        with pytest.raises(SandboxUnavailable, match="Incorrect API key") as caught:
            await run(sandbox, "1")
        assert "sandbox_key" in caught.value.way_out
        await sandbox.aclose()


async def test_nobody_there_is_an_answer(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    place = Place(directory=tmp_path, cache=tmp_path, limits=LIMITS, url=url)
    sandbox = choose("remote", place).sandbox
    with pytest.raises(SandboxUnavailable, match="cannot reach"):
        await run(sandbox, "1")
    await sandbox.aclose()


@pytest.mark.slow
async def test_no_room_is_an_answer(tmp_path):
    async with sandbox_of("remote", tmp_path, replace(LIMITS, seconds=40, sessions=1)) as sandbox:
        busy = asyncio.create_task(run(sandbox, "import time; time.sleep(60)", "busy"))
        await asyncio.sleep(1)
        with pytest.raises(SandboxBusy, match="all 1 sandboxes are running code"):
            await run(sandbox, "1", "other")
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
