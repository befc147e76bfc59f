"""Whatever is wrong with a response or a conversation is said with the field's name, before anything runs."""

import json

import pytest
import pytest_asyncio

from tests.server.conftest import make_store, put, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "3"}
ADD = {"type": "function", "name": "add"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def search(**fields):
    return {"tools": [{"type": "file_search", "vector_store_ids": ["{store}"], **fields}]}


def said(*parts):
    return {"input": [{"role": "user", "content": list(parts)}]}


WRONG = [
    ({"model": None}, "model"),
    ({"model": "nosuch"}, "model"),
    ({"input": None}, "input"),
    ({"input": []}, "input"),
    ({"input": "  "}, "input"),
    ({"input": 5}, "input"),
    ({"input": [{"role": "boss", "content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"input": [{**USER, "colour": "red"}]}, "input[0].colour"),
    ({"input": [{"type": "magic"}]}, "input[0].type"),
    ({"input": [{"type": ["message"], "role": "user", "content": "x"}]}, "input[0].type"),
    ({"input": [{"role": "assistant", "content": "x"}]}, "input[0].role"),
    ({"input": [{"type": "item_reference", "id": "msg_none"}]}, "input[0].id"),
    ({"input": [USER, CALL]}, "input[1].role"),
    ({"input": [USER, CALL, USER]}, "input[2]"),
    ({"input": [USER, RESULT]}, "input[1].tool_call_id"),
    ({"input": [USER, {**CALL, "call_id": ""}, RESULT]}, "input[1].call_id"),
    (said({"type": "input_image", "image_url": "ftp://x/y.png"}), "input[0].content[0].image_url"),
    (said({"type": "hologram"}), "input[0].content[0]"),
    ({"instructions": ["x"]}, "instructions"),
    ({"stream": "yes"}, "stream"),
    ({"background": 1}, "background"),
    ({"store": False, "background": True}, "store"),
    ({"store": False, "conversation": "conv_1"}, "store"),
    ({"previous_response_id": "resp_none"}, "previous_response_id"),
    ({"previous_response_id": "resp_none", "conversation": "conv_none"}, "previous_response_id"),
    ({"conversation": "conv_none"}, "conversation"),
    ({"conversation": {"name": "x"}}, "conversation.id"),
    ({"include": ["everything"]}, "include[0]"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"top_logprobs": 21, "include": ["message.output_text.logprobs"]}, "top_logprobs"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"max_tool_calls": "many"}, "max_tool_calls"),
    ({"temperature": 3}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
    ({"text": {"format": {"type": "xml"}}}, "text.format"),
    ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "no"}}}}, "text.format.schema"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
    ({"tools": [{"type": "magic"}]}, "tools[0]"),
    ({"tools": [{**ADD, "name": "a b"}]}, "tools[0].name"),
    ({"tools": [ADD, ADD]}, "tools[1].name"),
    ({"tools": [{**ADD, "parameters": {"type": "array"}}]}, "tools[0].parameters"),
    ({"tools": [{**ADD, "defer_loading": True}]}, "tools[0].defer_loading"),
    ({"tools": [ADD], "tool_choice": "sometimes"}, "tool_choice"),
    ({"tools": [ADD], "tool_choice": {"type": "function", "name": "sub"}}, "tool_choice"),
    ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [{"type": "file_search", "vector_store_ids": []}]}, "tools[0].vector_store_ids"),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_none"]}]}, "tools[0].vector_store_ids[0]"),
    (search(max_num_results=51), "tools[0].max_num_results"),
    (search(filters={"type": "like", "key": "a", "value": 1}), "tools[0].filters"),
    (search(ranking_options={"score_threshold": 2}), "tools[0].ranking_options.score_threshold"),
    ({**search(), "model": "rag:other"}, "tools[0].vector_store_ids"),
    ({**search(max_num_results=3), "sandtable": {"options": {"k": 4}}}, "tools[0].max_num_results"),
    ({"sandtable": {"options": {"kk": 4}}}, "sandtable.options.kk"),
    ({"sandtable": {"limits": {"cost": 1}}}, "sandtable.limits.cost"),
    ({"sandtable": {"backend": "nosuch:x"}}, "sandtable.backend"),
    ({"colour": "red"}, "colour"),
]  # fmt: skip

