"""Many sessions at once, with the libraries loaded: all answer, within the limits, and nothing is left."""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.tools.sandbox.bench import SMALL, processes, sessions, until
from tools.sandbox import tiers
from tools.sandbox.base import Cell
from tools.sandbox.errors import SandboxUnavailable
from tools.sandbox.tiers import Place, choose

try:
    tiers.check_machine()
except SandboxUnavailable as error:
    pytestmark = [pytest.mark.skip(reason=error.reason)]
else:
    pytestmark = [pytest.mark.slow]

MANY = 20
LIMITS = replace(SMALL, seconds=30, memory_mb=256, sessions=MANY)
WORK = """
import numpy as np, pandas as pd, matplotlib.pyplot as plt
frame = pd.DataFrame({{"x": np.arange(1000), "y": np.random.rand(1000)}})
held = bytearray(100 << 20)
plt.plot(frame.x, frame.y); plt.savefig("chart.png")
frame.x.sum() + {n}
"""
GREEDY = "a = []\nwhile True: a.append(bytearray(20 << 20))"


def private_mb(pid: int) -> float:
    """Memory that a process shares with no other."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return (int(lines["Private_Dirty"].split()[0]) + int(lines["Private_Clean"].split()[0])) / 1024


async def test_twenty_at_once_stay_within_their_limits(tmp_path):
    place = Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=LIMITS)
    sandbox = choose("process", place).sandbox
    most = 0.0

    async def watch():
        nonlocal most
        while True:
            most = max([most, *(private_mb(pid) for pid in sessions(tmp_path))])
            late = time.monotonic()
            await asyncio.sleep(0.05)
            # The loop is the service's own: no session may hold it up.
            assert time.monotonic() - late < 2

    watching = asyncio.create_task(watch())
    try:
        cells = [Cell(code=WORK.format(n=n), session=f"s{n}") for n in range(MANY)]
        ran = await asyncio.gather(*(sandbox.run(cell) for cell in cells))
        assert [one.value for one in ran] == [f"np.int64({499500 + n})" for n in range(MANY)]
        assert all([file.name for file in one.files] == ["chart.png"] for one in ran)
        assert len(sessions(tmp_path)) == MANY
        greedy = await asyncio.gather(*(sandbox.run(Cell(code=GREEDY, session=f"s{n}")) for n in range(MANY)))
        assert all("MemoryError" in one.error for one in greedy)
        again = await asyncio.gather(*(sandbox.run(Cell(code="len(frame)", session=f"s{n}")) for n in range(MANY)))
        assert [one.value for one in again] == ["1000"] * MANY
        assert not watching.done()
        # What a session has of its own, beside what all share: its 256 MiB and some pages of the libraries.
        assert 100 < most < 256 + 64
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await sandbox.aclose()
    until(lambda: not processes(tmp_path))


async def test_chinese_in_a_figure_is_drawn_or_said_to_be_missing(tmp_path):
    place = Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=LIMITS)
    sandbox = choose("process", place).sandbox
    try:
        code = "import matplotlib.pyplot as plt\nplt.plot([1, 2], label='新能源')\nplt.title('销量')\nplt.legend()"
        ran = await sandbox.run(Cell(code=code, session="s"))
        assert (ran.error, [file.name for file in ran.files]) == ("", ["figure-1.png"])
        if (await sandbox.start()).about["cjk_font"]:
            assert ran.notes == ()
        else:
            assert ran.notes[0].startswith("No font here has ")
            assert set("新能源销量") <= set(ran.notes[0])
    finally:
        await sandbox.aclose()


async def test_figures_are_saved_once(tmp_path):
    place = Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=LIMITS)
    sandbox = choose("process", place).sandbox
    try:
        code = "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig('mine.png')"
        assert [file.name for file in (await sandbox.run(Cell(code=code, session="s"))).files] == ["mine.png"]
        code = "plt.plot([1]); plt.show(); plt.figure(); plt.plot([2]); plt.close(); plt.figure(); plt.plot([3])"
        ran = await sandbox.run(Cell(code=code, session="s"))
        assert [file.name for file in ran.files] == ["figure-1.png", "figure-2.png"]
        two = await asyncio.gather(*(sandbox.run(Cell(code="import random; random.random()")) for _ in range(2)))
        assert two[0].value != two[1].value
    finally:
        await sandbox.aclose()
