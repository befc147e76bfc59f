"""Whatever is wrong with a request is named, by the status that LangGraph's clients expect."""

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF = "\ud83d"
DEEP = json.loads("[" * 100 + "]" * 100)
RUN = {"assistant_id": "chat", "input": {"question": "Hi"}}
COUNT = {"assistant_id": "steps", "input": {"question": "Hi"}}
MISSING = "0190a3c4-0000-7000-8000-00000000dead"


def run(**fields):
    return {**RUN, **fields}


def said(*messages):
    return run(input={"messages": list(messages)})


HI = {"role": "user", "content": "Hi"}
CASES = [
    ("/runs/wait", {}, "assistant_id"),
    ("/runs/wait", {"assistant_id": 5, "input": {}}, "assistant_id"),
    ("/runs/wait", run(foo=1), "foo"),
    ("/runs/wait", run(input="Hi"), "input"),
    ("/runs/wait", run(input={}), "input"),
    ("/runs/wait", run(input={"question": ""}), "input.question"),
    ("/runs/wait", run(input={"question": 5}), "input.question"),
    ("/runs/wait", run(input={"question": HALF}), "input"),
    ("/runs/wait", run(input={"query": "Hi"}), "input.query"),
    ("/runs/wait", run(input={"question": "Hi", "messages": []}), "input.messages"),
    ("/runs/wait", run(input={"question": "x" * 1_000_001}), "input"),
    ("/runs/wait", run(input=None), "input"),
    ("/runs/wait", said(), "input.messages"),
    ("/runs/wait", said({"role": "boss", "content": "x"}), "input.messages[0].role"),
    ("/runs/wait", said({"type": "tool", "content": "x"}), "input.messages[0].type"),
    ("/runs/wait", said(HI, {"type": "ai", "content": "x"}), "input.messages"),
    ("/runs/wait", said({"content": "x"}), "input.messages[0].role"),
    ("/runs/wait", said({**HI, "colour": "red"}), "input.messages[0].colour"),
    ("/runs/wait", said({**HI, "content": 5}), "input.messages[0].content"),
    ("/runs/wait", said({**HI, "content": [{"type": "file"}]}), "input.messages[0].content[0]"),
    ("/runs/wait", said({**HI, "content": [{"type": "image_url", "image_url": "x"}]}), "input.messages[0].content[0]"),
    ("/runs/wait", said({**HI, "id": 5}), "input.messages[0].id"),
    ("/runs/wait", said({"type": "ai", "content": "", "tool_calls": [{}]}), "input.messages[0].tool_calls"),
    ("/runs/wait", said(5), "input.messages[0]"),
    ("/runs/wait", run(command={"resume": "x"}), "input"),
    ("/runs/wait", {"assistant_id": "chat", "command": {}}, "command"),
    ("/runs/wait", {"assistant_id": "chat", "command": {"resume": "x"}}, "command.resume"),
    ("/runs/wait", {"assistant_id": "chat", "command": {"goto": "nosuch"}}, "command.goto"),
    ("/runs/wait", {"assistant_id": "chat", "command": {"update": {"nosuch": 1}}}, "command.update.nosuch"),
    ("/runs/wait", {"assistant_id": "chat", "command": {"update": {"question": 1}}}, "command.update.question"),
    ("/runs/wait", run(config={"recursion_limit": 0}), "config.recursion_limit"),
    ("/runs/wait", run(config={"speed": 1}), "config.speed"),
    ("/runs/wait", run(config={"configurable": {"model": "x"}}), "config.configurable.model"),
    ("/runs/wait", run(context={"model": "x"}), "context.model"),
    ("/runs/wait", run(context={"backend": "nosuch:x"}), "context.backend"),
    ("/runs/wait", run(context={"backend": 5}), "context.backend"),
    ("/runs/wait", run(context={"limits": {"tokens": -1}}), "context.limits.tokens"),
    ("/runs/wait", run(context={"limits": {"cost": 1.0}}), "context.limits.cost"),
    ("/runs/wait", run(context={"generation": "x"}), "context.generation"),
    ("/runs/wait", {**COUNT, "context": {"options": {"steps": "x"}}}, "context.options.steps"),
    ("/runs/wait", {**COUNT, "config": {"configurable": {"options": {"x": 1}}}}, "config.configurable.options.x"),
    ("/runs/wait", {**RUN, "assistant_id": "rag"}, "config.configurable.collection"),
    ("/runs/wait", run(context={"user": "a"}, config={"configurable": {"user": "b"}}), "context.user"),
    ("/runs/wait", run(metadata={"a": HALF}), "metadata"),
    ("/runs/wait", run(metadata={"a": DEEP}), "metadata"),
    ("/runs/wait", run(metadata={"a": float("nan")}), "metadata"),
    ("/runs/wait", run(stream_mode="nosuch"), "stream_mode"),
    ("/runs/wait", run(interrupt_before=["nosuch"]), "interrupt_before"),
    ("/runs/wait", run(on_disconnect="explode"), "on_disconnect"),
    ("/runs/batch", [], None),
    ("/runs/cancel", {}, "run_ids"),
    ("/runs/cancel", {"run_ids": ["x"]}, "run_ids[0]"),
    ("/threads", {"thread_id": "x"}, "thread_id"),
    ("/threads", {"metadata": 5}, "metadata"),
    ("/threads", {"metadata": {"a": float("inf")}}, "metadata"),
    ("/threads", {"supersteps": [{"updates": [{"values": {"nosuch": 1}}]}]}, "supersteps[0].updates.nosuch"),
    ("/threads/search", {"limit": 0}, "limit"),
    ("/threads/search", {"limit": 10**30}, "limit"),
    ("/threads/search", {"offset": -1}, "offset"),
    ("/threads/search", {"status": "bored"}, "status"),
    ("/threads/search", {"extract": {"a": "values..b["}}, "extract.a"),
    ("/threads/search", {"ids": ["x"]}, "ids[0]"),
    ("/threads/{thread}/state", {"values": {"answer": "x"}, "as_node": "nosuch"}, "as_node"),
    ("/threads/{thread}/state", {"values": {"nosuch": "x"}}, "values.nosuch"),
    ("/threads/{thread}/state", {"values": {"history": [{"role": "x"}]}}, "values.history.0.role"),
    ("/threads/{thread}/state", {"values": [5]}, "values"),
    ("/threads/{thread}/history", {"limit": 0}, "limit"),
    ("/threads/{thread}/runs", run(checkpoint={"checkpoint_ns": "x"}), "checkpoint.checkpoint_ns"),
    ("/threads/{thread}/runs", run(multitask_strategy="fight"), "multitask_strategy"),
    ("/threads/x/runs", run(if_not_exists="create"), "thread_id"),
    ("/assistants", {"graph_id": ""}, "graph_id"),
    ("/assistants", {"graph_id": "steps", "context": {"options": {"x": 1}}}, "context.options.x"),
    ("/assistants/search", {"sort_by": "beauty"}, "sort_by"),
    ("/assistants/chat/latest", {"version": 0}, "version"),
    ("/store/items/search", {"filter": {"a": {"$near": 1}}}, "filter.a.$near"),
    ("/store/items/search", {"filter": {"a": {"$gt": True}}}, "filter.a.$gt"),
    ("/store/items/search", {"namespace_prefix": ["a.b"]}, "namespace_prefix[0]"),
    ("/store/namespaces", {"max_depth": 0}, "max_depth"),
]


