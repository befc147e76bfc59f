"""Cassettes, replays and forks over HTTP."""

import pytest
import pytest_asyncio

from agents.cassette import read_cassette
from agents.replay import replay
from tests.fake_upstream import Canned, stream_of
from tests.server.conftest import events_of, make_store, put, serving, until, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = "tests.server.step_pipeline:pipeline"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake():
    async with upstream(one=Canned(stream_of("One [1].")), two=Canned(stream_of("Two [1]."))) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory, fake):
    folder = tmp_path_factory.mktemp("replays")
    async with serving(folder, backend="fake:one", backends=fake.profiles) as client:
        client.store = await make_store(client)
        await put(client, client.store, "tower.md", "The tower is 330 metres tall.")
        yield client


async def ask(client, model="chat", content="How tall?", **sandtable):
    body = {"model": model, "messages": [{"role": "user", "content": content}], "sandtable": sandtable}
    reply = await client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()["sandtable"]["run_id"]


async def over(client, run_id):
    async def ended():
        run = (await client.get(f"/v1/runs/{run_id}")).json()
        return run if run["status"] not in ("queued", "running") else None

    return await until(ended)


async def again(client, run_id, **body):
    reply = await client.post(f"/v1/runs/{run_id}/replay", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_cassette_replays_the_same_without_anything(client, fake):
    for model in ("chat", f"rag:{client.store}"):
        run_id = await ask(client, model)
        one, two = [(await client.get(f"/v1/runs/{run_id}/cassette")).content for _ in range(2)]
        assert one == two
        stored = (await events_of(client, run_id))["data"]
        before = len(fake.requests)
        assert await replay(read_cassette(one)) == stored
        assert await again(client, run_id) == {
            "object": "run.replay",
            "run_id": run_id,
            "identical": True,
            "events": len(stored),
            "first_difference": None,
        }
        assert len(fake.requests) == before


async def test_a_cassette_of_another_tenant_or_run_is_not_there(client):
    for method, path in (("GET", "cassette"), ("POST", "replay")):
        reply = await client.request(method, f"/v1/runs/nope/{path}", **({"json": {}} if method == "POST" else {}))
        assert (reply.status_code, reply.json()["error"]["param"]) == (404, "run_id")


async def test_a_fork_takes_over_what_was_before_and_does_the_rest_anew(client, fake):
    run_id = await ask(client, f"rag:{client.store}")
    before = len(fake.requests)
    queued = await again(client, run_id, **{"with": {"backend": "fake:two"}, "from_step": 2})
    assert (queued["forked_from"], queued["from_step"], queued["backend"]) == (run_id, 2, "fake:two")
    run = await over(client, queued["id"])
    assert (run["status"], run["answer"]) == ("success", "Two [1].")
    assert len(fake.requests) == before + 1
    ours, theirs = [(await events_of(client, id))["data"] for id in (queued["id"], run_id)]
    assert [e["seq"] for e in ours] == list(range(1, len(ours) + 1))
    kinds = [e["type"] for e in ours]
    assert kinds.count("run_started") == kinds.count("forked") == kinds.count("run_finished") == 1
    assert "run_resumed" not in kinds
    own = kinds.index("forked")
    assert "retrieved" in kinds[:own]
    assert "llm_called" not in kinds[:own]
    found = [[e["hits"] for e in events if e["type"] == "retrieved"] for events in (ours, theirs)]
    assert found[0] == found[1]
    assert await again(client, queued["id"]) | {"events": 0} == {
        "object": "run.replay",
        "run_id": queued["id"],
        "identical": True,
        "events": 0,
        "first_difference": None,
    }


async def test_a_fork_with_other_options_from_the_first_step_on(client, fake):
    run_id = await ask(client, f"rag:{client.store}")
    queued = await again(client, run_id, **{"with": {"options": {"k": 3}}})
    assert (await over(client, queued["id"]))["status"] == "success"
    searched = [e["k"] for e in (await events_of(client, queued["id"]))["data"] if e["type"] == "retrieved"]
    assert searched == [3]
    assert (await again(client, queued["id"]))["identical"]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"from_step": 9}, "from_step", "not_forkable"),
        ({"from_step": 0}, "from_step", "invalid_value"),
        ({"with": {"options": {"kk": 1}}}, "with.options.kk", "unknown_parameter"),
        ({"with": {"backend": "nope:x"}}, "with.backend", "bad_backend"),
        ({"with": {"model": "x"}}, "with.model", "unknown_parameter"),
        ({"to_step": 1}, "to_step", "unknown_parameter"),
    ],
)
async def test_what_cannot_be_forked_is_named(client, body, param, code):
    run_id = await ask(client, f"rag:{client.store}")
    reply = await client.post(f"/v1/runs/{run_id}/replay", json=body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == (param, code), error


async def test_a_thread_of_several_turns_replays(client):
    first = await ask(client, content="Hi")
    thread = (await client.get(f"/v1/runs/{first}")).json()["thread_id"]
    second = await ask(client, content="And?", thread_id=thread)
    assert (await again(client, second))["identical"]
    queued = await again(client, second, **{"with": {"backend": "fake:two"}})
    assert (await over(client, queued["id"]))["answer"] == "Two [1]."
    (called,) = [e for e in (await events_of(client, queued["id"]))["data"] if e["type"] == "llm_called"]
    assert [m["content"] for m in called["request"]["messages"]] == ["Hi", "One [1].", "And?"]
    assert (await again(client, queued["id"]))["identical"]


async def test_a_failed_run_replays(client):
    reply = await client.post(
        "/v1/chat/completions",
        json={
            "model": "chat",
            "messages": [{"role": "user", "content": "x"}],
            "sandtable": {"backend": "fake:missing"},
        },
    )
    assert reply.status_code >= 400
    run_id = reply.json()["error"].get("sandtable", {}).get("run_id") or (await newest(client))
    kinds = [e["type"] for e in (await events_of(client, run_id))["data"]]
    assert kinds[-2:] == ["llm_failed", "run_failed"]
    assert (await again(client, run_id))["identical"]


async def newest(client):
    from sqlalchemy import select

    from server.storage.tables import run

    def read(db):
        return db.execute(select(run.c.id).order_by(run.c.created_at.desc()).limit(1)).scalar_one()

    return await client.app.state.services.database.read(read)
