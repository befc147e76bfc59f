"""A local server of the OpenAI form, for tests and for measuring what stands in front of it.

The models `echo` (says the last user message back, in pieces of 4 characters), `tokens` (always the same 20 tokens) and
`paced` (100 tokens, 25 ms each) behave well. Other model names give the answers they were set up with, however broken.

As a program: python -m tests.fake_upstream --port 9999
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

ROLE = {"role": "assistant", "content": ""}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One well-formed chunk of a stream; without a delta its `choices` are empty, as in the one with the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": dict(delta), "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def stream_of(text: str, size: int = 4) -> tuple[bytes, ...]:
    """A well-formed stream that says `text` in pieces of `size` characters."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    end = event(chunk({}, "stop")) + event(chunk(usage=USAGE)) + DONE
    return (event(chunk(ROLE)), *(event(chunk({"content": piece})) for piece in pieces), end)


@dataclass(frozen=True)
class Canned:
    """An answer: its body as the pieces in which it is written, and what happens then.

    `whole`: the body ends as HTTP says. `cut`: the connection closes inside the body. `eof`: a body without length ends
    with the connection. `stall`: nothing more comes until the client leaves. `silent`: not even a status comes.
    `drop`: the connection closes without an answer.
    """

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    then: Literal["whole", "cut", "eof", "stall", "silent", "drop"] = "whole"
    pause: float = 0.0
    """Seconds before each piece, as a model takes them for a token."""


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    connection: int
    """Counts from 1; requests over one kept connection have the same."""


Answer = Canned | Sequence[Canned] | Callable[[Mapping[str, Any]], Canned]
"""One for all requests, one after the other (the last for all further ones), or made from the request's body."""

TOKENS = Canned(stream_of("".join(f"token{n:02} " for n in range(20)), size=8))
PACED = Canned(stream_of("".join(f"token{n:02} " for n in range(100)), size=8), pause=0.025)


class FakeUpstream:
    """`answers`: by model name."""

    def __init__(self, answers: Mapping[str, Answer] | None = None, *, keep_requests: bool = True) -> None:
        self.answers: dict[str, Answer] = {"echo": echo, "tokens": TOKENS, "paced": PACED, **(answers or {})}
        self.requests: list[Received] = []
        self.asked = asyncio.Event()
        """A request has come."""
        self.left = asyncio.Event()
        """A client has closed its connection inside an answer."""
        self.models: Canned | None = None
        """What GET /models answers; None: the list of `answers`."""
        self.before_answer: Callable[[], Awaitable[object]] | None = None
        """Waited for before each answer."""
        self._keep_requests = keep_requests
        self._connections = 0
        self._open: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._counts: dict[str, int] = {}
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on the loopback interface and return the base URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def stop(self) -> None:
        """Stop listening and close what is open; returns when all has ended."""
        assert self._server is not None
        self._server.close()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while (received := await receive(reader, connection)) is not None:
                self.asked.set()
                if self._keep_requests:
                    self.requests.append(received)
                if not await self._answer(received, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            del self._open[task]
            writer.close()

    async def _answer(self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Write the answer; False when the connection is to be closed."""
        if self.before_answer is not None:
            await self.before_answer()
        canned = self._canned(received)
        if canned.then not in ("silent", "drop"):
            await _write(canned, writer)
        if canned.then in ("stall", "silent"):
            await reader.read()  # until the client closes
            self.left.set()
        return canned.then == "whole"

    def _canned(self, received: Received) -> Canned:
        if received.method == "GET":
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.answers]}
            return self.models or Canned((json.dumps(listed).encode(),), headers={"content-type": "application/json"})
        model = received.body.get("model", "")
        answer = self.answers.get(model)
        if answer is None:
            error = {
                "error": {"message": f"no model {model!r}", "type": "invalid_request_error", "code": "model_not_found"}
            }
            return Canned((json.dumps(error).encode(),), status=404, headers={"content-type": "application/json"})
        if isinstance(answer, Canned):
            return answer
        if callable(answer):
            return answer(received.body)
        count = self._counts[model] = self._counts.get(model, 0) + 1
        return answer[min(count, len(answer)) - 1]


def echo(body: Mapping[str, Any]) -> Canned:
    if "messages" not in body:
        from tests.fake_scoring import scores

        return scores(body)
    content = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
    said = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    for word in body.get("stop") or ():
        said = said.partition(word)[0]
    return Canned(stream_of(said))


async def receive(reader: asyncio.StreamReader, connection: int) -> Received | None:
    """The next request; None when the client has closed the connection between requests."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, json.loads(body) if body else {}, connection)


async def _write(canned: Canned, writer: asyncio.StreamWriter) -> None:
    chunked = canned.then != "eof"
    framing = {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**canned.headers, **framing}.items())
    writer.write(f"HTTP/1.1 {canned.status} Status\r\n{fields}\r\n".encode("latin-1"))
    for piece in canned.pieces:
        if canned.pause:
            await asyncio.sleep(canned.pause)
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if canned.then == "whole":
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _run(port: int) -> None:
    upstream = FakeUpstream(keep_requests=False)
    print(await upstream.start(port), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A local server of the OpenAI form with the models echo and tokens.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; the URL is printed")
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args().port))
