"""langgraph-sdk, unmodified, over a real connection."""

import asyncio
from uuid import uuid4

import pytest
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from tests.server.langgraph.conftest import collect

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(values):
    return [(message["type"], message["content"]) for message in values["messages"]]


async def test_every_pipeline_is_an_assistant(sdk):
    found = await sdk.assistants.search(limit=100)
    assert {one["graph_id"] for one in found} >= {"chat", "rag", "steps", "asks"}
    by_name = await sdk.assistants.get("chat")
    assert by_name == await sdk.assistants.get(by_name["assistant_id"])
    assert await sdk.assistants.count(graph_id="chat") == 1


async def test_a_run_is_waited_for(sdk):
    thread = await sdk.threads.create(metadata={"who": "ada"})
    values = await sdk.runs.wait(thread["thread_id"], "chat", input={"question": "Hello there"})
    assert said(values) == [("human", "Hello there"), ("ai", "Hello there")]
    assert (values["question"], values["answer"]) == ("Hello there", "Hello there")
    again = await sdk.runs.wait(thread["thread_id"], "chat", input={"messages": [{"role": "user", "content": "你好"}]})
    assert said(again) == [("human", "Hello there"), ("ai", "Hello there"), ("human", "你好"), ("ai", "你好")]
    assert again["messages"][:2] == values["messages"]
    found = await sdk.threads.get(thread["thread_id"])
    assert (found["status"], found["values"]) == ("idle", again)


async def test_all_modes_are_streamed(sdk):
    thread, meta = (await sdk.threads.create())["thread_id"], {}
    modes = ["values", "updates", "custom", "messages-tuple", "messages", "checkpoints"]
    parts = await collect(
        sdk.runs.stream(thread, "chat", input={"question": "One two"}, stream_mode=modes, on_run_created=meta.update)
    )
    assert parts[0].event == "metadata"
    assert parts[0].data == {"run_id": meta["run_id"], "attempt": 1}
    assert meta["thread_id"] == thread
    by = {mode: [part.data for part in parts if part.event == mode] for mode in {part.event for part in parts}}
    assert by["updates"][0]["reply"]["answer"] == "One two"
    assert [event["seq"] for event in by["custom"]] == list(range(1, len(by["custom"]) + 1))
    assert "".join(piece["content"] for piece, _ in by["messages"]) == "One two"
    final = by["values"][-1]["messages"][-1]
    assert {piece["id"] for piece, _ in by["messages"]} == {final["id"]}
    assert by["messages/partial"][-1][0]["content"] == by["messages/complete"][0][0]["content"] == "One two"
    assert [len(values["messages"]) for values in by["values"]] == [1, 2]
    assert by["checkpoints"][-1]["next"] == []
    assert by["values"][-1] == await sdk.runs.join(thread, meta["run_id"])


