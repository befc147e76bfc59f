"""An MCP server as a child process, spoken to by lines of JSON over its standard input and output.

The SDK's own transport hands on a part of our environment and keeps a line of any length in memory. This one gives the
server the variables that were named for it and no others, and ends the connection of one that floods.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncio.subprocess import Process

LONGEST_LINE: Final = 4 << 20
"""Bytes of one message."""
MOST_UNASKED: Final = 5_000
"""Messages within `WINDOW` seconds."""
WINDOW: Final = 10.0
MOST_STRAY: Final = 200
"""Lines that are no JSON: what a server prints by mistake."""
PATIENCE: Final = 2.0
"""Seconds that a server has to end by itself."""
TAIL: Final = 2_000
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ServerEnded(Exception):
    """The connection is over; the text says why."""


@dataclass
class Traffic:
    """What came lately, and why the connection ended."""

    unasked: int = 0
    since: float = 0.0
    stray: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""

    def floods(self) -> bool:
        """Told of one more message."""
        now = time.monotonic()
        if now - self.since > WINDOW:
            self.since, self.unasked = now, 0
        self.unasked += 1
        return self.unasked > MOST_UNASKED

    def end(self, why: str) -> None:
        self.why = self.why or why
        self.ended.set()


@contextlib.asynccontextmanager
async def spawned(
    command: Sequence[str], env: Mapping[str, str], folder: str | None, traffic: Traffic
) -> AsyncIterator[tuple[Any, Any]]:
    """Yield the streams (read, write) of SessionMessage that the SDK wants. Raises ServerEnded if it cannot start."""
    import anyio

    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"PATH": PATH, **env}, cwd=folder, limit=LONGEST_LINE, preexec_fn=_tied_to(os.getpid()),
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ServerEnded(f"{command[0]!r} could not be started: {error}") from None
    arrived, read = anyio.create_memory_object_stream[Any](0)
    write, leaving = anyio.create_memory_object_stream[Any](0)
    said = bytearray()
    tasks = [
        asyncio.create_task(_receive(process, arrived, traffic), name="mcp receive"),
        asyncio.create_task(_send(process, leaving, traffic), name="mcp send"),
        asyncio.create_task(_listen(process, said), name="mcp stderr"),
    ]
    try:
        yield read, write
    finally:
        await asyncio.shield(_stopped(process, tasks, traffic, said))
        for stream in (arrived, read, write, leaving):
            stream.close()


async def _receive(process: Process, arrived: Any, traffic: Traffic) -> None:
    from mcp.shared.message import SessionMessage
    from mcp.types import jsonrpc_message_adapter

    assert process.stdout is not None
    with arrived:
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                return traffic.end(f"it sent a line of more than {LONGEST_LINE:,} bytes")
            if not line:
                return traffic.end("it ended")
            if traffic.floods():
                return traffic.end(f"it sent more than {MOST_UNASKED:,} messages within {WINDOW:g} seconds")
            if not line.lstrip().startswith(b"{"):
                traffic.stray += 1
                if traffic.stray > MOST_STRAY:
                    return traffic.end(f"it printed more than {MOST_STRAY} lines that are no messages")
                continue
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                return traffic.end(f"it sent what is no message of the protocol: {line[:100]!r}")
            try:
                await arrived.send(SessionMessage(message))
            except Exception:  # The session has closed its end.
                return traffic.end("the connection was closed")


async def _send(process: Process, leaving: Any, traffic: Traffic) -> None:
    assert process.stdin is not None
    async for sent in leaving:
        text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()
        except OSError as error:
            return traffic.end(f"it no longer reads: {error}")


async def _listen(process: Process, said: bytearray) -> None:
    """Read its standard error, so that it never waits for a reader, and keep the end."""
    assert process.stderr is not None
    while piece := await process.stderr.read(1 << 16):
        said += piece
        del said[:-TAIL]


async def _stopped(process: Process, tasks: Sequence[asyncio.Task[None]], traffic: Traffic, said: bytearray) -> None:
    """Close its input, wait, then kill it with all that it has started."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), PATIENCE if not traffic.ended.is_set() else 0.2)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if traffic.why == "it ended":
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        traffic.why = f"it ended with status {process.returncode}" + (f": {last[0][:300]}" if last else "")


def _tied_to(parent: int) -> Any:
    """What makes the child end with us, also after kill -9; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    from tools.sandbox.kernel import PR_SET_PDEATHSIG, libc, prctl

    libc()  # Loaded here: a child that is just forked had better not.

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie
