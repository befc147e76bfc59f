"""A stream that breaks off is taken up again: nothing is missing, nothing comes twice."""

import asyncio
import json
from contextlib import suppress

import pytest
from langgraph_sdk import get_client

from tests.server.conftest import until
from tests.server.langgraph.conftest import collect

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODES = ["values", "updates", "messages", "messages-tuple", "custom", "checkpoints"]
SLOW = {"options": {"steps": 5, "seconds": 0.05}}


async def frames(reply):
    """(id, event, data) of each frame."""
    frame = {}
    async for line in reply.aiter_lines():
        if not line and frame:
            yield frame["id"], frame["event"], json.loads(frame["data"])
            frame = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            frame[name] = value


async def read(service, path, last_seen=None, count=None, **query):
    headers = {"last-event-id": last_seen} if last_seen else {}
    seen = []
    async with asyncio.timeout(20), service.stream("GET", path, headers=headers, params=query) as reply:
        assert reply.status_code == 200, await reply.aread()
        async for frame in frames(reply):
            seen.append(frame)
            if len(seen) == count:
                break
    return seen


async def begun(sdk, **more):
    thread = (await sdk.threads.create())["thread_id"]
    run = await sdk.runs.create(thread, "steps", input={"question": "count"}, stream_mode=MODES, context=SLOW, **more)
    return f"/threads/{thread}/runs/{run['run_id']}/stream"


@pytest.mark.slow
async def test_from_every_place_the_rest_comes(service, sdk):
    path = await begun(sdk)
    whole = await read(service, path)
    assert whole == await read(service, path)
    ids = [id for id, _, _ in whole]
    assert len(set(ids)) == len(ids)
    for place, id in enumerate(ids):
        assert await read(service, path, last_seen=id) == whole[place + 1 :], id


@pytest.mark.slow
async def test_a_reader_that_is_cut_while_the_run_goes_on(service, sdk):
    path = await begun(sdk)
    seen, last = [], None
    while True:
        more = await read(service, path, last_seen=last, count=3)
        seen += more
        if len(more) < 3:
            break
        last = more[-1][0]
    assert seen == await read(service, path)


async def test_other_modes_may_be_asked_for(service, sdk):
    path = await begun(sdk)
    only = await read(service, path, stream_mode="updates")
    assert {name for _, name, _ in only} == {"metadata", "updates"}
    assert only == await read(service, path, stream_mode='["updates"]')
    assert {name for _, name, _ in await read(service, path, stream_mode=["updates", "values"])} == {
        "metadata", "updates", "values",
    }  # fmt: skip


@pytest.mark.parametrize("given", ["x", "-1", "1.x", "1.2.3", "9" * 30, "²"])
async def test_a_bad_last_event_id_is_named(service, sdk, given):
    reply = await service.get(await begun(sdk), headers={"last-event-id": given.encode()})
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, "Last-Event-ID")


class Cutting:
    """A proxy that closes a connection after so many bytes of its answer, three times."""

    def __init__(self, port, most):
        self.port, self.most, self.cuts, self.serving = port, most, 0, set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        return self, f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    def _begin(self, reader, writer):
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader, writer):
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.port)
        ways = [asyncio.create_task(self._pass(reader, there)), asyncio.create_task(self._cut(there_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for one in (writer, there):
                one.close()
                with suppress(ConnectionError):
                    await one.wait_closed()

    async def _pass(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)

    async def _cut(self, reader, writer):
        passed = 0
        while data := await reader.read(512):
            writer.write(data)
            await writer.drain()
            passed += len(data)
            if passed > self.most and self.cuts < 3:
                self.cuts += 1
                return


@pytest.mark.slow
async def test_the_sdk_reconnects_by_itself(service, sdk):
    async with Cutting(service.base_url.port, 6_000) as (proxy, url), get_client(url=url, api_key=None) as client:
        thread = (await sdk.threads.create())["thread_id"]
        stream = client.runs.stream(
            thread, "steps", input={"question": "count"}, stream_mode=MODES, context={"options": {"steps": 5}}
        )
        parts = await collect(stream)
    assert proxy.cuts == 3
    (run,) = await sdk.runs.list(thread)
    whole = await read(service, f"/threads/{thread}/runs/{run['run_id']}/stream")
    assert [(part.id, part.event, part.data) for part in parts] == whole


@pytest.mark.slow
@pytest.mark.parametrize("then", ["cancel", "continue", None])
async def test_what_becomes_of_a_run_whose_client_goes(service, sdk, then):
    thread = (await sdk.threads.create())["thread_id"]
    for way in ("stream", "wait"):
        body = {"assistant_id": "steps", "input": {"question": "x"}, "context": {"options": {"seconds": 0.3}}}
        body |= {"on_disconnect": then} if then else {}
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await service.post(f"/threads/{thread}/runs/{way}", json=body)

        async def over():
            (run, *_) = await sdk.runs.list(thread)
            return run["status"] not in ("pending", "running") and run["status"]

        assert await until(over) == ("interrupted" if then == "cancel" else "success")
