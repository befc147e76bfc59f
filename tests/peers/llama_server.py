"""llama.cpp's server with the test model, as a process on a free port."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.peers.markov import CONTEXT, write

VARIABLE = "LLAMA_SERVER_BIN"
MODEL = "markov"
START_SECONDS = 60


def binary() -> Path | None:
    """The server's program, if the machine has one and the variable names it."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else None


@asynccontextmanager
async def serving(program: Path, folder: Path, *flags: str) -> AsyncIterator[str]:
    """Its root URL, once it is ready. `folder`: where the model file is put, if it is not there yet."""
    model = folder / "markov.gguf"
    if not model.exists():
        await asyncio.to_thread(write, model)
    port = _free_port()
    options = ["--model", str(model), "--alias", MODEL, "--host", "127.0.0.1", "--port", str(port)]
    # Two slots of half the context each; one thread: other tests share the machine.
    options += ["--ctx-size", str(CONTEXT), "-np", "2", "-t", "1", "-tb", "1", "--no-ui", "--jinja", "--no-warmup"]
    log = (folder / "llama-server.log").open("wb")
    process = await asyncio.create_subprocess_exec(program, *options, *flags, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(START_SECONDS):
            while await _status(port) != 200:
                if process.returncode is not None:
                    raise RuntimeError(f"{program} ended with {process.returncode}; its log: {log.name}")
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        log.close()


async def _status(port: int) -> int:
    """Of GET /health; 0 while nothing listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0
    writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    first = await reader.readline()
    writer.close()
    return int(first.split()[1]) if first else 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
