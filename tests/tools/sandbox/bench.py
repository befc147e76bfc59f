"""A sandbox for tests that run many cells in it: one event loop, entered for one cell at a time."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.sandbox.base import Cell, File, Limits, Ran
from tools.sandbox.local import LocalSandbox
from tools.sandbox.tiers import Place, choose

SMALL = Limits(seconds=20, memory_mb=256, disk_mb=64, output_bytes=20_000)


class Bench:
    def __init__(self, runner: asyncio.Runner, sandbox: LocalSandbox, root: Path) -> None:
        self.sandbox = sandbox
        self.root = root
        self._runner = runner

    def run(self, code: str, session: str = "", *, files: tuple[File, ...] = ()) -> Ran:
        return self._runner.run(self.sandbox.run(Cell(code=code, session=session, files=files)))

    def end(self, session: str) -> None:
        self._runner.run(self.sandbox.end(session))


@contextmanager
def bench(root: Path, limits: Limits = SMALL, tier: str = "process", *, load: bool = False) -> Iterator[Bench]:
    place = Place(directory=root / "work", cache=root / "cache", limits=limits, load=load)
    chosen = choose(tier, place)
    assert isinstance(chosen.sandbox, LocalSandbox), chosen.reason
    with asyncio.Runner() as runner:
        try:
            yield Bench(runner, chosen.sandbox, root)
        finally:
            runner.run(chosen.sandbox.aclose())


def processes(root: Path) -> set[int]:
    """Of the sandbox below `root`: its own and those of its sessions. Zombies do not count."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told, state = (folder / "environ").read_bytes(), (folder / "stat").read_text().rpartition(")")[2]
            except OSError:
                continue
            if f"MPLCONFIGDIR={root}/".encode() in told and state.split()[0] != "Z":
                found.add(int(folder.name))
    return found


def sessions(root: Path) -> set[int]:
    """Those of its sessions: children of another of its processes, which is stopped or runs code."""
    there = processes(root)
    return {pid for pid in there if parent(pid) in there}


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def until(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that the kernel does on its own time."""
    late = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < late
        time.sleep(0.02)
