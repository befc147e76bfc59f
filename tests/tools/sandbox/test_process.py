"""The tier that needs no preparation: what code finds, what it leaves, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tools.sandbox.bench import SMALL, bench, processes, sessions, until
from tools.sandbox import tiers
from tools.sandbox.base import Cell, File, Limits
from tools.sandbox.errors import BadCell, SandboxUnavailable
from tools.sandbox.tiers import Place, choose

try:
    tiers.check_machine()
except SandboxUnavailable as error:
    pytestmark = pytest.mark.skip(reason=error.reason)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with bench(tmp_path_factory.mktemp("sandbox"), replace(SMALL, seconds=1.5, sessions=3)) as made:
        yield made


def test_what_it_prints_and_what_it_is_worth(sandbox):
    ran = sandbox.run("print('Größe 大小')\n6 * 7")
    assert (ran.output, ran.value, ran.error, ran.state) == ("Größe 大小\n", "42", "", "new")


def test_state_stays_with_its_session(sandbox):
    assert sandbox.run("x = 5", "a").state == "new"
    assert sandbox.run("x + 1", "a").value == "6"
    assert sandbox.run("x + 1", "a").state == "kept"
    assert "NameError: name 'x' is not defined" in sandbox.run("x", "b").error
    sandbox.end("a")
    assert sandbox.run("x", "a").state == "new"


def test_a_traceback_begins_at_the_code(sandbox):
    error = sandbox.run("def f(n):\n    return 1 / n\n\nf(0)").error
    assert error.splitlines()[1] == '  File "<cell 1>", line 4, in <module>'
    assert "return 1 / n" in error
    assert "worker.py" not in error


def test_code_that_is_no_python(sandbox):
    assert "SyntaxError" in sandbox.run("if True print(1)").error
    assert "null bytes" in sandbox.run("x = '\0'").error
    assert sandbox.run("").error == ""
    assert sandbox.run("import sys; sys.exit()").error == ""


def test_a_package_that_is_not_there(sandbox):
    error = sandbox.run("import no_such_package").error
    assert "no_such_package is not installed beside the service, and nothing can be installed from here" in error


@pytest.mark.slow
def test_too_slow(sandbox):
    sandbox.run("x = 5", "slow")
    ran = sandbox.run("print('so far'); import time; time.sleep(60)", "slow")
    assert (ran.output, ran.state) == ("so far\n", "lost")
    assert ran.error == "the code was stopped after 1.5 seconds"
    assert "begins anew" in ran.notes[0]
    assert sandbox.run("'x' in globals()", "slow").value == "False"


def test_files_in_and_out(sandbox):
    given = File("数据.csv", b"a,b\n1,2\n")
    ran = sandbox.run("t = open('数据.csv').read()\nopen('out.txt', 'w').write(t.upper())", "files", files=(given,))
    assert [(file.name, file.data) for file in ran.files] == [("out.txt", b"A,B\n1,2\n")]
    assert sandbox.run("1", "files").files == ()
    ran = sandbox.run(
        "import os; os.makedirs('a/b'); open('a/b/c', 'w').write('x'); open('out.txt', 'a').write('y')", "files"
    )
    assert [file.name for file in ran.files] == ["a/b/c", "out.txt"]
    ran = sandbox.run("open('数据.csv', 'a').write('3,4')", "files")
    assert [file.name for file in ran.files] == ["数据.csv"]


def test_a_name_that_leads_out(sandbox):
    for name in ("../x", "/tmp/x", "", "..", "a/b", "a\0"):
        with pytest.raises(BadCell, match="is no file name"):
            sandbox.run("1", files=(File(name, b""),))
    sandbox.run("import os; os.mkdir('taken')", "names")
    with pytest.raises(BadCell, match="'taken' cannot be put into the work folder"):
        sandbox.run("1", "names", files=(File("taken", b""),))
    assert sandbox.run("1", "names").state == "kept"


def test_threads_that_go_on_are_stopped_between_two_cells(sandbox):
    code = "import threading\nn = 0\ndef f():\n  global n\n  while True: n += 1\n"
    sandbox.run(f"{code}threading.Thread(target=f, daemon=True).start()", "threads")
    first = int(sandbox.run("before = n; n", "threads").value)
    time.sleep(0.3)
    later = int(sandbox.run("n", "threads").value)
    assert later - first < 3_000_000  # 0.3 s would be some 10 millions
    sandbox.end("threads")


def test_paths_too_long_for_the_system_end_nobody(sandbox):
    sandbox.run("x = 5", "other")
    (keeper,) = processes(sandbox.root) - sessions(sandbox.root)
    name = "'深' * 85"
    sandbox.run(f"import os, time\nfor _ in range(40): os.mkdir({name}); os.chdir({name})\ntime.sleep(0.25)", "long")
    assert sandbox.run("x", "other").value == "5"
    assert processes(sandbox.root) - sessions(sandbox.root) == {keeper}
    sandbox.end("long")
    sandbox.end("other")


def test_the_longest_idle_makes_room(sandbox):
    for name in ("one", "two", "three", "four"):
        sandbox.run(f"x = {name!r}", name)
    assert sandbox.run("x", "four").value == "'four'"
    assert sandbox.run("'x' in globals()", "one").value == "False"
    assert len(sessions(sandbox.root)) <= 3


def test_nothing_is_left(tmp_path):
    with bench(tmp_path) as sandbox:
        sandbox.run("open('x', 'w').write('x')", "a")
        assert len(sessions(tmp_path)) == 1
    until(lambda: not processes(tmp_path))
    assert not (tmp_path / "work").exists()


async def test_cancelled_it_ends_the_code(tmp_path):
    tier = choose("process", Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=SMALL, load=False))
    sandbox = tier.sandbox
    try:
        await sandbox.run(Cell(code="x = 1", session="s"))
        running = asyncio.create_task(sandbox.run(Cell(code="while True: pass", session="s")))
        await asyncio.sleep(0.2)
        assert len(sessions(tmp_path)) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert sessions(tmp_path) == set()
        assert (await sandbox.run(Cell(code="1", session="s"))).state == "new"
    finally:
        await sandbox.aclose()


@pytest.mark.slow
async def test_idle_sessions_end(tmp_path):
    limits = replace(SMALL, idle_seconds=0.2)
    tier = choose("process", Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=limits, load=False))
    try:
        await tier.sandbox.run(Cell(code="x = 1", session="s"))
        async with asyncio.timeout(5):
            while sessions(tmp_path):
                await asyncio.sleep(0.05)
    finally:
        await tier.sandbox.aclose()


async def test_its_process_is_started_again(tmp_path):
    tier = choose("process", Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=SMALL, load=False))
    try:
        await tier.sandbox.run(Cell(code="x = 1", session="s"))
        (pid,) = processes(tmp_path) - sessions(tmp_path)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            while processes(tmp_path):
                await asyncio.sleep(0.02)
        ran = await tier.sandbox.run(Cell(code="x", session="s"))
        assert ran.state in ("lost", "new")
        assert (await tier.sandbox.run(Cell(code="2", session="s"))).value == "2"
    finally:
        await tier.sandbox.aclose()


SERVICE = """
import asyncio, sys
from pathlib import Path
from tools.sandbox.base import Cell, Limits
from tools.sandbox.tiers import Place, choose
async def main():
    root = Path(sys.argv[1])
    tier = choose("process", Place(directory=root / "work", cache=root / "cache", limits=Limits(), load=False))
    await tier.sandbox.run(Cell(code="x = 1", session="idle"))
    running = asyncio.create_task(tier.sandbox.run(Cell(code="while True: pass", session="busy")))
    await asyncio.sleep(0.3)
    print("running", flush=True)
    await running
asyncio.run(main())
"""


def test_nothing_outlives_a_service_that_is_killed(tmp_path):
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with service:
        assert service.stdout.readline() == "running\n"
        until(lambda: len(processes(tmp_path)) == 3)
        assert len(sessions(tmp_path)) == 2
        service.send_signal(signal.SIGKILL)
    until(lambda: not processes(tmp_path))


def test_limits_have_sane_defaults():
    assert Limits().seconds <= 60
    assert Limits().sessions * Limits().memory_mb <= 16_384


def test_data_that_code_could_read_is_refused(tmp_path):
    place = Place(
        directory=tmp_path, cache=tmp_path, limits=SMALL, hidden=(Path(json.__file__).parent / "data",), load=False
    )
    tier = choose("auto", place)
    assert (tier.sandbox, tier.name) == (None, "process")
    assert "which sandboxed code may read" in tier.reason
    assert "data_dir" in tier.way_out


def test_off_is_off(tmp_path):
    tier = choose("off", Place(directory=tmp_path, cache=tmp_path, limits=SMALL))
    assert (tier.sandbox, tier.reason) == (None, "the setting 'sandbox' is 'off'")
