"""A client that does not read what it asked for must not fill the service's memory: the model is made to wait."""

import asyncio
import json

import pytest

from tests.fake_upstream import ROLE, Canned, chunk, event
from tests.server.conftest import listening, until, upstream
from tests.server.test_mcp import PING, ended

ALL = 60_000
"""Pieces of a kilobyte that the model would write: far more than any socket between it and the client holds."""
PIECE = event(chunk({"content": "x" * 1_000}))


class Counted:
    """The pieces of an answer, and how many of them have been written."""

    written = 0

    def __iter__(self):
        yield event(chunk(ROLE))
        for n in range(ALL):
            self.written = n
            yield PIECE


async def standstill(pieces):
    """Wait until no more is written; how much was."""
    before = -1

    async def still():
        nonlocal before
        same, before = before == pieces.written > 0, pieces.written
        await asyncio.sleep(0.5)
        return same

    await until(still, 60)
    return pieces.written


def chat(service):
    body = {"model": "chat", "messages": [{"role": "user", "content": "x"}], "stream": True}
    return service.stream("POST", "/v1/chat/completions", json=body | {"sandtable": {"backend": "fake:long"}})


def call(service):
    asked = {"name": "chat", "arguments": {"question": "x", "backend": "fake:long"}, "_meta": {"progressToken": 1}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    return service.stream("POST", "/mcp", json=body, headers=PING)


@pytest.mark.slow
@pytest.mark.parametrize("ask", [chat, call])
async def test_who_does_not_read_holds_up_the_model_and_nothing_else(tmp_path, ask):
    pieces = Counted()
    async with upstream(long=Canned(pieces)) as fake, listening(tmp_path, backends=fake.profiles) as service:
        async with ask(service) as reply:
            assert reply.status_code == 200
            assert await standstill(pieces) < ALL / 2
            assert (await service.get("/v1/models")).status_code == 200
        await asyncio.wait_for(fake.left.wait(), 20)
        assert await ended(service) == "cancelled"


@pytest.mark.slow
async def test_who_reads_slowly_gets_everything(tmp_path):
    pieces = tuple(event(chunk({"content": f"{n} "})) for n in range(3_000))
    whole = "".join(f"{n} " for n in range(3_000))
    answer = Canned((event(chunk(ROLE)), *pieces, event(chunk({}, "stop")), b"data: [DONE]\n\n"))
    async with upstream(long=answer) as fake, listening(tmp_path, backends=fake.profiles) as service:
        said = ""
        async with chat(service) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    said += "".join(c["delta"].get("content") or "" for c in json.loads(line[6:])["choices"])
                    if len(said) % 1_000 < 2:
                        await asyncio.sleep(0.01)
        assert said == whole
