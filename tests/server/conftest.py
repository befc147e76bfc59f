"""The whole service in process: real database, real indexes, the bundled embedder; no port."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import httpx
import pytest
import uvicorn

from server.app import create_app
from server.settings import load_settings
from tests.database import begin_in
from tests.fake_upstream import FakeUpstream
from tests.server.documented import documented


@asynccontextmanager
async def serving(data_dir, **settings):
    begin_in(data_dir)
    app = create_app(load_settings(data_dir=data_dir, **{"backend": "extractive", **settings}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            client.event_hooks = {"response": [documented]}
            client.app = app
            yield client


@pytest.fixture
async def client(tmp_path):
    async with serving(tmp_path / "data") as client:
        yield client


async def upload(client, filename, data, purpose="assistants"):
    content = data.encode() if isinstance(data, str) else data
    reply = await client.post("/v1/files", files={"file": (filename, content)}, data={"purpose": purpose})
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


async def make_store(client, name="notes", **fields):
    reply = await client.post("/v1/vector_stores", json={"name": name, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


async def settled(client, store, file_id, seconds=60):
    """The store's file once it is no longer in progress."""
    async with asyncio.timeout(seconds):
        while True:
            reply = (await client.get(f"/v1/vector_stores/{store}/files/{file_id}")).json()
            if reply["status"] != "in_progress":
                return reply
            await asyncio.sleep(0.02)


async def put(client, store, filename, data, **fields):
    """Upload a file, add it to a store, wait for it; returns (file id, store file)."""
    file_id = await upload(client, filename, data)
    reply = await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id, **fields})
    assert reply.status_code == 200, reply.text
    return file_id, await settled(client, store, file_id)


async def search(client, store, query, **fields):
    reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": query, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


class _InTest(uvicorn.Server):
    @contextmanager
    def capture_signals(self):
        """The signals stay pytest's."""
        yield


@asynccontextmanager
async def listening(data_dir, **settings):
    """The service on a port of this process, for what only a connection shows: pieces as they come, and hanging up."""
    async with serving(data_dir, **settings) as client, AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = _InTest(uvicorn.Config(client.app, lifespan="off", ws="none", log_config=None))
        running = asyncio.create_task(server.serve([listener]))
        async with httpx.AsyncClient(base_url=url, timeout=60) as real:
            real.app = client.app
            real.event_hooks = client.event_hooks
            yield real
        server.should_exit = True
        await running


@asynccontextmanager
async def upstream(**answers):
    """A model server of the OpenAI form, and the setting that makes a backend profile `fake` of it."""
    server = FakeUpstream(answers)
    url = await server.start()
    server.profiles = {"fake": {"base_url": url, "retries": 0, "read_timeout": 20}}
    try:
        yield server
    finally:
        await server.stop()


async def events_of(client, run_id):
    reply = await client.get(f"/v1/runs/{run_id}/events")
    assert reply.status_code == 200, reply.text
    return reply.json()


async def until(condition, seconds=20):
    """Wait for `condition()` (an awaitable's truth); its value."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):
            await asyncio.sleep(0.01)
        return value
