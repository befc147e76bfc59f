"""Replays of durable runs: restarted, limited, cancelled, asked; and forks that reuse exactly what was before."""

import pytest

from agents.replay import replay
from agents.spending import Limits
from server.runs.cassettes import cassette_of
from server.runs.order import Start
from tests.fake_upstream import Canned, stream_of
from tests.server.conftest import events_of, until, upstream
from tests.server.test_durable import finished_steps, script, served, submit, told  # noqa: F401


async def replays(client, run_id):
    """Whether it does, here; the events."""
    stored = (await events_of(client, run_id))["data"]
    cassette = await cassette_of(client.app.state.services, "default", run_id)
    assert await replay(cassette) == stored
    reply = (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()
    assert (reply["identical"], reply["events"]) == (True, len(stored)), reply
    return stored


@pytest.mark.slow
@pytest.mark.parametrize("steps_before", [0, 1, 3])
async def test_a_run_that_was_resumed_replays(tmp_path, script, steps_before):  # noqa: F811
    options = {"steps": 5, "pause": 0.03, "ledger": str(tmp_path / "ledger.sqlite3"), "ask": True}
    async with served(tmp_path, backend=script) as client:
        order = await submit(client, options=options)
        await until(lambda: finished_steps(client.app.state.services, order.run_id, steps_before))
    async with served(tmp_path, backend=script) as client:
        await told(client, order.run_id)
        await replays(client, order.run_id)


LIMITS = [{"model_calls": 2}, {"tool_calls": 3}, {"tokens": 20}, {"steps": 4}, {"cost": 2e-5}, {"seconds": 0.5}]


@pytest.mark.slow
@pytest.mark.parametrize("limits", LIMITS, ids=str)
async def test_a_run_that_was_limited_replays(tmp_path, script, limits):  # noqa: F811
    prices = {"scripted:*": {"input": 1.0, "output": 1.0}}
    pause = 0.2 if "seconds" in limits else 0.0
    options = {"steps": 9, "ask": True, "ledger": str(tmp_path / "ledger.sqlite3"), "pause": pause}
    async with served(tmp_path, backend=script, prices=prices) as client:
        order = await submit(client, options=options, limits=Limits(**limits))
        assert (await told(client, order.run_id))[-1]["type"] == "run_limited"
        await replays(client, order.run_id)


async def test_a_question_and_its_answer_replay(tmp_path, script):  # noqa: F811
    options = {"steps": 3, "approve": True, "ledger": str(tmp_path / "ledger.sqlite3"), "ask": True, "pause": 0.0}
    async with served(tmp_path, backend=script) as client:
        order = await submit(client, options=options)
        await told(client, order.run_id)
        await replays(client, order.run_id)
        start = Start(command={"resume": True})
        again = await submit(client, thread_id=order.thread_id, options=options, start=start, resumes=order.run_id)
        await told(client, again.run_id)
        await replays(client, again.run_id)
        reply = await client.post(f"/v1/runs/{again.run_id}/replay", json={"from_step": 1})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "not_forkable")


@pytest.mark.slow
async def test_a_cancelled_run_replays(tmp_path):
    async with served(tmp_path) as client:
        services = client.app.state.services
        order = await submit(client, options={"steps": 1_000, "pause": 0.01})
        await until(lambda: finished_steps(services, order.run_id, 2))
        reply = await client.get(f"/v1/runs/{order.run_id}/cassette")
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "run_not_over")
        await services.runs.cancel(order.run_id)
        await told(client, order.run_id)
        await replays(client, order.run_id)


async def test_a_run_from_the_middle_of_a_thread_says_that_it_cannot_be_replayed(tmp_path):
    async with served(tmp_path) as client:
        order = await submit(client, options={"steps": 3})
        kept = [e for e in await told(client, order.run_id) if e["type"] == "checkpointed"]
        start = Start(checkpoint_id=kept[2]["checkpoint_id"], continues=True)
        middle = await submit(client, thread_id=order.thread_id, options={"steps": 4}, start=start)
        await told(client, middle.run_id)
        reply = await client.post(f"/v1/runs/{middle.run_id}/replay", json={})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "not_replayable")
        assert "middle of its thread" in reply.json()["error"]["message"]


@pytest.mark.parametrize("from_step", [1, 2, 4, 6])
async def test_a_fork_asks_for_what_comes_after_and_for_nothing_before(tmp_path, from_step):
    async with (
        upstream(one=Canned(stream_of("one")), two=Canned(stream_of("two"))) as fake,
        served(tmp_path, backend="fake:one", backends=fake.profiles) as client,
    ):
        order = await submit(client, options={"steps": 6, "ask": True})
        await told(client, order.run_id)
        asked = len(fake.requests)
        body = {"with": {"backend": "fake:two"}, "from_step": from_step}
        queued = (await client.post(f"/v1/runs/{order.run_id}/replay", json=body)).json()
        events = await told(client, queued["id"])
        assert events[-1]["type"] == "run_finished"
        assert len(fake.requests) - asked == 7 - from_step
        called = [e for e in events if e["type"] == "llm_called"]
        assert [e["completion"]["cached"] for e in called] == [n < from_step for n in range(1, 7)]
        assert [e["backend"] for e in called] == ["fake:one" if n < from_step else "fake:two" for n in range(1, 7)]
        assert [e["type"] for e in events].count("forked") == (from_step > 1)
        await replays(client, queued["id"])


@pytest.mark.slow
async def test_a_fork_goes_on_after_a_restart(tmp_path, script):  # noqa: F811
    async with served(tmp_path, backend=script) as client:
        order = await submit(client, options={"steps": 6, "ask": True, "pause": 0.05})
        await told(client, order.run_id)
        queued = (await client.post(f"/v1/runs/{order.run_id}/replay", json={"from_step": 3})).json()
        await until(lambda: finished_steps(client.app.state.services, queued["id"], 4))
    async with served(tmp_path, backend=script) as client:
        events = await told(client, queued["id"])
        assert events[-1]["answer"] == "0 1 2 3 4 5 "
        assert [e["type"] for e in events].count("run_resumed") == 1
        await replays(client, queued["id"])
