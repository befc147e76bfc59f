"""The stream as a fold of a run's events, without a service."""

import json

from server.langgraph.frames import Frames
from server.langgraph.message_ids import answer_id

RUN = {"run_id": "r", "thread_id": "t", "graph_id": "g", "assistant_id": "a"}


async def nothing(_checkpoint_id):
    return None


def event(type, **fields):
    return type, {"type": type, "run_id": "r", "node": "", "task_id": "", **fields}


def token(text, task, channel="answer", node="reply"):
    return event("token", text=text, channel=channel, node=node, task_id=task)


async def parts(events, *modes, subgraphs=False, seen=0):
    frames = Frames(RUN, modes, nothing, subgraphs=subgraphs)
    made = []
    for n, (type, data) in enumerate(events, start=1):
        made += await frames.of(type, json.dumps({**data, "seq": n}), sent=n <= seen)
    return [(name, json.loads(data)) for name, data in made]


async def test_pieces_of_a_step_that_did_not_finish_are_no_part_of_the_message():
    events = [
        event("run_started"),
        token("The", "one"),
        token(" ans", "one"),
        event("run_resumed", attempt=2, void=["one"]),
        token("The answer", "one"),
        event("run_finished", answer="The answer"),
    ]
    made = await parts(events, "messages")
    shown = [data[0]["content"] for name, data in made if name == "messages/partial"]
    assert shown == ["The", "The ans", "The answer"]
    assert [data for name, data in made if name == "metadata"] == [
        {"run_id": "r", "attempt": 1},
        {"run_id": "r", "attempt": 2},
    ]
    assert made[-1][0] == "messages/complete"
    for seen in range(len(events)):
        rest = await parts(events, "messages", seen=seen)
        assert rest == made[len(made) - len(rest) :]


async def test_thoughts_are_pieces_of_their_own():
    made = await parts([token("hm", "one", channel="reasoning"), token("yes", "one")], "messages-tuple")
    pieces = [data[0] for _, data in made]
    assert [(piece["content"], piece["additional_kwargs"]) for piece in pieces] == [
        ("", {"reasoning_content": "hm"}),
        ("yes", {}),
    ]
    assert {piece["id"] for piece in pieces} == {answer_id("r")}
    assert made[0][1][1]["langgraph_node"] == "reply"


async def test_steps_within_steps_are_named_where_they_are_asked_for():
    events = [
        event("step_started", node="outer", task_id="1"),
        event("step_finished", node="outer/inner", task_id="2", update={"a": 1}),
        event("step_finished", node="outer", task_id="1", update={"b": 2}),
    ]
    assert await parts(events, "updates") == [("updates", {"outer": {"b": 2}})]
    assert await parts(events, "updates", subgraphs=True) == [
        ("updates|outer:1", {"inner": {"a": 1}}),
        ("updates", {"outer": {"b": 2}}),
    ]


async def test_an_end_that_came_early_gives_what_there_is():
    end = event("run_limited", answer="so far", limit="tokens", message="used up")
    ((name, values),) = await parts([end], "values")
    assert (name, values["answer"], values["messages"][0]["content"]) == ("values", "so far", "so far")
    assert values["sandtable"] == {"run_id": "r", "status": "limited", "limit": "tokens", "message": "used up"}
    failed = event("run_failed", answer="", error_type="TimedOut", message="too slow")
    assert await parts([failed], "values") == [("error", {"error": "TimedOut", "message": "too slow"})]
