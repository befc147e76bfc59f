"""What a session of the sandbox costs to start and to keep, beside plain `python`, bubblewrap and a Jupyter kernel."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness import Report, median
from tools.sandbox.base import Cell, Limits
from tools.sandbox.bubblewrap import command
from tools.sandbox.local import LocalSandbox
from tools.sandbox.tiers import Place, choose

ROUNDS = 20
HELD = 5
"""Sessions that are kept at the same time while their memory is read."""
IMPORTS = "import numpy, pandas, matplotlib.pyplot"
KERNEL = """
import json, sys, time
from jupyter_client.manager import start_new_kernel
def cell(client, code):
    client.execute_interactive(code, timeout=60, output_hook=lambda message: None)
starts, cells, memory = [], [], []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    manager, client = start_new_kernel()
    cell(client, "1 + 1")
    starts.append(time.perf_counter() - began)
    began = time.perf_counter()
    cell(client, "1 + 1")
    cells.append(time.perf_counter() - began)
    began = time.perf_counter()
    cell(client, sys.argv[2])
    loaded = time.perf_counter() - began
    pid = manager.provisioner.process.pid
    text = open(f"/proc/{pid}/smaps_rollup").read()
    memory.append(sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps({"start": sorted(starts)[len(starts) // 2], "cell": sorted(cells)[len(cells) // 2],
                  "loaded": loaded, "memory": sorted(memory)[len(memory) // 2]}))
"""


def private_mb(pid: int) -> float:
    """Memory that the process shares with no other."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024


def programs(root: Path) -> dict[str, list[str]]:
    plain = [sys.executable, "-I", "-c"]
    found = {"python": plain}
    if (bwrap := shutil.which("bwrap")) is not None:
        found["bwrap"] = [*command(bwrap, root, root), *plain]
    return found


def started(argv: list[str], code: str) -> float:
    began = time.perf_counter()
    subprocess.run([*argv, code], check=True, capture_output=True)
    return time.perf_counter() - began


def memory_of(argv: list[str]) -> float:
    """Of a process that has the libraries loaded, its helpers included."""
    code = f"{IMPORTS}; print('ready', flush=True); input()"
    with subprocess.Popen([*argv, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        held = sum(private_mb(pid) for pid in _family(process.pid))
        process.stdin.write("\n")
        process.stdin.close()
    return held


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text("ascii").split()]
    return found


async def sandboxed(tier: str, root: Path) -> dict[str, float]:
    place = Place(directory=root / "work", cache=root / "cache", limits=replace(Limits(), sessions=HELD + 1))
    sandbox = choose(tier, place).sandbox  # type: ignore[arg-type]
    assert isinstance(sandbox, LocalSandbox)
    starts, cells = [], []
    try:
        began = time.perf_counter()
        keeper = await sandbox.start()
        opened = time.perf_counter() - began
        for round in range(ROUNDS):
            name = f"s{round}"
            began = time.perf_counter()
            await sandbox.run(Cell(code=f"{IMPORTS}\n1 + 1", session=name))
            starts.append(time.perf_counter() - began)
            began = time.perf_counter()
            await sandbox.run(Cell(code="1 + 1", session=name))
            cells.append(time.perf_counter() - began)
        here = [pid for pid in _family(os.getpid()) if str(root).encode() in _environ(pid)]
        kept = sorted(private_mb(pid) for pid in here)
        return {
            "opened": opened,
            "start": median(starts),
            "cell": median(cells),
            "memory": median(kept[:HELD]),
            "all": sum(kept),
            "fonts": float(bool(keeper.about["cjk_font"])),
        }
    finally:
        await sandbox.aclose()


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def kernel(root: Path) -> dict[str, float] | None:
    """In an environment of its own that sees this one's libraries; None where the packages cannot be had."""
    import json

    venv.create(root / "jupyter", with_pip=True)
    python = str(root / "jupyter" / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "ipykernel", "jupyter_client", "numpy", "pandas", "matplotlib"]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        return None
    done = subprocess.run([python, "-c", KERNEL, "5", IMPORTS], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run() -> Report:
    figures: dict[str, Any] = {}
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, argv in programs(root).items():
            begun: Callable[[str], list[float]] = lambda code, argv=argv: [started(argv, code) for _ in range(5)]  # noqa: E731
            bare, loaded = median(begun("1 + 1")), median(begun(IMPORTS))
            held = memory_of(argv)
            figures[name] = {"bare": bare, "start": loaded, "memory": held}
            rows.append([LABELS[name], f"{bare * 1000:.0f} ms", f"{loaded * 1000:.0f} ms", "-", f"{held:.0f} MB"])
        if (found := kernel(root)) is not None:
            figures["jupyter"] = found
            start, loaded = found["start"], found["start"] + found["loaded"]
            rows.append(
                [LABELS["jupyter"], f"{start * 1000:.0f} ms", f"{loaded * 1000:.0f} ms",
                 f"{found['cell'] * 1000:.1f} ms", f"{found['memory']:.0f} MB"]
            )  # fmt: skip
        for tier in ("process", "bubblewrap") if "bwrap" in figures else ("process",):
            found = asyncio.run(sandboxed(tier, root / tier))
            figures[tier] = found
            rows.append(
                [LABELS[tier], "-", f"**{found['start'] * 1000:.0f} ms**", f"{found['cell'] * 1000:.1f} ms",
                 f"**{found['memory']:.0f} MB**"]
            )  # fmt: skip
    once = figures["process"]["opened"]
    return Report(
        name="sandbox",
        title="The sandbox: what a session costs",
        method=(
            "From nothing to the result of a first `1 + 1`, bare and with numpy, pandas and pyplot loaded, then the "
            f"next cell; medians of {ROUNDS} sessions, 5 for the others. Memory is what one process, libraries loaded, "
            "shares with no other. The sandbox's own process is started once, tried out included, in "
            f"{once:.1f} s, and holds the libraries for all sessions."
        ),
        columns=("what", "bare", "with libraries", "next cell", "memory of its own"),
        rows=rows,
        figures=figures,
    )


LABELS = {
    "python": "`python`, no sandbox",
    "bwrap": "bubblewrap around `python`",
    "jupyter": "Jupyter kernel, no sandbox",
    "process": "session, tier `process`",
    "bubblewrap": "session, tier `bubblewrap`",
}