async def test_a_person_is_asked_and_answers(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    asked = await sdk.runs.wait(thread, "asks", input={"question": "rm"})
    (interrupt,) = asked["__interrupt__"]
    assert interrupt["value"] == {"subject": "Delete the file?", "details": {"plan": "rm"}}
    found = await sdk.threads.get(thread)
    assert found["status"] == "interrupted"
    assert [one for listed in found["interrupts"].values() for one in listed] == [interrupt]
    state = await sdk.threads.get_state(thread)
    assert (state["next"], state["interrupts"], state["tasks"][0]["interrupts"]) == (["act"], [interrupt], [interrupt])
    with pytest.raises(UnprocessableEntityError, match="maybe"):
        await sdk.runs.create(thread, "asks", command={"resume": "maybe"})
    done = await sdk.runs.wait(thread, "asks", command={"resume": {"approved": True}})
    assert said(done) == [("human", "rm"), ("ai", "Done: deleted.")]
    assert (await sdk.threads.get(thread))["status"] == "idle"
    assert [run["status"] for run in await sdk.runs.list(thread)] == ["success", "success"]
    with pytest.raises(UnprocessableEntityError, match="waits for no answer"):
        await sdk.runs.create(thread, "asks", command={"resume": "yes"})


async def test_a_question_is_streamed_and_answered_by_its_id(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    parts = await collect(sdk.runs.stream(thread, "asks", input={"question": "rm"}, stream_mode=["updates", "values"]))
    (asked,) = [
        part.data["__interrupt__"] for part in parts if part.event == "updates" and "__interrupt__" in part.data
    ]
    assert parts[-1].event == "values"
    assert parts[-1].data["__interrupt__"] == asked
    with pytest.raises(UnprocessableEntityError, match="0" * 32):
        await sdk.runs.create(thread, "asks", command={"resume": {"0" * 32: True}})
    done = await sdk.runs.wait(
        thread, "asks", command={"resume": {asked[0]["id"]: {"approved": False, "comment": "no"}}}
    )
    assert done["answer"] == "Not done. no"


@pytest.mark.slow
async def test_a_run_in_the_background_is_joined_and_cancelled(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    options = {"options": {"steps": 3, "seconds": 0.05}}
    run = await sdk.runs.create(thread, "steps", input={"question": "count"}, context=options)
    assert run["status"] in ("pending", "running")
    parts = await collect(sdk.runs.join_stream(thread, run["run_id"]))
    assert (await sdk.runs.join(thread, run["run_id"]))["answer"] == parts[-1].data["answer"] == "0 1 2 "
    slow = await sdk.runs.create(thread, "steps", input={"question": "count"}, context={"options": {"seconds": 60.0}})
    assert (await sdk.threads.get(thread))["status"] == "busy"
    with pytest.raises(ConflictError):
        await sdk.runs.create(thread, "chat", input={"question": "x"}, multitask_strategy="reject")
    with pytest.raises(ConflictError):
        await sdk.threads.update_state(thread, {"question": "x"})
    await sdk.runs.cancel(thread, slow["run_id"], wait=True)
    assert (await sdk.runs.get(thread, slow["run_id"]))["status"] == "interrupted"
    assert (await sdk.threads.get(thread))["status"] == "idle"
    assert len(await sdk.runs.list(thread, status="success")) == 1
    with pytest.raises(NotFoundError):
        await sdk.runs.cancel(thread, slow["run_id"])


async def test_a_thread_is_forked_and_gone_on_with(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    await sdk.runs.wait(thread, "chat", input={"question": "first"})
    await sdk.runs.wait(thread, "chat", input={"question": "second"})
    history = await sdk.threads.get_history(thread, limit=100)
    assert history[0]["values"]["answer"] == "second"
    first = next(state for state in history if state["values"].get("answer") == "first")
    forked = await sdk.runs.wait(thread, "chat", input={"question": "other"}, checkpoint=first["checkpoint"])
    assert [content for _, content in said(forked)] == ["first", "first", "other", "other"]
    before = next(state for state in history if state["next"] == ["reply"] and state["values"]["question"] == "second")
    again = await sdk.runs.wait(thread, "chat", input=None, checkpoint_id=before["checkpoint"]["checkpoint_id"])
    assert [content for _, content in said(again)] == ["first", "first", "second", "second"]
    same = await sdk.threads.get_state(thread, checkpoint_id=first["checkpoint"]["checkpoint_id"])
    assert same["values"] == first["values"]
    assert (await sdk.threads.get_state(thread, checkpoint=first["checkpoint"]))["values"] == first["values"]
    assert len(await sdk.threads.get_history(thread, before=first["checkpoint"])) < len(history)


@pytest.mark.slow
async def test_a_state_is_changed_by_hand(sdk):
    thread = (await sdk.threads.create(graph_id="chat"))["thread_id"]
    await sdk.runs.wait(thread, "chat", input={"messages": [{"type": "human", "content": "one", "id": "mine"}]})
    values = (await sdk.threads.get(thread))["values"]
    assert values["messages"][0]["id"] == "mine"
    await sdk.threads.update_state(thread, {"answer": "edited"}, as_node="reply")
    edited = (await sdk.threads.get_state(thread))["values"]
    assert said(edited) == [("human", "one"), ("ai", "edited")]
    assert [message["id"] for message in edited["messages"]] == [message["id"] for message in values["messages"]]
    changed = {**edited["messages"][1], "content": "again"}
    await sdk.threads.update_state(thread, {"messages": [changed]}, as_node="reply")
    await sdk.threads.update_state(thread, {"messages": [{"role": "user", "content": "two"}]}, as_node="__start__")
    state = await sdk.threads.get_state(thread)
    assert (state["next"], said(state["values"])[1:]) == (["reply"], [("ai", "again"), ("human", "two")])
    done = await sdk.runs.wait(thread, "chat", input=None)
    assert said(done) == [("human", "one"), ("ai", "again"), ("human", "two"), ("ai", "two")]
    with pytest.raises(UnprocessableEntityError, match="nosuch"):
        await sdk.threads.update_state(thread, {"nosuch": 1}, as_node="reply")
    with pytest.raises(UnprocessableEntityError, match="as_node"):
        await sdk.threads.update_state(thread, {"answer": "x"}, as_node="nosuch")


@pytest.mark.slow
async def test_threads_are_found_copied_and_deleted(sdk):
    mark = str(uuid4())
    ids = [(await sdk.threads.create(metadata={"mark": mark, "n": n}))["thread_id"] for n in range(3)]
    found = await sdk.threads.search(metadata={"mark": mark}, limit=2)
    assert [thread["thread_id"] for thread in found] == ids[:0:-1]
    assert await sdk.threads.count(metadata={"mark": mark}) == 3
    assert [t["thread_id"] for t in await sdk.threads.search(metadata={"mark": mark, "n": 1})] == [ids[1]]
    await sdk.runs.wait(ids[0], "chat", input={"question": "hi"})
    assert [t["thread_id"] for t in await sdk.threads.search(metadata={"mark": mark}, values={"answer": "hi"})] == [
        ids[0]
    ]
    (one,) = await sdk.threads.search(
        ids=[ids[0]], select=["thread_id"], extract={"last": "values.messages[-1].content"}
    )
    assert one == {"thread_id": ids[0], "extracted": {"last": "hi"}}
    copied = await sdk.threads.copy(ids[0])
    assert copied["values"]["answer"] == "hi"
    await sdk.runs.wait(copied["thread_id"], "chat", input={"question": "more"})
    assert (await sdk.threads.get(ids[0]))["values"]["answer"] == "hi"
    await sdk.threads.update(ids[1], metadata={"more": [1]})
    assert (await sdk.threads.get(ids[1]))["metadata"] == {"mark": mark, "n": 1, "more": [1]}
    await sdk.threads.delete(ids[2])
    with pytest.raises(NotFoundError):
        await sdk.threads.get(ids[2])
    assert await sdk.threads.prune([copied["thread_id"]], strategy="keep_latest") == {"pruned_count": 1}
    assert len(await sdk.threads.get_history(copied["thread_id"])) == 1
    with pytest.raises(ConflictError):
        await sdk.threads.create(thread_id=ids[0])
    assert (await sdk.threads.create(thread_id=ids[0], if_exists="do_nothing"))["thread_id"] == ids[0]


async def test_the_store(sdk):
    user = ["users", str(uuid4())]
    await sdk.store.put_item(user, "likes", {"food": "spicy noodles", "n": 3})
    await sdk.store.put_item([*user, "deep"], "pet", {"animal": "a small dog", "n": 5})
    await sdk.store.put_item(user, "secret", {"animal": "cat"}, index=False)
    assert (await sdk.store.get_item(user, "likes"))["value"]["n"] == 3
    everything = (await sdk.store.search_items(user))["items"]
    assert [item["key"] for item in everything] == ["secret", "pet", "likes"]
    found = (await sdk.store.search_items(user, filter={"n": {"$gte": 4}}))["items"]
    assert [item["key"] for item in found] == ["pet"]
    nearest = (await sdk.store.search_items(user, query="puppy"))["items"]
    assert [item["key"] for item in nearest] == ["pet", "likes"]
    assert nearest[0]["score"] > nearest[1]["score"]
    assert (await sdk.store.list_namespaces(prefix=user))["namespaces"] == [user, [*user, "deep"]]
    assert (await sdk.store.list_namespaces(prefix=user, max_depth=2))["namespaces"] == [user]
    assert (await sdk.store.list_namespaces(prefix=["users", "*"], suffix=["deep"]))["namespaces"] == [[*user, "deep"]]
    await sdk.store.delete_item(user, "likes")
    with pytest.raises(NotFoundError):
        await sdk.store.get_item(user, "likes")


@pytest.mark.slow
async def test_an_assistant_of_ones_own(sdk):
    made = await sdk.assistants.create("steps", context={"options": {"steps": 2}}, name="Two", metadata={"a": 1})
    assert await sdk.assistants.search(metadata={"a": 1}) == [made]
    values = await sdk.runs.wait(None, made["assistant_id"], input={"question": "count"})
    assert values["answer"] == "0 1 "
    more = await sdk.runs.wait(
        None, made["assistant_id"], input={"question": "count"}, config={"configurable": {"options": {"steps": 1}}}
    )
    assert more["answer"] == "0 "
    changed = await sdk.assistants.update(made["assistant_id"], context={"options": {"steps": 4}})
    assert (changed["version"], changed["name"], changed["metadata"]) == (2, "Two", {"a": 1})
    assert [v["version"] for v in await sdk.assistants.get_versions(made["assistant_id"])] == [2, 1]
    back = await sdk.assistants.set_latest(made["assistant_id"], 1)
    assert (back["version"], back["context"]) == (1, {"options": {"steps": 2}})
    schemas = await sdk.assistants.get_schemas(made["assistant_id"])
    assert schemas["context_schema"]["$defs"]["Options"]["properties"]["steps"]["default"] == 3
    graph = await sdk.assistants.get_graph(made["assistant_id"], xray=True)
    assert {node["id"] for node in graph["nodes"]} == {"__start__", "work", "finish", "__end__"}
    assert await sdk.assistants.get_subgraphs(made["assistant_id"]) == {}
    with pytest.raises(UnprocessableEntityError, match=r"options\.stepps"):
        await sdk.assistants.create("steps", context={"options": {"stepps": 2}})
    with pytest.raises(ConflictError):
        await sdk.assistants.delete("chat")
    await sdk.assistants.delete(made["assistant_id"])
    with pytest.raises(NotFoundError):
        await sdk.assistants.get(made["assistant_id"])


@pytest.mark.slow
async def test_a_limit_gives_what_there_is_and_the_reason(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    values = await sdk.runs.wait(thread, "steps", input={"question": "count"}, config={"recursion_limit": 2})
    assert (values["answer"], values["messages"][-1]["content"]) == ("0 1 ", "0 1 ")
    assert (values["sandtable"]["status"], values["sandtable"]["limit"]) == ("limited", "steps")
    (run,) = await sdk.runs.list(thread)
    assert (run["status"], run["metadata"]["limit"]) == ("success", "steps")
    slow = {"options": {"steps": 9, "seconds": 1.0}, "limits": {"seconds": 1.8}}
    parts = await collect(sdk.runs.stream(thread, "steps", input={"question": "count"}, context=slow))
    assert parts[-1].data["sandtable"]["limit"] == "seconds"
    assert parts[-1].data["messages"][-1]["content"] == "0 "
    assert (await sdk.runs.list(thread, status="timeout"))[0]["metadata"]["limit"] == "seconds"


@pytest.mark.parametrize("strategy", ["interrupt", "rollback", "enqueue"])
async def test_a_busy_thread(sdk, strategy):
    thread = (await sdk.threads.create())["thread_id"]
    options = {"options": {"steps": 20 if strategy != "enqueue" else 3, "seconds": 0.05}}
    first = await sdk.runs.create(thread, "steps", input={"question": "slow"}, context=options)
    await asyncio.sleep(0.1)
    values = await sdk.runs.wait(thread, "chat", input={"question": "now"}, multitask_strategy=strategy)
    kept = [content for _, content in said(values)]
    assert kept == (["slow", "0 1 2 ", "now", "now"] if strategy == "enqueue" else ["now", "now"])
    runs = {run["run_id"]: run["status"] for run in await sdk.runs.list(thread)}
    assert runs.get(first["run_id"]) == {"interrupt": "interrupted", "rollback": None, "enqueue": "success"}[strategy]


async def test_breakpoints(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    await sdk.runs.wait(thread, "steps", input={"question": "count"}, interrupt_before=["finish"])
    state = await sdk.threads.get_state(thread)
    assert (state["next"], state["values"]["words"]) == (["finish"], ["0", "1", "2"])
    assert (await sdk.threads.get(thread))["status"] == "interrupted"
    with pytest.raises(UnprocessableEntityError, match="breakpoint"):
        await sdk.runs.create(thread, "steps", command={"resume": "go"})
    done = await sdk.runs.wait(thread, "steps", input=None)
    assert done["answer"] == "0 1 2 "
    with pytest.raises(UnprocessableEntityError, match="nosuch"):
        await sdk.runs.create(thread, "steps", input={"question": "x"}, interrupt_after=["nosuch"])


async def test_a_batch_and_a_bulk_cancel(sdk):
    payload = {"assistant_id": "steps", "input": {"question": "count"}, "context": {"options": {"seconds": 60.0}}}
    runs = await sdk.runs.create_batch([payload, payload])
    await sdk.runs.cancel_many(run_ids=[run["run_id"] for run in runs])
    found = [await sdk.runs.get(run["thread_id"], run["run_id"]) for run in runs]
    assert [run["status"] for run in found] == ["interrupted", "interrupted"]
    with pytest.raises(NotFoundError):
        await sdk.runs.cancel_many(run_ids=[run["run_id"] for run in runs])


@pytest.mark.slow
async def test_runs_without_a_thread(sdk):
    parts = await collect(
        sdk.runs.stream(None, "chat", input={"question": "x"}, stream_mode=["updates", "custom"], version="v2")
    )
    assert {part["type"] for part in parts} == {"metadata", "updates", "custom"}
    assert parts[0]["data"]["attempt"] == 1
    answers = await asyncio.gather(*(sdk.runs.wait(None, "chat", input={"question": f"问题 {n}"}) for n in range(40)))
    assert [values["answer"] for values in answers] == [f"问题 {n}" for n in range(40)]


async def test_ids_of_messages_stay(sdk):
    thread = (await sdk.threads.create())["thread_id"]
    first = [
        {"type": "human", "content": "one", "id": "h1"},
        {"type": "ai", "content": "uno", "id": "a1"},
        {"type": "human", "content": "two", "id": "h2"},
    ]
    values = await sdk.runs.wait(thread, "chat", input={"messages": first})
    ids = [message["id"] for message in values["messages"]]
    assert ids[:3] == ["h1", "a1", "h2"]
    more = {"type": "human", "content": "three", "id": "h3"}
    later = await sdk.runs.wait(thread, "chat", input={"messages": [*values["messages"], more]})
    assert [message["id"] for message in later["messages"]][:5] == [*ids, "h3"]
    assert len(later["messages"]) == 6
    with pytest.raises(UnprocessableEntityError, match="h1"):
        await sdk.runs.create(thread, "chat", input={"messages": [{**first[0], "content": "other"}, more]})
    state = (await sdk.threads.get(thread))["values"]
    assert [message["id"] for message in state["messages"]] == [message["id"] for message in later["messages"]]


async def test_a_thread_is_made_with_its_first_run(sdk):
    thread = str(uuid4())
    with pytest.raises(NotFoundError):
        await sdk.runs.create(thread, "chat", input={"question": "x"})
    with pytest.raises(UnprocessableEntityError):
        await sdk.runs.create(thread, "chat", input={"question": ""}, if_not_exists="create")
    with pytest.raises(NotFoundError):
        await sdk.threads.get(thread)
    await sdk.runs.wait(thread, "chat", input={"question": "x"}, if_not_exists="create")
    found = await sdk.threads.get(thread)
    assert found["metadata"] == {"graph_id": "chat", "assistant_id": (await sdk.assistants.get("chat"))["assistant_id"]}
