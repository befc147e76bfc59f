"""Exchanges with a model server, kept byte for byte and given again.

As a program it records all scenes anew: LLAMA_SERVER_BIN=... python -m tests.peers.recording
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fake_upstream import Canned, FakeUpstream, Received, receive

FOLDER = Path(__file__).resolve().parents[1] / "backends" / "recorded" / "llama_server"


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    body: Mapping[str, Any]
    status: int
    content_type: str
    pieces: list[str]
    """The body of the answer, in the pieces in which the server wrote it."""


class Recorder:
    """Stands before a server, hands everything on, and keeps it in `exchanges`."""

    def __init__(self, url: str) -> None:
        self.exchanges: list[Exchange] = []
        self._target = url.removeprefix("http://").split(":")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (received := await receive(reader, 0)) is not None:
                await self._pass_on(received, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # a kept connection, at the end of the recording
            pass
        finally:
            writer.close()

    async def _pass_on(self, received: Received, writer: asyncio.StreamWriter) -> None:
        back, out = await asyncio.open_connection(self._target[0], int(self._target[1]))
        body = json.dumps(received.body, ensure_ascii=False).encode() if received.body else b""
        head = f"{received.method} {received.path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        out.write(head.encode() + body)
        status, headers = await _head(back)
        pieces = await _pieces(back, headers)
        out.close()
        kind = headers.get("content-type", "")
        told = [piece.decode() for piece in pieces]
        self.exchanges.append(Exchange(received.method, received.path, received.body, status, kind, told))
        whole = b"".join(pieces)
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(whole)}\r\n\r\n".encode())
        writer.write(whole)
        await writer.drain()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return int(first.split(" ")[1]), headers


async def _pieces(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> list[bytes]:
    if headers.get("transfer-encoding") != "chunked":
        return [await reader.readexactly(int(headers.get("content-length", "0")))]
    pieces: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    return pieces


class Replay(FakeUpstream):
    """Gives recorded answers to the very requests that they were recorded for, each once and in order."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        super().__init__()
        self.left = list(exchanges)
        """Those not asked for yet."""

    async def start(self, port: int = 0) -> str:
        return (await super().start(port)).removesuffix("/v1")

    def _canned(self, received: Received) -> Canned:
        for exchange in self.left:
            if (exchange.method, exchange.path, exchange.body) == (received.method, received.path, received.body):
                self.left.remove(exchange)
                pieces = tuple(piece.encode() for piece in exchange.pieces)
                return Canned(pieces, exchange.status, {"content-type": exchange.content_type})
        told = f"no recorded answer to {received.method} {received.path} {json.dumps(received.body)}: record it anew"
        return Canned((json.dumps({"error": {"message": told}}).encode(),), 404)


def kept(scene: str, folder: Path = FOLDER) -> list[Exchange]:
    lines = (folder / f"{scene}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Exchange(**json.loads(line)) for line in lines]


def keep(scene: str, exchanges: list[Exchange], folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(exchange), ensure_ascii=False) + "\n" for exchange in exchanges]
    (folder / f"{scene}.jsonl").write_text("".join(lines), encoding="utf-8")


async def record_all(program: Path) -> None:
    from tests.peers.llama_server import serving
    from tests.peers.scenes import EMBEDDING_FLAGS, EMBEDDING_SCENES, SCENES

    with tempfile.TemporaryDirectory() as folder:
        for scenes, flags in ((SCENES, ()), (EMBEDDING_SCENES, EMBEDDING_FLAGS)):
            async with serving(program, Path(folder), *flags) as url:
                for name, scene in scenes.items():
                    recorder = Recorder(url)
                    async with recorder.listening() as between:
                        await scene(between)
                    keep(name, recorder.exchanges)
                    print(name, len(recorder.exchanges))  # noqa: T201


if __name__ == "__main__":
    from tests.peers.llama_server import VARIABLE, binary

    found = binary()
    if found is None:
        sys.exit(f"{VARIABLE} must name llama.cpp's server")
    asyncio.run(record_all(found))
