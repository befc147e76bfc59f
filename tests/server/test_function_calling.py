"""Function calling over a model server of OpenAI's form: what goes over the wire, and what a client gets."""

import json

from tests.fake_upstream import DONE, ROLE, USAGE, Canned, chunk, event, stream_of
from tests.server.conftest import events_of, make_store, put, serving, upstream
from tools.toolbox import Toolbox

ANSWER = "The tower is 330 metres tall [1], that is 33000 centimetres."


def calling(*calls):
    """A stream in which each call comes in pieces, as servers send them."""
    deltas = [{"content": "Let me look."}]
    for index, (name, arguments) in enumerate(calls):
        text = json.dumps(arguments, ensure_ascii=False)
        deltas.append(
            {"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": {"name": name}}]}
        )
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in (text[:9], text[9:])]
    return Canned((*map(event, [chunk(ROLE), *map(chunk, deltas), chunk({}, "tool_calls"), chunk(usage=USAGE)]), DONE))


def agent(body):
    """Calls two tools, then answers from what they say."""
    if body["messages"][-1]["role"] == "user":
        return calling(("search", {"query": "塔 tower height"}), ("calculator", {"expression": "330 * 100"}))
    return Canned(stream_of(ANSWER))


def sent(server):
    """What runs asked; before them the service tries out whether this server can call tools."""
    return [request.body for request in server.requests if request.body["messages"][0]["role"] == "system"]


async def chat(client, question="How tall?", model="function_calling:notes", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": question}], **fields}
    reply = await client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    return reply


async def test_calls_go_over_the_wire_and_come_back_as_an_answer(tmp_path):
    async with (
        upstream(agent=agent) as server,
        serving(tmp_path / "data", backend="fake:agent", backends=server.profiles) as client,
    ):
        store = await make_store(client, "notes")
        file_id, _ = await put(client, store, "tower.md", "The tower is 330 metres tall.")
        reply = (await chat(client)).json()
        message = reply["choices"][0]["message"]
        assert (message["content"], reply["choices"][0]["finish_reason"]) == (ANSWER, "stop")
        assert [(note["file_id"], note["quote"]) for note in message["annotations"]] == [
            (file_id, "The tower is 330 metres tall")
        ]
        thoughts = message["reasoning_content"]
        assert thoughts.startswith("Let me look.\n")
        assert 'Called calculator({"expression": "330 * 100"}): 33000\n' in thoughts
        assert reply["usage"]["total_tokens"] == 2 * USAGE["total_tokens"]

        first, second = sent(server)
        assert [tool["function"]["name"] for tool in first["tools"]] == list(Toolbox())
        assert [m["role"] for m in second["messages"]] == ["system", "user", "assistant", "tool", "tool"]
        assert [call["id"] for call in second["messages"][2]["tool_calls"]] == ["c0", "c1"]
        assert [m["tool_call_id"] for m in second["messages"][3:]] == ["c0", "c1"]
        assert '<source number="1" file="tower.md">' in second["messages"][3]["content"]
        assert second["messages"][4]["content"] == '<tool_result tool="calculator">\n33000\n</tool_result>'
        called = [
            e for e in (await events_of(client, reply["sandtable"]["run_id"]))["data"] if e["type"] == "tool_called"
        ]
        assert {e["call"]["name"] for e in called} == {"search", "calculator"}


async def test_a_second_turn_on_the_thread_begins_with_the_answer_alone(tmp_path):
    async with (
        upstream(agent=agent) as server,
        serving(tmp_path / "data", backend="fake:agent", backends=server.profiles) as client,
    ):
        await put(client, await make_store(client, "notes"), "tower.md", "The tower is 330 metres tall.")
        thread = (await chat(client)).json()["sandtable"]["thread_id"]
        again = (await chat(client, "And in inches?", sandtable={"thread_id": thread})).json()
        assert again["choices"][0]["message"]["content"] == ANSWER
        third = sent(server)[2]["messages"]
        assert [(m["role"], m["content"]) for m in third[1:]] == [
            ("user", "How tall?"), ("assistant", ANSWER), ("user", "And in inches?"),
        ]  # fmt: skip


async def test_the_answer_streams_and_thoughts_come_before_it(tmp_path):
    async with (
        upstream(agent=agent) as server,
        serving(tmp_path / "data", backend="fake:agent", backends=server.profiles) as client,
    ):
        reply = await chat(client, model="function_calling", stream=True)
        chunks = [json.loads(line[6:]) for line in reply.text.split("\n\n") if line.startswith("data: {")]
        deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
        assert "".join(delta.get("content") or "" for delta in deltas) == ANSWER
        words = [name for delta in deltas for name in ("reasoning_content", "content") if delta.get(name)]
        assert words == sorted(words, reverse=True)  # all thoughts, then all of the answer
        # Without a collection there is nothing to search, so `search` was not offered, and the model was told.
        told = sent(server)[1]["messages"][3]["content"]
        assert "there is no tool 'search'; there are calculator" in told


async def test_a_backend_without_tools_is_refused_before_the_run(tmp_path):
    async with serving(tmp_path / "data") as client:
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "Hi"}]}
        reply = await client.post("/v1/chat/completions", json=body)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"], error["param"]) == (400, "capability_missing", "sandtable.backend")
        assert "another pipeline" in error["message"]
