"""The MCP server through the official client: in process, and over HTTP in both generations of the protocol."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
import pytest_asyncio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from sqlalchemy import select

from agents.catalog import PIPELINES
from server.mcp.protocol import make_server
from server.storage.tables import run
from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of
from tests.server.conftest import events_of, listening, make_store, put, until, upload, upstream
from tests.server.test_chat import refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODES = ("auto", "legacy", "2026-07-28")
LIGHT = "The lighthouse at Cape Varn was lit in 1884."
HARBOUR = "北湾渔港有三百一十二艘渔船。"
PING = {"accept": "application/json, text/event-stream"}
"""What every client of the protocol says it takes."""
ANSWERS = {
    "endless": Canned((event(chunk(ROLE)), event(chunk({"content": "Once upon a time"}))), then="stall"),
    "breaks": Canned((event(chunk(ROLE)), event(chunk({"content": "Half an"}))), then="cut"),
    "mute": Canned(then="silent"),
    "busy": refusal(429, "too many requests", "rate_limit_exceeded"),
    "broken": refusal(500, "out of order", "server_error"),
    "cjk": Canned(stream_of("你好，世界🎉\u2028\x85end", size=1)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    async with upstream(**ANSWERS) as fake:
        profiles = {**fake.profiles, "hasty": {**fake.profiles["fake"], "read_timeout": 0.2}}
        async with listening(tmp_path_factory.mktemp("mcp") / "data", backends=profiles) as service:
            service.fake = fake
            service.store = await make_store(service, "lights")
            service.light, _ = await put(service, service.store, "light.md", LIGHT, attributes={"year": 1884})
            service.harbour, _ = await put(service, service.store, "渔业.txt", HARBOUR)
            yield service


@asynccontextmanager
async def connected(service, mode="auto", path="/mcp", **headers):
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        url = str(service.base_url).rstrip("/") + path
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield client


def in_both_protocols(test):
    """Run `test(client, service)` in every mode of the client.

    No fixture: a client must be closed by the task that opened it."""

    @pytest.mark.parametrize("mode", MODES)
    async def wrapped(service, mode):
        async with connected(service, mode) as client:
            await test(client, service)

    wrapped.__name__ = test.__name__
    return wrapped


async def told(client, tool, **arguments):
    """What a call that goes wrong says."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert "Traceback" not in result.content[0].text
    return result.content[0].text


