"""Whoever is told of a response finds it, and its run, from that moment on; a run that is told to be over is."""

import asyncio
import json
import sqlite3
from contextlib import closing

from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of
from tests.server.conftest import listening, until, upstream

WHOLE = Canned(stream_of("It was a dark night."))
SSE = {"accept": "text/event-stream"}
HALF = Canned((event(chunk(ROLE)), event(chunk({"content": "It was a"}))), then="stall")


def asked(backend, **fields):
    body = {"model": "chat", "input": "A story!", "stream": True, "sandtable": {"backend": backend}, **fields}
    return {"method": "POST", "url": "/v1/responses", "json": body}


def stored_runs(data_dir):
    """The runs of responses, as the next process would find them if this one were killed now."""
    with closing(sqlite3.connect(data_dir / "sandtable.sqlite3")) as db:
        return {id for (id,) in db.execute("select run_id from response join run on run.id = response.run_id")}


async def told_first(reply):
    """The id of the run, and the stream where it goes on."""
    lines = reply.aiter_lines()
    async for line in lines:
        if line.startswith("data: "):
            return json.loads(line[6:])["response"]["sandtable"]["run_id"], lines
    raise AssertionError("nothing was told")


async def test_a_response_is_stored_with_its_run_before_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("server.event_log.PAUSE", 5.0)  # as on a slow disk
    async with upstream(whole=WHOLE, half=HALF) as fake, listening(tmp_path, backends=fake.profiles) as service:
        # From the end of the first on, what is to be stored is gathered for a while.
        await service.request(**asked("fake:whole"))
        async with service.stream(**asked("fake:half")) as reply:
            run_id, _ = await told_first(reply)
            assert run_id in stored_runs(tmp_path)


async def test_one_that_is_not_kept_leaves_only_its_trace(tmp_path):
    async with upstream(whole=WHOLE) as fake, listening(tmp_path, backends=fake.profiles) as service:
        async with service.stream(**asked("fake:whole", store=False)) as reply:
            run_id, rest = await told_first(reply)
            assert "response.completed" in "".join([line async for line in rest])
        assert stored_runs(tmp_path) == set()
        trace = (await service.get(f"/v1/runs/{run_id}/events")).json()
        assert trace["data"][-1]["type"] == "run_finished"


async def test_a_run_is_over_when_its_end_is_told(tmp_path):
    async with upstream(whole=WHOLE) as fake, listening(tmp_path, backends=fake.profiles) as service:
        chat = {"model": "chat", "messages": [{"role": "user", "content": "A story!"}]}
        chat |= {"sandtable": {"backend": "fake:whole"}}
        done = {(await service.post("/v1/chat/completions", json=chat)).json()["sandtable"]["run_id"]}
        with closing(sqlite3.connect(tmp_path / "checkpoints.sqlite3")) as other:
            other.execute("begin immediate")  # The turn of the next run cannot be kept before this is over.
            asking = asyncio.create_task(service.post("/v1/chat/completions", json=chat))
            (run_id,) = await until(lambda: new_runs(tmp_path, done))

            async def status_at_its_end():
                async with service.stream("GET", f"/v1/runs/{run_id}/events", headers=SSE) as reply:
                    assert "run_finished" in "".join([line async for line in reply.aiter_lines()])
                return (await service.get(f"/v1/runs/{run_id}")).json()["status"]

            following = asyncio.create_task(status_at_its_end())
            await asyncio.sleep(0.3)
        assert await following == "success"
        assert (await asking).status_code == 200


async def new_runs(data_dir, known):
    with closing(sqlite3.connect(data_dir / "sandtable.sqlite3")) as db:
        return {id for (id,) in db.execute("select id from run")} - known
