"""kill -9 while langgraph-sdk reads a stream: it comes back to the next process, and misses and repeats nothing."""

import asyncio
import json

import httpx
import pytest
from langgraph_sdk import get_client

from tests.e2e.live import Server
from tests.server.langgraph.pipelines import PIPELINES

MODES = ["values", "updates", "custom", "messages-tuple"]
SLOW = {"options": {"steps": 12, "seconds": 0.25}}


async def whole(url, thread, run):
    """All parts of a run's stream, as a reader gets them who comes late."""
    async with get_client(url=url, api_key=None) as client:
        return [part async for part in client.runs.join_stream(thread, run)]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_reader_by_hand_and_the_sdk_go_on_after_kill_9(tmp_path):
    server = Server(tmp_path / "data", SANDTABLE_PIPELINES=json.dumps(PIPELINES))
    try:
        async with get_client(url=server.url, api_key=None) as client:
            thread = (await client.threads.create())["thread_id"]
            stream = client.runs.stream(thread, "steps", input={"question": "count"}, stream_mode=MODES, context=SLOW)
            seen = []
            async for part in stream:
                seen.append(part)
                if len(seen) == 20:
                    await stream.aclose()
                    break
            (run,) = await client.runs.list(thread)
        server.kill()
        server.start()
        async with get_client(url=server.url, api_key=None) as client:
            rest = client.runs.join_stream(thread, run["run_id"], last_event_id=seen[-1].id)
            seen += [part async for part in rest]
            values = await client.runs.join(thread, run["run_id"])
        assert seen == await whole(server.url, thread, run["run_id"])
        assert len({part.id for part in seen}) == len(seen)
        assert values["answer"] == "".join(f"{n} " for n in range(12))
        assert [part.data["attempt"] for part in seen if part.event == "metadata"] == [1, 2]
        assert seen[-1].event == "custom" or seen[-1].event == "values"
        assert [p.data for p in seen if p.event == "values"][-1] == values
        numbers = [part.data["seq"] for part in seen if part.event == "custom"]
        assert numbers == list(range(1, len(numbers) + 1))
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_sdk_itself_comes_back(tmp_path):
    """On the same port, as a restarted service is."""
    server = Server(tmp_path / "data", SANDTABLE_PIPELINES=json.dumps(PIPELINES))
    port = httpx.URL(server.url).port
    try:
        async with get_client(url=server.url, api_key=None) as client:
            thread = (await client.threads.create())["thread_id"]

            parts = []

            async def read():
                stream = client.runs.stream(
                    thread, "steps", input={"question": "count"}, stream_mode=MODES, context=SLOW
                )
                async for part in stream:
                    parts.append(part)

            reading = asyncio.create_task(read())
            async with asyncio.timeout(60):
                while len(parts) < 5:
                    await asyncio.sleep(0.05)
            server.kill()
            server.start(port)
            await reading
            (run,) = await client.runs.list(thread)
        assert parts == await whole(server.url, thread, run["run_id"])
        assert [part.data for part in parts if part.event == "values"][-1]["answer"].startswith("0 1 2")
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()
