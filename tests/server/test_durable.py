"""Durable runs in one process: queued, kept step by step, resumed, cancelled, limited, in order on their thread."""

import asyncio
import json

import pytest

from agents.run import RunInput, Sampling
from agents.spending import Limits
from server.ids import new_uuid
from server.resolve import pipeline_of
from server.runs.order import Order, Start
from server.runs.runs import MOST_FRUITLESS
from server.storage import runs
from tests.server.conftest import events_of, serving, until
from tests.server.step_pipeline import SETTING, effects

SCRIPT = [{"text": "fine", "match": ".", "usage": {"prompt_tokens": 7, "completion_tokens": 3}}]


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT))
    return f"scripted:{path}"


def served(folder, **settings):
    return serving(folder / "data", pipelines=SETTING, **settings)


async def order_for(services, question="?", pipeline="steps", thread_id=None, backend=None, limits=None, **named):
    made, options = await pipeline_of(pipeline), named.pop("options", {})
    return Order(
        tenant="default",
        pipeline=made,
        options=made.options(**{"pause": 0.0, **options} if pipeline == "steps" else options),
        input=RunInput(question=question),
        sampling=Sampling(),
        limits=limits or Limits(),
        backend=await services.backends.get(backend),
        collection=None,
        run_id=new_uuid(),
        thread_id=thread_id or new_uuid(),
        kind="langgraph",
        **named,
    )


async def submit(client, **named):
    services = client.app.state.services
    order = await order_for(services, **named)
    await services.runs.submit(order)
    return order


async def told(client, run_id):
    """All events of a run, when it is over."""
    follow = client.app.state.services.events.follow(run_id, 0)
    async with asyncio.timeout(30):
        return [json.loads(data) async for _, _, data in follow]


def types(events, *wanted):
    return [event["type"] for event in events if event["type"] in wanted]


async def test_a_durable_run_keeps_every_step(tmp_path):
    async with served(tmp_path) as client:
        order = await submit(client, options={"steps": 3})
        events = await told(client, order.run_id)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [(e["step"], e["next"]) for e in events if e["type"] == "checkpointed"] == [
            (-1, ["__start__"]), (0, ["work"]), (1, ["work"]), (2, ["work"]), (3, []),
        ]  # fmt: skip
        assert [e["update"] for e in events if e["type"] == "step_finished"][-1] == {"n": 3, "answer": "0 1 2 "}
        assert (events[-1]["type"], events[-1]["answer"]) == ("run_finished", "0 1 2 ")
        assert (await events_of(client, order.run_id))["status"] == "success"
        tasks = [e["task_id"] for e in events if e["type"] == "step_started"]
        assert len(set(tasks)) == 3
        assert tasks == [e["task_id"] for e in events if e["type"] == "step_finished"]


async def test_runs_on_one_thread_follow_each_other_and_others_go_past(tmp_path):
    async with served(tmp_path) as client:
        thread = new_uuid()
        ledger = str(tmp_path / "ledger.sqlite3")
        options = {"steps": 3, "pause": 0.02, "ledger": ledger}
        orders = [await submit(client, question=f"q{n}", thread_id=thread, options=options) for n in range(4)]
        assert client.app.state.services.runs.active(thread) == [order.run_id for order in orders]
        for order in orders:
            await told(client, order.run_id)
        assert list(effects(ledger).items()) == [(f"q{n}", [0, 1, 2]) for n in range(4)]


async def test_a_turn_sees_the_thread_before_it_and_nothing_else_of_it(tmp_path):
    """`steps` counts in its state: a second turn that found the first one's count would do nothing."""
    async with served(tmp_path) as client:
        first = await submit(client, question="one", options={"steps": 2})
        second = await submit(client, question="two", thread_id=first.thread_id, options={"steps": 3})
        assert (await told(client, second.run_id))[-1]["answer"] == "0 1 2 "
        third = await submit(client, question="three", pipeline="chat", thread_id=first.thread_id)
        ((request),) = [e["request"] for e in await told(client, third.run_id) if e["type"] == "llm_called"]
        said = [(m["role"], m["content"].strip()) for m in request["messages"]]
        assert said == [
            ("user", "one"), ("assistant", "0 1"), ("user", "two"), ("assistant", "0 1 2"), ("user", "three"),
        ]  # fmt: skip


