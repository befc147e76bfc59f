"""The trace of a run: stored whole, paged, followed, resumed, kept apart by tenant, and always with an end."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from agents.events import EVENT
from server.storage import runs
from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of
from tests.server.conftest import events_of, listening, serving, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

SSE = {"accept": "text/event-stream"}
ENDLESS = Canned((event(chunk(ROLE)), event(chunk({"content": "Once"}))), then="stall")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory):
    async with upstream(endless=ENDLESS, odd=Canned(stream_of("a\u2028b"))) as fake:
        folder = tmp_path_factory.mktemp("runs")
        async with listening(folder, backend="fake:echo", backends=fake.profiles) as client:
            yield client


def ask(content="One two three four", backend=None, **fields):
    extension = {"sandtable": {"backend": backend}} if backend else {}
    return {"model": "chat", "messages": [{"role": "user", "content": content}], **extension, **fields}


async def run_of(client, **fields):
    reply = await client.post("/v1/chat/completions", json=ask(**fields))
    assert reply.status_code == 200, reply.text
    return reply.json()["sandtable"]["run_id"]


async def frames(reply):
    """(id, event, data) of each frame of an event stream."""
    frame = {}
    async for line in reply.aiter_lines():
        if not line and frame:
            yield int(frame["id"]), frame["event"], json.loads(frame["data"])
            frame = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            frame[name] = value


async def followed(client, run_id, last_seen=None, **query):
    headers = {**SSE, **({"last-event-id": str(last_seen)} if last_seen is not None else {})}
    async with (
        asyncio.timeout(20),
        client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers, params=query) as r,
    ):
        assert r.status_code == 200
        return [frame async for frame in frames(r)]


async def test_all_events_are_there_when_the_reply_is(client):
    trace = await events_of(client, await run_of(client))
    assert (trace["object"], trace["status"], trace["has_more"]) == ("list", "success", False)
    events = [EVENT.validate_python(data, strict=False) for data in trace["data"]]
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert {e.run_id for e in events} == {trace["run_id"]}
    assert (events[0].type, events[-1].type) == ("run_started", "run_finished")
    assert "".join(e.text for e in events if e.type == "token") == events[-1].answer == "One two three four"
    assert [e.type for e in events if e.type in ("step_started", "llm_called", "step_finished")] == [
        "step_started",
        "llm_called",
        "step_finished",
    ]


async def test_a_trace_is_read_in_pages(client):
    run_id = await run_of(client)
    every = (await events_of(client, run_id))["data"]
    after, pages = 0, []
    while True:
        reply = (await client.get(f"/v1/runs/{run_id}/events", params={"after": after, "limit": 3})).json()
        pages.append(len(reply["data"]))
        assert reply["data"] == [e for e in every if after < e["seq"] <= after + 3]
        after = reply["data"][-1]["seq"]
        if not reply["has_more"]:
            break
    assert (sum(pages), set(pages[:-1])) == (len(every), {3})
    beyond = (await client.get(f"/v1/runs/{run_id}/events", params={"after": len(every)})).json()
    assert (beyond["data"], beyond["has_more"]) == ([], False)


@pytest.mark.parametrize(
    "query", [{"after": -1}, {"limit": 0}, {"limit": 10_001}, {"after": "x"}, {"after": 10**30}, {"befor": 1}]
)
async def test_a_bad_page_is_named(client, query):
    reply = await client.get(f"/v1/runs/{await run_of(client)}/events", params=query)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, next(iter(query)))


async def test_a_finished_run_is_replayed_as_a_stream(client):
    run_id = await run_of(client)
    every = (await events_of(client, run_id))["data"]
    replayed = await followed(client, run_id)
    assert replayed == [(e["seq"], e["type"], e) for e in every]
    assert await followed(client, run_id, last_seen=4) == replayed[4:]
    assert await followed(client, run_id, after=4) == replayed[4:]
    assert await followed(client, run_id, last_seen=4, after=2) == replayed[4:]


async def test_a_follower_that_has_seen_it_all_is_let_go(client):
    run_id = await run_of(client)
    last = (await events_of(client, run_id))["data"][-1]["seq"]
    assert await followed(client, run_id, last_seen=last) == []
    assert await followed(client, run_id, last_seen=last + 100) == []


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30, "²"])
async def test_a_bad_last_event_id_is_named(client, given):
    headers = {**SSE, "last-event-id": given.encode()}
    reply = await client.get(f"/v1/runs/{await run_of(client)}/events", headers=headers)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "Last-Event-ID")


async def test_a_running_run_is_followed_live_and_a_reconnection_misses_and_repeats_nothing(client):
    seen = []
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        body = ask(backend="fake:endless", stream=True)
        chat = await stack.enter_async_context(client.stream("POST", "/v1/chat/completions", json=body))
        async for line in chat.aiter_lines():
            if "Once" in line:
                break
        await client.app.state.services.events.flush()
        ((run_id, _),) = await client.app.state.services.database.read(runs.abandoned)
        path = f"/v1/runs/{run_id}/events"
        async with client.stream("GET", path, headers=SSE) as first:
            async for frame in frames(first):
                seen.append(frame)
                if frame[1] == "token":
                    break
        headers = {**SSE, "last-event-id": str(seen[-1][0])}
        again = await stack.enter_async_context(client.stream("GET", path, headers=headers))
        await chat.aclose()
        rest = [frame async for frame in frames(again)]
    assert [seq for seq, _, _ in seen + rest] == list(range(1, len(seen + rest) + 1))
    assert rest[-1][1] == "run_cancelled"


async def test_a_line_separator_in_an_answer_does_not_cut_its_event(client):
    run_id = await run_of(client, backend="fake:odd")
    assert [data["answer"] for _, type, data in await followed(client, run_id) if type == "run_finished"] == [
        "a\u2028b"
    ]


@pytest.mark.slow
async def test_many_runs_at_once_keep_their_traces_apart(client):
    texts = [f"question {n} of many 问题{n}" for n in range(24)]
    ids = await asyncio.gather(*(run_of(client, content=text) for text in texts))
    for run_id, text in zip(ids, texts, strict=True):
        trace = (await events_of(client, run_id))["data"]
        assert [e["seq"] for e in trace] == list(range(1, len(trace) + 1))
        assert trace[-1]["answer"] == text


async def test_a_run_belongs_to_its_tenant(tmp_path):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]
    async with serving(tmp_path, keys=keys) as client:
        client.headers["authorization"] = "Bearer key-a"
        run_id = await run_of(client)
        client.headers["authorization"] = "Bearer key-b"
        for headers in ({}, SSE):
            reply = await client.get(f"/v1/runs/{run_id}/events", headers=headers)
            assert (reply.status_code, reply.json()["error"]["param"]) == (404, "run_id")


@pytest.mark.slow
async def test_a_run_that_a_killed_process_left_open_gets_an_end(tmp_path):
    run_id = "0190a3c4-0000-7000-8000-000000000001"
    async with serving(tmp_path) as client:
        database = client.app.state.services.database
        row = {"thread_id": "t", "tenant": "default", "pipeline": "chat", "collection_id": None, "generation_id": None}
        first = {"type": "run_started", "seq": 1, "at": "2026-01-01T00:00:00Z", "run_id": run_id, "node": ""}
        about = {"pipeline": "chat", "backend": "x", "collection": None, "question": "?"}

        def leave_open(db):
            runs.add_run(
                db,
                {"id": run_id, "backend": "x", "input": {"question": "?"}, "created_at": 0.0, **row},
                status="running",
            )
            runs.add_events(db, [(run_id, 1, "run_started", json.dumps(first | about))])

        await database.write(leave_open)
    for _ in range(2):
        async with serving(tmp_path) as client:
            trace = await events_of(client, run_id)
            assert trace["status"] == "interrupted"
            assert [(e["seq"], e["type"]) for e in trace["data"]] == [(1, "run_started"), (2, "run_failed")]
            assert trace["data"][-1]["error_type"] == "Interrupted"
            assert [seq for seq, _, _ in await followed(client, run_id)] == [1, 2]