async def rpc(service, method, params=None, path="/mcp", **headers):
    """A request as its bytes, without a client's help."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return await service.post(path, json=body, headers={**PING, **headers})


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize("mode", MODES)
async def test_both_protocols_and_both_paths(service, mode, path):
    async with connected(service, mode, path) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        assert [tool.name for tool in (await client.list_tools()).tools] == ["search", "fetch", *PIPELINES]


@in_both_protocols
async def test_every_pipeline_is_a_tool_with_its_options_and_its_kind_of_answer(client, service):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    rag = tools["rag"]
    assert rag.input_schema["required"] == ["question", "collection"]
    assert "There are: 'lights'" in rag.input_schema["properties"]["collection"]["description"]
    assert rag.input_schema["$defs"]["RagOptions"]["properties"]["k"]["maximum"] == 50
    assert set(rag.output_schema["required"]) >= {"answer", "citations", "run_id"}
    assert tools["chat"].input_schema["required"] == ["question"]
    assert [tool.name for tool in tools.values() if tool.annotations.read_only_hint] == ["search", "fetch"]


@in_both_protocols
async def test_a_search_finds_documents_and_their_passages(client, service):
    result = await client.call_tool("search", {"query": "lighthouse Cape Varn"})
    found = result.structured_content
    assert json.loads(result.content[0].text) == found
    assert found["results"][0] == {
        "id": service.light,
        "title": "light.md",
        "url": f"{service.base_url}/v1/files/{service.light}/content",
        "text": LIGHT,
    }
    hit = found["hits"][0]
    assert (hit["id"], hit["collection"], hit["attributes"]) == (service.light, "lights", {"year": 1884})
    assert LIGHT[hit["start"] : hit["end"]] == hit["text"]
    assert (await service.get(found["results"][0]["url"])).text == LIGHT


@in_both_protocols
async def test_a_search_may_be_narrowed(client, service):
    old = {"type": "lt", "key": "year", "value": 1900}
    found = await client.call_tool("search", {"query": "渔船", "filters": old, "collection": service.store})
    assert {document["id"] for document in found.structured_content["results"]} <= {service.light}
    chinese = await client.call_tool("search", {"query": "北湾有多少渔船", "max_num_results": 1})
    assert [hit["id"] for hit in chinese.structured_content["hits"]] == [service.harbour]


@in_both_protocols
async def test_a_document_is_fetched_whole_or_in_parts(client, service):
    whole = (await client.call_tool("fetch", {"id": service.harbour})).structured_content
    assert (whole["text"], whole["title"], whole["metadata"]["next_start"]) == (HARBOUR, "渔业.txt", None)
    parts, start = "", 0
    while start is not None:
        asked = {"id": service.harbour, "start": start, "max_characters": 5, "collection": "lights"}
        part = (await client.call_tool("fetch", asked)).structured_content
        parts, start = parts + part["text"], part["metadata"]["next_start"]
    assert parts == HARBOUR
    beyond = (await client.call_tool("fetch", {"id": service.harbour, "start": 10**6})).structured_content
    assert (beyond["text"], beyond["metadata"]["start"]) == ("", len(HARBOUR))


@in_both_protocols
async def test_files_are_resources(client, service):
    listed = {resource.name: resource for resource in (await client.list_resources()).resources}
    assert listed["渔业.txt"].uri == f"sandtable://files/{service.harbour}"
    (text,) = (await client.read_resource(listed["渔业.txt"].uri)).contents
    assert (text.text, text.mime_type) == (HARBOUR, "text/plain")
    assert [t.uri_template for t in (await client.list_resource_templates()).resource_templates] == [
        "sandtable://files/{file_id}"
    ]
    for uri in ("sandtable://files/file-none", "file:///etc/passwd", "nonsense"):
        with pytest.raises(MCPError, match=r"^No "):
            await client.read_resource(uri)


@in_both_protocols
async def test_a_pipeline_answers_with_citations_and_leaves_a_trace(client, service):
    result = await client.call_tool("rag", {"question": "北湾渔港有多少艘渔船？", "collection": "lights"})
    answer = result.structured_content
    assert "三百一十二艘" in answer["answer"]
    (citation,) = answer["citations"]
    assert HARBOUR[citation["start"] : citation["end"]] == citation["quote"]
    assert result.content[0].text.startswith(answer["answer"])
    assert citation["quote"] in result.content[0].text.partition("Sources:")[2]
    assert (answer["finish_reason"], answer["backend"], answer["steps"]) == ("stop", "extractive", 3)
    trace = await events_of(service, answer["run_id"])
    assert (trace["status"], trace["data"][-1]["answer"]) == ("success", answer["answer"])


@in_both_protocols
async def test_options_and_a_backend_reach_the_run(client, service):
    asked = {"question": "lighthouse", "collection": "lights", "options": {"k": 1}, "backend": "fake:echo"}
    answer = (await client.call_tool("rag", asked)).structured_content
    trace = (await events_of(service, answer["run_id"]))["data"]
    assert [len(event["hits"]) for event in trace if event["type"] == "retrieved"] == [1]
    assert answer["backend"] == "fake:echo"


@in_both_protocols
async def test_progress_tells_the_steps_and_then_the_answer(client, service):
    told = []

    async def note(progress, total, message):
        told.append((progress, message))

    asked = {"question": "Hi", "backend": "fake:cjk"}
    result = await client.call_tool("chat", asked, progress_callback=note)
    assert result.structured_content["answer"] == "你好，世界🎉\u2028\x85end"
    await until_true(lambda: "".join(message for _, message in told[1:]) == result.structured_content["answer"])
    assert told[0][1] == "step reply"
    assert [number for number, _ in told] == sorted({number for number, _ in told})


async def until_true(condition):
    async def holds():
        return condition()

    await until(holds)


async def ended(service):
    """How the last run ended, once it has."""

    async def status():
        query = select(run.c.status).order_by(run.c.created_at.desc()).limit(1)
        found = await service.app.state.services.database.read(lambda db: db.execute(query).scalar_one())
        return found if found not in ("running", "queued", "pending") else None

    await service.app.state.services.events.flush()  # else the last run known may be the one before
    return await until(status)


@pytest.mark.slow
@in_both_protocols
async def test_bad_arguments_are_named(client, service):
    ask = {"question": "x", "collection": "lights"}
    assert await told(client, "search") == "Missing required parameter: 'query'."
    assert "'query'" in await told(client, "search", query=3)
    assert await told(client, "search", query=" ") == "'query' is empty."
    assert "'max_num_results'" in await told(client, "search", query="x", max_num_results=51)
    assert "filters.type" in await told(client, "search", query="x", filters={"type": "like", "key": "a", "value": 1})
    assert await told(client, "search", query="x", collection="no") == "No collection 'no'; there are: 'lights'."
    assert await told(client, "fetch", id="file-none") == "No document with id 'file-none'."
    assert await told(client, "rag", question="x") == "Missing required parameter: 'collection'."
    assert await told(client, "rag", **{**ask, "question": "\n"}) == "'question' is empty."
    assert await told(client, "rag", **ask, flavour="mint") == "Unknown parameter: 'flavour'."
    assert "'options.k'" in await told(client, "rag", **ask, options={"k": 0})
    assert await told(client, "rag", **ask, options={"q": 0}) == "Unknown parameter: 'options.q'."
    assert "gpt" in await told(client, "chat", question="x", backend="gpt")


@in_both_protocols
async def test_an_unknown_tool_is_an_error_of_the_protocol(client, service):
    with pytest.raises(MCPError, match=r"There is no tool 'nope'; there are: search, fetch, chat, rag"):
        await client.call_tool("nope", {})


@pytest.mark.slow
@in_both_protocols
async def test_failures_of_the_backend_are_told(client, service):
    for model, reason in {"busy": "too many", "broken": "out of order", "breaks": "", "none": "no model"}.items():
        text = await told(client, "chat", question="x", backend=f"fake:{model}")
        assert reason in text
        run_id = text.rpartition("(run ")[2].rstrip(")")
        assert (await events_of(service, run_id))["status"] == "error"
    assert "within 0.2 s" in await told(client, "chat", question="x", backend="hasty:mute")


@in_both_protocols
async def test_who_takes_a_call_back_ends_its_run(client, service):
    service.fake.asked.clear()
    service.fake.left.clear()
    calling = asyncio.create_task(client.call_tool("chat", {"question": "x", "backend": "fake:endless"}))
    await asyncio.wait_for(service.fake.asked.wait(), 20)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await asyncio.wait_for(service.fake.left.wait(), 20)
    assert await ended(service) == "cancelled"
    assert [tool.name for tool in (await client.list_tools()).tools][:2] == ["search", "fetch"]


@pytest.mark.parametrize("version", [None, "2025-11-25", "2026-07-28"])
async def test_who_hangs_up_ends_the_run(service, version):
    service.fake.left.clear()
    params = {"name": "chat", "arguments": {"question": "x", "backend": "fake:endless"}}
    headers = {}
    if version == "2026-07-28":
        capabilities = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params["_meta"] = capabilities
        headers = {"mcp-method": "tools/call", "mcp-name": "chat"}
    if version is not None:
        headers["mcp-protocol-version"] = version
    service.fake.asked.clear()
    calling = asyncio.create_task(rpc(service, "tools/call", params, **headers))
    await asyncio.wait_for(service.fake.asked.wait(), 20)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await asyncio.wait_for(service.fake.left.wait(), 20)
    assert await ended(service) == "cancelled"


async def test_in_process(service):
    async with Client(make_server(service.app.state.services, "1")) as client:
        found = await client.call_tool("search", {"query": "lighthouse"})
        assert found.structured_content["results"][0]["id"] == service.light


async def test_a_client_outlives_a_restart(service):
    """No request depends on one before it: not even on a session that this process has ever given out."""
    asked = {"name": "search", "arguments": {"query": "lighthouse"}}
    headers = {"mcp-session-id": "from-before", "mcp-protocol-version": "2025-06-18"}
    reply = await rpc(service, "tools/call", asked, **headers)
    assert (reply.status_code, service.light in reply.text) == (200, True)


async def test_only_post(service):
    for method in ("GET", "DELETE", "PUT"):
        reply = await service.request(method, "/mcp", headers={"accept": "text/event-stream"})
        assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
        assert reply.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.slow
async def test_what_is_no_message_is_refused(service):
    accept = {**PING, "content-type": "application/json"}
    for body in (b"", b"{", b"[]", b"[1]", b'"x"', b'{"jsonrpc": "2.0", "id": 1}', b"\xff", b"[" * 100_000):
        for version in ({}, {"mcp-protocol-version": "2026-07-28"}):
            reply = await service.post("/mcp", content=body, headers={**accept, **version})
            assert (reply.status_code, "error" in reply.json()) == (400, True), (body[:20], version)


@pytest.mark.slow
async def test_files_that_have_no_text_say_why(service):
    unread = await upload(service, "unread.txt", "Not in any collection.")
    broken, state = await put(service, service.store, "broken.pdf", b"%PDF-1.4 no")
    assert state["status"] == "failed"
    async with connected(service) as client:
        assert await told(client, "fetch", id=unread) == f"No document with id '{unread}'."
        assert "its status is 'failed'" in await told(client, "fetch", id=broken)
