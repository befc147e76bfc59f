"""Who may use the MCP server, for what, and how much they may send: the rules of every other route."""

import asyncio

import pytest

from server.mcp.search import MOST_AT_ONCE
from tests.server.conftest import listening, make_store, put, upstream
from tests.server.test_mcp import ANSWERS, PING, connected, ended, rpc, told


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
async def test_other_names_and_pages_are_kept_out(tmp_path, headers):
    async with listening(tmp_path) as service:
        for version in ({}, {"mcp-protocol-version": "2026-07-28"}):
            reply = await rpc(service, "ping", **headers, **version)
            assert (reply.status_code, reply.json()["error"]["type"]) == (403, "permission_error")
        assert (await rpc(service, "ping", origin="http://localhost:3000")).status_code == 200


@pytest.mark.slow
async def test_a_key_is_asked_for_and_decides_what_is_seen(tmp_path):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]
    async with listening(tmp_path, keys=keys) as service:
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic key-a"}):
            reply = await rpc(service, "tools/list", **given)
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
        service.headers["authorization"] = "Bearer key-a"
        store = await make_store(service, "secrets")
        file_id, _ = await put(service, store, "a.txt", "The safe opens with 4711.")
        async with connected(service, authorization="Bearer key-a") as client:
            assert (await client.call_tool("search", {"query": "safe"})).structured_content["hits"]
        for mode in ("auto", "legacy"):
            async with connected(service, mode, authorization="Bearer key-b") as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert "none yet" in tools["search"].input_schema["properties"]["collection"]["description"]
                found = await client.call_tool("search", {"query": "safe"})
                assert found.structured_content == {"results": [], "hits": []}
                for wanted in (store, "secrets"):
                    assert "there are: none yet" in await told(client, "search", query="safe", collection=wanted)
                    assert "there are: none yet" in await told(client, "rag", question="safe?", collection=wanted)
                assert (await client.list_resources()).resources == []
                assert await told(client, "fetch", id=file_id) == f"No document with id '{file_id}'."


async def test_only_who_made_a_call_takes_it_back(tmp_path):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]
    async with upstream(**ANSWERS) as fake, listening(tmp_path, keys=keys, backends=fake.profiles) as service:
        mine = {"authorization": "Bearer key-a", "mcp-session-id": "one"}
        asked = {"name": "chat", "arguments": {"question": "x", "backend": "fake:endless"}}
        calling = asyncio.create_task(rpc(service, "tools/call", asked, **mine))
        await asyncio.wait_for(fake.asked.wait(), 20)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        for other in ({"mcp-session-id": "two"}, {"authorization": "Bearer key-b"}):
            reply = await service.post("/mcp", json=note, headers={**PING, **mine, **other})
            assert reply.status_code == 202
        assert not fake.left.is_set()
        assert (await service.post("/mcp", json=note, headers={**PING, **mine})).status_code == 202
        await asyncio.wait_for(fake.left.wait(), 20)
        assert "-32800" in (await calling).text
        assert await ended(service) == "cancelled"


@pytest.mark.slow
async def test_what_is_too_large_is_refused(tmp_path):
    async with listening(tmp_path, max_body_bytes=3_000_000) as service:
        for mode in ("auto", "legacy"):
            async with connected(service, mode) as client:
                assert "'query'" in await told(client, "search", query="x" * 40_000)
                assert "'question'" in await told(client, "chat", question="x" * 1_000_001)
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "' + b"x" * 3_000_000 + b'"}}'
        reply = await service.post("/mcp", content=body, headers={**PING, "content-type": "application/json"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")

        async def pieces():
            for at in range(0, len(body), 65_536):
                yield body[at : at + 65_536]

        reply = await service.post("/mcp", content=pieces(), headers={**PING, "content-type": "application/json"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.slow
async def test_too_many_collections_to_search_at_once(tmp_path):
    async with listening(tmp_path) as service:
        for n in range(MOST_AT_ONCE + 1):
            await make_store(service, f"store {n}")
        await make_store(service, "store 0")
        async with connected(service) as client:
            text = await told(client, "search", query="x")
            assert text.startswith(f"There are {MOST_AT_ONCE + 2} collections, too many to search at once; name one")
            assert "'store 16'" in text
            assert "'store 0'" not in text
            assert "2 collections are named" in await told(client, "search", query="x", collection="store 0")


@pytest.mark.slow
async def test_a_stop_ends_the_calls_under_way(tmp_path):
    async with upstream(**ANSWERS) as fake, listening(tmp_path, backends=fake.profiles) as service:
        asked = {"name": "chat", "arguments": {"question": "x", "backend": "fake:endless"}}
        calling = asyncio.create_task(rpc(service, "tools/call", asked))
        await asyncio.wait_for(fake.asked.wait(), 20)
        await service.app.state.mcp.stop()
        await asyncio.wait_for(fake.left.wait(), 20)
        assert await ended(service) == "cancelled"
        await asyncio.wait_for(asyncio.gather(calling, return_exceptions=True), 20)
