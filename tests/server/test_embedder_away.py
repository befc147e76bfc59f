"""A generation whose model is away for a while: named, never lost, and no obstacle to the others."""

import asyncio
import time

import pytest

from retrieval import opening
from tests.embedding_server import Answer, embedding_server
from tests.server.conftest import make_store, put, search, serving, until

DOWN = Answer(503, {"error": {"message": "no model is loaded"}})
LIGHT = "The lighthouse was lit in 1884."


@pytest.fixture
def server():
    with embedding_server() as server:
        yield server


@pytest.fixture
def settings(server):
    return {"backends": {"mine": {"base_url": server.url, "retries": 0}}}


async def generation(client, store, **spec):
    """A generation that is ready; its id."""
    path = f"/v1/vector_stores/{store}/generations"
    made = (await client.post(path, json=spec)).json()

    async def ready():
        return (await client.get(f"{path}/{made['id']}")).json()["status"] not in ("queued", "building", "measuring")

    await until(ready)
    assert (await client.get(f"{path}/{made['id']}")).json()["status"] == "ready"
    return made["id"]


async def activate(client, store, id):
    return await client.post(f"/v1/vector_stores/{store}/generations/{id}/activate", json={})


async def swapped(client, server):
    """A store that has gone over from the bundled model to that of the server; its id and those of both."""
    store = await make_store(client, sandtable={"index": "flat"})
    await put(client, store, "light.txt", LIGHT)
    near = (await client.get(f"/v1/vector_stores/{store}")).json()["sandtable"]["active_generation"]
    far = await generation(client, store, embedder="mine:words")
    assert (await activate(client, store, far)).json()["replaced"] == near
    return store, near, far


async def test_another_generation_is_searched_built_and_activated_meanwhile(server, settings, tmp_path):
    async with serving(tmp_path / "data", **settings) as client:
        store, near, far = await swapped(client, server)
    server.answers = [DOWN] * 1_000
    async with serving(tmp_path / "data", **settings) as client:
        reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "embedder_unavailable")
        for part in (far, "'mine:words'", "no model is loaded", "activate another generation"):
            assert part in reply.json()["error"]["message"]
        assert reply.headers["retry-after"]
        (hit,) = await search(client, store, "lighthouse", generation=near)
        file = hit["file_id"]
        judged = {"judgments": [{"query": "lighthouse", "file_id": file, "grade": 1}]}
        assert (await client.post(f"/v1/vector_stores/{store}/judgments", json=judged)).status_code == 200
        for generations in ({}, {"generations": [near]}):
            reply = await client.post(f"/v1/vector_stores/{store}/evaluate", json=generations)
            assert reply.status_code == 200, reply.text
            (one,) = reply.json()["data"]
            assert (one["generation"], one["versus_active"], one["metrics"]["ndcg"]["mean"]) == (near, None, 1.0)
        other = await generation(client, store, index="hnsw", embedder="minilm")
        assert (await activate(client, store, other)).json()["replaced"] == far
        assert len(await search(client, store, "lighthouse")) == 1
        assert (await activate(client, store, near)).status_code == 200
        refused = await activate(client, store, far)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "embedder_unavailable")


async def test_once_the_model_is_back_it_has_what_came_meanwhile(server, settings, tmp_path, monkeypatch):
    async with serving(tmp_path / "data", **settings) as client:
        store, near, far = await swapped(client, server)
        assert (await activate(client, store, near)).status_code == 200
    server.answers = [DOWN] * 1_000
    monkeypatch.setattr(opening, "AGAIN_S", 0.0)
    async with serving(tmp_path / "data", **settings) as client:
        _, added = await put(client, store, "ferry.txt", "A ferry leaves in winter.")
        assert added["status"] == "completed"
        lost = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "a", "generation": far})
        assert lost.status_code == 503
        rows = (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"]
        assert {row["id"]: (row["status"], row["error"]) for row in rows} == {
            near: ("active", None), far: ("retired", None),
        }  # fmt: skip
        server.answers = []

        async def back():
            found = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "ferry", "generation": far})
            return found.status_code == 200 and len(found.json()["data"]) == 2

        await until(back)
        assert (await activate(client, store, far)).status_code == 200
        assert {hit["filename"] for hit in await search(client, store, "ferry")} == {"light.txt", "ferry.txt"}


async def test_the_active_one_serves_again_without_a_restart(server, settings, tmp_path, monkeypatch):
    async with serving(tmp_path / "data", **settings) as client:
        store, _, far = await swapped(client, server)
    server.answers = [DOWN] * 1_000
    monkeypatch.setattr(opening, "AGAIN_S", 0.0)
    async with serving(tmp_path / "data", **settings) as client:
        reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
        assert reply.status_code == 503
        _, refused = await put(client, store, "ferry.txt", "A ferry leaves in winter.")
        assert (refused["status"], "'mine:words'" in refused["last_error"]["message"]) == ("failed", True)
        server.answers = []

        async def back():
            reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
            return reply.status_code == 200 and len(reply.json()["data"]) == 1

        await until(back)
        _, added = await put(client, store, "ferry.txt", "A ferry leaves in winter.")
        assert added["status"] == "completed"
        found = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "ferry"})
        assert (found.json()["generation"], len(found.json()["data"])) == (far, 2)