async def sent(service, path, body):
    thread = (await service.post("/threads", json={"metadata": {"graph_id": "chat"}})).json()["thread_id"]
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    return await service.post(path.format(thread=thread), content=content, headers={"content-type": "application/json"})


@pytest.mark.slow
@pytest.mark.parametrize(("path", "body", "param"), CASES, ids=str)
async def test_it_is_named(service, path, body, param):
    reply = await sent(service, path, body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, param), reply.text


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/runs/wait", run(assistant_id="nosuch"), "assistant_id"),
        ("/runs/wait", run(context={"collection": "nosuch"}), "context.collection"),
        (f"/threads/{MISSING}/runs", RUN, "thread_id"),
        (f"/threads/{MISSING}/history", {}, "thread_id"),
        ("/threads/{thread}/runs", run(checkpoint_id="nosuch"), "checkpoint_id"),
        ("/threads/{thread}/state/checkpoint", {"checkpoint": {"checkpoint_id": "nosuch"}}, "checkpoint_id"),
        ("/assistants", {"graph_id": "nosuch"}, "graph_id"),
        (f"/assistants/{MISSING}/latest", {"version": 1}, "assistant_id"),
        ("/runs/cancel", {"run_ids": [MISSING]}, "run_ids"),
    ],
    ids=str,
)
async def test_it_is_not_there(service, path, body, param):
    reply = await sent(service, path, body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (404, param), reply.text


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/runs/wait", run(webhook="https://example.org"), "webhook"),
        ("/runs/wait", run(feedback_keys=["a"]), "feedback_keys"),
        ("/runs/wait", run(after_seconds=5), "after_seconds"),
        ("/runs/wait", run(stream_mode=["values", "events"]), "stream_mode"),
        ("/runs/wait", run(on_completion="delete"), "on_completion"),
        ("/runs/wait", run(durability="exit"), "durability"),
        ("/runs/wait", run(checkpoint_during=False), "checkpoint_during"),
        ("/threads", {"ttl": {"ttl": 5}}, "ttl"),
        ("/store/items", {"namespace": ["a"], "key": "b", "value": {}, "ttl": 5}, "ttl"),
        ("/runs/crons", {"schedule": "* * * * *"}, "/runs/crons"),
        ("/runs/crons/search", {}, "/runs/crons/{rest:path}"),
        ("/threads/{thread}/runs/crons", {}, "/threads/{thread_id}/runs/crons"),
        ("/threads/{thread}/commands", {}, "/threads/{thread_id}/commands"),
        ("/threads/{thread}/stream/events", {}, "/threads/{thread_id}/stream/events"),
    ],
    ids=str,
)
async def test_it_is_not_supported(service, path, body, param):
    put = path == "/store/items"
    reply = await service.put(path, json=body) if put else await sent(service, path, body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (501, param), reply.text


async def test_the_store_refuses_what_it_could_not_find_again(service):
    for body, param in (
        ({"namespace": [], "key": "k", "value": {}}, "namespace"),
        ({"namespace": [""], "key": "k", "value": {}}, "namespace[0]"),
        ({"namespace": ["a.b"], "key": "k", "value": {}}, "namespace[0]"),
        ({"namespace": ["a"], "key": "", "value": {}}, "key"),
        ({"namespace": ["a"], "key": "k", "value": 5}, "value"),
        ({"namespace": ["a"], "key": "k", "value": {}, "index": True}, "index"),
    ):
        reply = await service.put("/store/items", json=body)
        assert (reply.status_code, reply.json()["error"]["param"]) == (422, param), reply.text
    reply = await service.get("/store/items", params={"namespace": "a..b", "key": "k"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, "namespace")