UNSUPPORTED = [
    ({"truncation": "auto"}, "truncation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"moderation": {"model": "m"}}, "moderation"),
    ({"context_management": [{"type": "compaction"}]}, "context_management"),
    ({"background_options": {"completion_window": "8h"}}, "background_options"),
    ({"image": {"context_compression": "enabled"}}, "image"),
    ({"access_programs": {"cyber": "standard"}}, "access_programs"),
    ({"text": {"verbosity": "low"}}, "text.verbosity"),
    ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
    ({"sandtable": {"thread_id": "t"}}, "sandtable.thread_id"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]}]}, "tools[0].vector_store_ids"),
    (search(ranking_options={"hybrid_search": {"embedding_weight": 1, "text_weight": 1}}),
     "tools[0].ranking_options.hybrid_search"),
    ({**search(), "tools": [*search()["tools"], ADD]}, "tools"),
    ({"input": [{"type": "computer_call", "call_id": "x"}]}, "input[0].type"),
    ({"input": [{"type": "mcp_approval_response", "approval_request_id": "x", "approve": True}]}, "input[0].type"),
    (said({"type": "input_file", "file_id": "file-1"}), "input[0].content[0]"),
    (said({"type": "input_text", "text": "x"}, {"type": "input_image", "file_id": "file-1"}),
     "input[0].content[1].image_url"),
    ({"input": [{"role": "system", "content": [{"type": "input_image", "image_url": PIXEL}]}, USER]},
     "input[0].content"),
]  # fmt: skip

