"""Processes that a benchmark talks to: the service itself, and the fake upstream of the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def peak_mb(pid: int) -> float:
    """Of the process and of those it has started, which read files."""
    own = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    lines = [line for each in own for line in Path(f"/proc/{each}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def wait_at_rest(pid: int, look_s: float = 0.5) -> None:
    """Return once a process has used next to nothing of a core for so long: a service still warms up for a while after
    its first answer."""
    used = cpu_s(pid)
    while True:
        time.sleep(look_s)
        before, used = used, cpu_s(pid)
        if used - before <= 0.04 * look_s:
            return


def cpu_s(pid: int) -> float:
    """Of all its threads, from its start."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def process(command: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **environment}
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


@contextmanager
def service(**environment: str) -> Iterator[str]:
    """A service on a data directory of its own; yields its URL once it is ready."""
    with tempfile.TemporaryDirectory(prefix="sandtable-bench-") as folder:
        command = [
            sys.executable,
            "-m",
            "server.cli.main",
            "serve",
            "--port",
            "0",
            "--data-dir",
            str(Path(folder, "data")),
        ]
        with process(command, **environment) as running:
            assert running.stdout is not None
            url = running.stdout.readline().strip()
            if not url.startswith("http"):
                raise RuntimeError("the service did not start")
            yield url


@contextmanager
def upstream() -> Iterator[str]:
    """The fake LLM server of the tests; yields its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with process([sys.executable, "-m", "tests.fake_upstream", "--port", str(port)]):
        for _ in range(100):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError("the fake upstream did not start")
        yield f"http://127.0.0.1:{port}/v1"