async def test_words_alone_need_no_model(server, settings, tmp_path):
    async with serving(tmp_path / "data", **settings) as client:
        store, _, far = await swapped(client, server)
        words = await generation(client, store, index="bm25")
    server.answers = [DOWN] * 1_000
    async with serving(tmp_path / "data", **settings) as client:
        assert len(await search(client, store, "lighthouse", generation=words)) == 1
        others = await generation(client, store, index="bm25")
        assert (await activate(client, store, others)).json()["replaced"] == far
        assert len(await search(client, store, "lighthouse")) == 1
    async with serving(tmp_path / "data", **settings) as client:
        assert len(await search(client, store, "lighthouse")) == 1


async def test_generations_are_deleted_while_the_active_one_is_away(server, settings, tmp_path, monkeypatch):
    async with serving(tmp_path / "data", **settings) as client:
        store, near, far = await swapped(client, server)
    server.answers = [DOWN] * 1_000
    monkeypatch.setattr(opening, "AGAIN_S", 0.0)
    async with serving(tmp_path / "data", **settings) as client:
        path = f"/v1/vector_stores/{store}"
        asking = [client.post(f"{path}/search", json={"query": "lighthouse"}) for _ in range(10)]
        deleted = client.delete(f"{path}/generations/{near}")
        *lost, gone = await asyncio.wait_for(asyncio.gather(*asking, deleted), 20)
        assert ({reply.status_code for reply in lost}, gone.status_code) == ({503}, 200)
        rows = (await client.get(f"{path}/generations")).json()["data"]
        assert [row["id"] for row in rows] == [far]
        assert (await asyncio.wait_for(client.delete(path), 20)).status_code == 200


async def test_nobody_waits_for_a_service_that_hangs(server, settings, tmp_path, monkeypatch):
    async with serving(tmp_path / "data", **settings) as client:
        store, near, _ = await swapped(client, server)
    server.answers = [DOWN]
    monkeypatch.setattr(opening, "AGAIN_S", 0.0)
    async with serving(tmp_path / "data", **settings) as client:
        path = f"/v1/vector_stores/{store}"
        assert (await client.post(f"{path}/search", json={"query": "a"})).status_code == 503
        server.answers = [Answer(hang=True)] * 10
        async with asyncio.timeout(5):
            for _ in range(3):
                assert (await client.post(f"{path}/search", json={"query": "a"})).status_code == 503
                assert len(await search(client, store, "lighthouse", generation=near)) == 1
            assert (await activate(client, store, near)).status_code == 200
        server.over.set()


async def test_a_service_that_is_away_is_not_asked_for_every_search(server, settings, tmp_path):
    async with serving(tmp_path / "data", **settings) as client:
        store, _, _ = await swapped(client, server)
    server.answers = [DOWN] * 1_000
    async with serving(tmp_path / "data", **settings) as client:
        began = time.monotonic()
        for _ in range(20):
            reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
            assert reply.status_code == 503
        asked = 1_000 - len(server.answers)
        assert asked <= 3 + (time.monotonic() - began) / opening.AGAIN_S


async def test_a_key_that_the_settings_lack_now_is_no_obstacle_either(server, settings, tmp_path):
    async with serving(tmp_path / "data", **settings) as client:
        store, near, _ = await swapped(client, server)
    keyless = {"backends": {"mine": {"kind": "anthropic", "base_url": server.url}}}
    async with serving(tmp_path / "data", **keyless) as client:
        reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "embedder_unavailable")
        assert (await activate(client, store, near)).status_code == 200
        assert len(await search(client, store, "lighthouse")) == 1


async def test_a_folder_that_comes_later_is_what_it_would_be_after_a_restart(tmp_path):
    async with serving(tmp_path / "data") as client:
        embedder = client.app.state.services.collections.embedder
        spec = f"st:{tmp_path / 'late'}"
        first, _ = embedder(spec)
        assert embedder(spec)[0] is first
        (tmp_path / "late").mkdir()
        second, _ = embedder(spec)
        assert type(second) is not type(first)
        (tmp_path / "late").rmdir()
        assert embedder(spec)[0] is second, "what is loaded stays"
    async with serving(tmp_path / "data") as client:
        (tmp_path / "late").mkdir()
        assert type(client.app.state.services.collections.embedder(spec)[0]) is type(second)
