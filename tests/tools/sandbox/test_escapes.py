"""Every escape of the list, in the tiers of this machine: closed or harmless, and nothing outside has changed."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.tools.sandbox.bench import SMALL, Bench, bench, processes
from tests.tools.sandbox.escapes import ALLOWED, ESCAPES, HELD, RESOURCES, filled_in
from tests.tools.sandbox.world import SECRET, world
from tools.sandbox import tiers
from tools.sandbox.errors import SandboxUnavailable

pytestmark = pytest.mark.slow

LIMITS = replace(SMALL, seconds=2.5)


def _missing(tier: str) -> str:
    try:
        tiers.check_machine()
    except SandboxUnavailable as error:
        return error.reason
    return "there is no bubblewrap here" if tier == "bubblewrap" and shutil.which("bwrap") is None else ""


@pytest.fixture(scope="module", params=["process", "bubblewrap"])
def tier(request):
    if why := _missing(request.param):
        pytest.skip(why)
    return request.param


@pytest.fixture(scope="module")
def here(tier, tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    with world(root) as around, bench(root / "sandbox", LIMITS, tier, load=True) as sandbox:
        other = sandbox.run(
            "open('mine.txt', 'w').write('other-session')\nimport os; os.path.abspath('mine.txt')", "other"
        )
        around.names.update(other=other.value.strip("'"), cache=str(root / "sandbox" / "cache"))
        yield around, sandbox


@pytest.mark.parametrize("name", ESCAPES)
def test_the_way_is_closed(here, name):
    around, sandbox = here
    before, alive = around.state(), _alive(sandbox)
    ran = sandbox.run(filled_in(ESCAPES[name], around.names))
    told = f"{ran.output}{ran.value}{ran.error}"
    assert "GOT" not in ran.output, told
    assert SECRET not in told or "{secret}" in ESCAPES[name]
    assert around.state() == before
    assert around.traces() == []
    assert _alive(sandbox) == alive
    assert sandbox.run("open('mine.txt').read()", "other").value == "'other-session'"


@pytest.mark.parametrize("name", ALLOWED)
def test_what_harms_nobody_works(here, name):
    around, sandbox = here
    ran = sandbox.run(filled_in(ALLOWED[name]["code"], around.names))
    assert ALLOWED[name]["says"] in ran.output, ran


@pytest.mark.parametrize("name", RESOURCES)
def test_who_wants_too_much_gets_an_end(here, name):
    around, sandbox = here
    before, alive = around.state(), _alive(sandbox)
    ran = sandbox.run(RESOURCES[name]["code"])
    assert re.search(RESOURCES[name]["says"], ran.error), ran
    assert ran.seconds < LIMITS.seconds + 3
    assert len(ran.output) <= LIMITS.output_bytes + 200
    assert (around.state(), _alive(sandbox)) == (before, alive)


@pytest.fixture(scope="module")
def patient(tier, tmp_path_factory):
    """For code that takes the time that a slow disk or a busy machine makes it take."""
    with bench(tmp_path_factory.mktemp("patient"), replace(SMALL, seconds=50), tier) as sandbox:
        sandbox.run("1")  # its process is there before the first attack
        yield sandbox


@pytest.mark.parametrize("name", HELD)
def test_who_takes_too_much_space_gets_an_end(here, patient, name):
    around, _ = here
    before, alive = around.state(), _alive(patient)
    ran = patient.run(HELD[name]["code"])
    assert re.search(HELD[name]["says"], ran.error), ran
    assert (around.state(), _alive(patient)) == (before, alive)


def _alive(sandbox: Bench) -> set[int]:
    return processes(sandbox.root)


def test_the_detectors_work(tmp_path):
    """Outside of a sandbox the ways are open: else an entry that prints nothing would prove nothing."""
    open_ways = ("secrets-environ_of_service", "secrets-database_read", "files-write_outside", "files-symlink_left",
                 "network-tcp_to_service", "network-unix_socket", "processes-signal_service", "processes-fork",
                 "processes-subprocess", "files-chmod_outside", "files-utime_outside", "secrets-code_of_service",
                 "processes-memory_file", "network-datagram_pair", "processes-signal_by_descriptor")  # fmt: skip
    with world(tmp_path / "world") as around:
        for name in open_ways:
            code = filled_in(ESCAPES[name], around.names)
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=30
            )
            assert "GOT" in done.stdout, (name, done.stderr)