async def test_a_run_goes_on_after_a_restart_and_repeats_no_call(tmp_path, script):
    ledger = str(tmp_path / "ledger.sqlite3")
    async with served(tmp_path, backend=script) as client:
        options = {"steps": 6, "pause": 0.05, "ledger": ledger, "ask": True}
        order = await submit(client, options=options)
        services = client.app.state.services
        await until(lambda: finished_steps(services, order.run_id, 2))
    async with served(tmp_path, backend=script) as client:
        events = await told(client, order.run_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert types(events, "run_started", "run_resumed", "run_finished") == ["run_started", "run_resumed", "run_finished"]
    assert events[-1]["answer"] == "0 1 2 3 4 5 "
    assert events[-1]["usage"]["prompt_tokens"] == 6 * 7
    assert len(types(events, "llm_called")) == len(types(events, "tool_called")) == 6
    assert effects(ledger) == {"?": list(range(6))}


async def finished_steps(services, run_id, count):
    rows = await services.database.read(lambda db: runs.read_events(db, run_id, 0, 10_000))
    return sum(type == "step_finished" for _, type, _ in rows) >= count


@pytest.mark.slow
async def test_what_waited_in_the_queue_is_there_after_a_restart(tmp_path):
    async with served(tmp_path, max_concurrent_runs=1) as client:
        orders = [await submit(client, question=f"q{n}", options={"steps": 2, "pause": 0.05}) for n in range(5)]
    async with served(tmp_path, max_concurrent_runs=1) as client:
        ends = [(await told(client, order.run_id))[-1] for order in orders]
    assert [(end["type"], end["answer"]) for end in ends] == [("run_finished", "0 1 ")] * 5
    assert [end["at"] for end in ends] == sorted(end["at"] for end in ends)


async def test_a_queue_that_is_full_says_so(tmp_path):
    async with served(tmp_path, max_concurrent_runs=1, max_queued_runs=1) as client:
        orders = [await submit(client, options={"pause": 5.0}) for _ in range(2)]
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        reply = await client.post("/v1/chat/completions", json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "queue_full")
        assert int(reply.headers["retry-after"]) > 0
        for order in orders:
            client.app.state.services.runs.cancel(order.run_id)
            assert (await told(client, order.run_id))[-1]["type"] == "run_cancelled"


async def test_a_run_is_cancelled_while_it_runs(tmp_path):
    async with served(tmp_path) as client:
        services = client.app.state.services
        order = await submit(client, options={"steps": 1_000, "pause": 0.01})
        await until(lambda: finished_steps(services, order.run_id, 2))
        await services.runs.cancel(order.run_id)
        end = (await told(client, order.run_id))[-1]
        assert (end["type"], end["answer"][:4]) == ("run_cancelled", "0 1 ")
        assert (await events_of(client, order.run_id))["status"] == "cancelled"
        assert services.runs.cancel(order.run_id) is None
        after = await submit(client, thread_id=order.thread_id, options={"steps": 1})
        assert (await told(client, after.run_id))[-1]["answer"] == "0 "


LIMITS = {
    "model_calls": ({"model_calls": 2}, "0 1 "),
    "tool_calls": ({"tool_calls": 3}, "0 1 2 "),
    "tokens": ({"tokens": 20}, "0 1 "),
    "cost": ({"cost": 20e-6}, "0 1 "),
    "steps": ({"steps": 4}, "0 1 2 "),
    "seconds": ({"seconds": 0.5}, ""),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_ends_a_run_with_what_it_has(tmp_path, script, name):
    limits, said = LIMITS[name]
    prices = {"scripted:*": {"input": 1.0, "output": 1.0}}
    ledger = str(tmp_path / "ledger.sqlite3")
    async with served(tmp_path, backend=script, prices=prices) as client:
        options = {"steps": 9, "ask": True, "ledger": ledger, "pause": 0.2 if name == "seconds" else 0.0}
        order = await submit(client, options=options, limits=Limits(**limits))
        end = (await told(client, order.run_id))[-1]
        assert (end["type"], end["limit"]) == ("run_limited", name)
        assert end["answer"].startswith(said)
        assert len(end["answer"].split()) < 9
        assert (await events_of(client, order.run_id))["status"] == "limited"


async def test_a_person_is_asked_and_the_answer_goes_on_without_repeating(tmp_path, script):
    ledger = str(tmp_path / "ledger.sqlite3")
    options = {"steps": 3, "approve": True, "ledger": ledger, "ask": True}
    async with served(tmp_path, backend=script) as client:
        order = await submit(client, options=options)
        events = await told(client, order.run_id)
        (asked,) = [e for e in events if e["type"] == "approval_asked"]
        assert (events[-1]["type"], [q["id"] for q in events[-1]["questions"]]) == ("run_interrupted", [asked["id"]])
        assert (await events_of(client, order.run_id))["status"] == "waiting"
        waited = await client.app.state.services.database.read(lambda db: runs.waiting_on(db, order.thread_id))
        assert waited == order.run_id
    async with served(tmp_path, backend=script) as client:
        start = Start(command={"resume": True})
        again = await submit(client, thread_id=order.thread_id, options=options, start=start, resumes=order.run_id)
        events = await told(client, again.run_id)
        assert types(events, "tool_called", "llm_called") == []
        assert [e["approved"] for e in events if e["type"] == "approval_answered"] == [True]
        assert [e["id"] for e in events if e["type"] == "approval_answered"] == [asked["id"]]
        assert (events[-1]["type"], events[-1]["answer"]) == ("run_finished", "True 2 ")
    assert effects(ledger) == {"?": [0, 1, 2]}


async def test_a_run_forks_from_a_checkpoint(tmp_path):
    async with served(tmp_path) as client:
        order = await submit(client, options={"steps": 4})
        kept = [e for e in await told(client, order.run_id) if e["type"] == "checkpointed"]
        start = Start(checkpoint_id=next(e["checkpoint_id"] for e in kept if e["step"] == 2), continues=True)
        fork = await submit(client, thread_id=order.thread_id, options={"steps": 6}, start=start)
        events = await told(client, fork.run_id)
        assert len(types(events, "step_finished")) == 4
        assert events[-1]["type"] == "run_finished"


async def test_a_run_whose_pipeline_is_gone_ends_and_says_why(tmp_path):
    async with served(tmp_path, max_concurrent_runs=1) as client:
        await submit(client, options={"pause": 9.0})
        order = await submit(client)
        services = client.app.state.services
        await services.database.write(lambda db: rename(db, order.run_id))
    async with served(tmp_path) as client:
        end = (await told(client, order.run_id))[-1]
        assert end["type"] == "run_failed"
        assert "'gone'" in end["message"]


def rename(db, run_id):
    from sqlalchemy import update

    from server.storage.tables import run

    db.execute(update(run).where(run.c.id == run_id).values(pipeline="gone"))


async def test_a_run_that_ends_the_process_each_time_is_given_up(tmp_path):
    async with served(tmp_path) as client:
        services = client.app.state.services
        order = await order_for(services)
        first = {"type": "run_started", "seq": 1, "at": "2026-01-01T00:00:00Z", "run_id": order.run_id}
        first |= {"pipeline": "steps", "backend": "x", "question": "?"}
        again = {"type": "run_resumed", "at": "2026-01-01T00:00:00Z", "run_id": order.run_id, "void": []}
        rows = [first] + [{**again, "seq": n, "attempt": n} for n in range(2, MOST_FRUITLESS + 1)]
        await services.database.write(lambda db: leave_open(db, order, rows))
    async with served(tmp_path) as client:
        end = (await told(client, order.run_id))[-1]
        assert (end["type"], end["error_type"], end["seq"]) == ("run_failed", "GivenUp", MOST_FRUITLESS + 1)
        assert f"{MOST_FRUITLESS} times" in end["message"]


def leave_open(db, order, rows):
    from server.runs.order import row_of

    runs.add_run(db, row_of(order, durable=True), status="running")
    runs.add_events(db, [(order.run_id, row["seq"], row["type"], json.dumps(row)) for row in rows])