UNABLE = [
    ({"tools": [ADD]}, "tools"),
    ({"text": {"format": {"type": "json_object"}}}, "text.format"),
    ({"include": ["message.output_text.logprobs"]}, "include"),
    (said({"type": "input_image", "image_url": PIXEL}), "input"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory):
    async with serving(tmp_path_factory.mktemp("bad") / "data") as client:
        client.store = await make_store(client, "notes")
        await put(client, client.store, "a.txt", "Norway leads in electric cars.")
        yield client


async def refused(client, path, body):
    text = json.dumps(body).replace("{store}", client.store)
    reply = await client.post(path, content=text, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 404), reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(("fields", "param"), WRONG)
async def test_each_mistake_is_named(client, fields, param):
    assert (await refused(client, "/v1/responses", {"model": "chat", "input": "Hi", **fields}))["param"] == param


@pytest.mark.parametrize(("fields", "param"), UNSUPPORTED)
async def test_what_openai_has_and_this_service_not_is_unsupported(client, fields, param):
    error = await refused(client, "/v1/responses", {"model": "chat", "input": "Hi", **fields})
    assert (error["code"], error["param"]) == ("unsupported_parameter", param)


@pytest.mark.parametrize(("fields", "param"), UNABLE)
async def test_what_the_backend_cannot_do_is_said_with_the_field(client, fields, param):
    error = await refused(client, "/v1/responses", {"model": "chat", "input": "Hi", **fields})
    assert (error["code"], error["param"]) == ("capability_missing", param)


CONVERSATIONS = [
    ("/v1/conversations", {"items": [USER] * 21}, "items"),
    ("/v1/conversations", {"items": [{"type": "shell_call", "id": "x"}]}, "items[0].type"),
    ("/v1/conversations", {"items": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
     "items[0].content[0].image_url"),
    ("/v1/conversations", {"metadata": {"a": 1}}, "metadata.a"),
    ("/v1/conversations", {"name": "x"}, "name"),
    ("/v1/conversations/{talk}", {}, "metadata"),
    ("/v1/conversations/{talk}/items", {"items": []}, "items"),
    ("/v1/conversations/{talk}/items", {"items": [{"type": "item_reference", "id": "x"}]}, "items[0].id"),
    ("/v1/conversations/{talk}/items?include[]=everything", {"items": [USER]}, "include[][0]"),
    ("/v1/conversations/conv_none/items", {"items": [USER]}, "conversation_id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param"), CONVERSATIONS)
async def test_each_mistake_with_a_conversation_is_named(client, path, body, param):
    talk = (await client.post("/v1/conversations", json={})).json()["id"]
    assert (await refused(client, path.replace("{talk}", talk), body))["param"] == param


GETS = [
    ("/v1/responses/resp_none", 404, "response_id"),
    ("/v1/responses/{response}?starting_after=1", 400, "starting_after"),
    ("/v1/responses/{response}?stream=true&starting_after=-1", 400, "starting_after"),
    ("/v1/responses/{response}?colour=red", 400, "colour"),
    ("/v1/responses/{response}/input_items?after=msg_none", 400, "after"),
    ("/v1/responses/{response}/input_items?limit=0", 400, "limit"),
    ("/v1/conversations/conv_none", 404, "conversation_id"),
    ("/v1/conversations/conv_none/items", 404, "conversation_id"),
    ("/v1/conversations/{talk}/items?after=msg_none", 400, "after"),
    ("/v1/conversations/{talk}/items/msg_none", 404, "item_id"),
]


@pytest.mark.parametrize(("path", "status", "param"), GETS)
async def test_each_mistake_of_a_lookup_is_named(client, path, status, param):
    response = (await client.post("/v1/responses", json={"model": "rag:notes", "input": "Norway?"})).json()["id"]
    talk = (await client.post("/v1/conversations", json={})).json()["id"]
    reply = await client.get(path.replace("{response}", response).replace("{talk}", talk))
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param)


async def test_a_refused_response_leaves_nothing_behind(client):
    from sqlalchemy import func, select

    from server.storage.tables import response

    count = select(func.count()).select_from(response)
    before = await client.app.state.services.database.read(lambda db: db.execute(count).scalar_one())
    for fields, _ in WRONG + UNSUPPORTED + UNABLE:
        await refused(client, "/v1/responses", {"model": "chat", "input": "Hi", **fields})
    assert await client.app.state.services.database.read(lambda db: db.execute(count).scalar_one()) == before


async def test_a_tenant_sees_only_its_own(tmp_path):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]
    async with serving(tmp_path / "data", keys=keys) as client:
        alice, bob = ({"headers": {"authorization": f"Bearer {entry['key']}"}} for entry in keys)
        store = (await client.post("/v1/vector_stores", json={"name": "n"}, **alice)).json()["id"]
        talk = (await client.post("/v1/conversations", json={"items": [USER]}, **alice)).json()["id"]
        asked = {"model": f"rag:{store}", "input": "Norway?", "conversation": talk}
        made = (await client.post("/v1/responses", json=asked, **alice)).json()
        items = (await client.get(f"/v1/conversations/{talk}/items", **alice)).json()["data"]
        assert [items[-1]["role"], items[0]["role"]] == ["user", "assistant"]
        paths = [f"/v1/responses/{made['id']}", f"/v1/responses/{made['id']}/input_items", f"/v1/conversations/{talk}"]
        paths += [f"/v1/conversations/{talk}/items", f"/v1/conversations/{talk}/items/{items[0]['id']}"]
        for path in paths:
            assert (await client.get(path, **alice)).status_code == 200, path
            assert (await client.get(path, **bob)).status_code == 404, path
        for path in (f"/v1/responses/{made['id']}", f"/v1/conversations/{talk}"):
            assert (await client.delete(path, **bob)).status_code == 404
        assert (await client.post(f"/v1/responses/{made['id']}/cancel", **bob)).status_code == 404
        for item in (items[0], made["output"][-1]):
            body = {"model": "chat", "input": [{"type": "item_reference", "id": item["id"]}]}
            assert (await client.post("/v1/responses", json=body, **bob)).status_code == 404
        for before in ({"previous_response_id": made["id"]}, {"conversation": talk}):
            body = {"model": "chat", "input": "Hi", **before}
            assert (await client.post("/v1/responses", json=body, **bob)).status_code == 404
