"""Whatever is wrong with a request is said in one shape, with the field's name; nothing stored is touched."""

import json

import pytest
import pytest_asyncio

from server.filenames import safe_filename
from tests.server.conftest import make_store, put, search, serving, upload

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
RAG = {**CHAT, "model": "rag:notes"}
TINY = {"type": "static", "static": {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}


def said(role, content):
    return {**CHAT, "messages": [{"role": role, "content": content}]}


TOOL = {"type": "function", "function": {"name": "a"}}
PART = {"type": "text", "text": "a"}
LONG = {"role": "user", "content": "x" * 900_000}
CASES = [
    ("post", "/v1/chat/completions", {**CHAT, "foo": 1}, 400, "foo"),
    ("post", "/v1/chat/completions", {**CHAT, "temperature": "hot"}, 400, "temperature"),
    ("post", "/v1/chat/completions", {**CHAT, "temperature": 3}, 400, "temperature"),
    ("post", "/v1/chat/completions", {**CHAT, "max_tokens": 0}, 400, "max_tokens"),
    ("post", "/v1/chat/completions", {**CHAT, "n": 129}, 400, "n"),
    ("post", "/v1/chat/completions", {**CHAT, "tools": [{"type": "function"}]}, 400, "tools[0].function"),
    ("post", "/v1/chat/completions", {**CHAT, "tools": [{**TOOL, "x": 1}]}, 400, "tools[0].x"),
    ("post", "/v1/chat/completions", {**CHAT, "tools": [{**TOOL, "function": {}}]}, 400, "tools[0].function.name"),
    (
        "post", "/v1/chat/completions", {**CHAT, "tools": [{**TOOL, "function": {"name": "a", "x": 1}}]}, 400,
        "tools[0].function.x",
    ),
    ("post", "/v1/chat/completions", said("user", [{**PART, "x": 1}]), 400, "messages[0].content[0].x"),
    ("post", "/v1/chat/completions", said("user", [{"type": "text"}]), 400, "messages[0].content[0].text"),
    ("post", "/v1/chat/completions", said("user", [{**PART, "text": 5}]), 400, "messages[0].content[0].text"),
    ("post", "/v1/chat/completions", {**CHAT, "response_format": {"type": "json_object"}}, 400, "response_format"),
    ("post", "/v1/chat/completions", {**CHAT, "messages": []}, 400, "messages"),
    ("post", "/v1/chat/completions", {"model": "chat"}, 400, "messages"),
    ("post", "/v1/chat/completions", said("boss", "x"), 400, "messages[0].role"),
    ("post", "/v1/chat/completions", said("user", " "), 400, "messages[0].content"),
    ("post", "/v1/chat/completions", said("assistant", "x"), 400, "messages[0].role"),
    ("post", "/v1/chat/completions", {**CHAT, "model": "nosuch"}, 404, "model"),
    ("post", "/v1/chat/completions", {**CHAT, "model": "rag"}, 400, "sandtable.collection"),
    ("post", "/v1/chat/completions", {**CHAT, "model": "rag:nosuch"}, 404, "model"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"options": {"k": 0}}}, 400, "sandtable.options.k"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"options": {"kk": 5}}}, 400, "sandtable.options.kk"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"backend": "nosuch:x"}}, 400, "sandtable.backend"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"generation": "gen_x"}}, 400, "sandtable.generation"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"speed": 1}}, 400, "sandtable.speed"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"collection": "other"}}, 400, "sandtable.collection"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"options": {"k": "3"}}}, 400, "sandtable.options.k"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"options": {"k": True}}}, 400, "sandtable.options.k"),
    ("post", "/v1/chat/completions", {**RAG, "sandtable": {"options": {"k": 2.5}}}, 400, "sandtable.options.k"),
    ("post", "/v1/chat/completions", said("user", "x" * 1_000_001), 400, "messages[0].content"),
    ("post", "/v1/chat/completions", {**CHAT, "messages": [LONG] * 5}, 400, "messages[4].content"),
    ("post", "/v1/embeddings", {"model": "nosuch", "input": "x"}, 404, "model"),
    ("post", "/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": ""}, 400, "input"),
    ("post", "/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": []}, 400, None),
    ("post", "/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": [[1, 2]]}, 400, "input"),
    ("post", "/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": "x", "dimensions": 12}, 400, "dimensions"),
    ("post", "/v1/vector_stores", {"nme": "x"}, 400, "nme"),
    ("post", "/v1/vector_stores", {"name": 5}, 400, "name"),
    ("post", "/v1/vector_stores", {"file_ids": ["file-none"]}, 404, "file_ids"),
    ("post", "/v1/vector_stores", {"metadata": {"a": 1}}, 400, "metadata.a"),
    ("post", "/v1/vector_stores", {"sandtable": {"index": "magic"}}, 400, "sandtable.index"),
    ("post", "/v1/vector_stores", {"sandtable": {"index": "hnsw:900"}}, 400, "sandtable.index"),
    ("post", "/v1/vector_stores", {"sandtable": {"index": "faiss:IVF16,PQ7"}}, 400, "sandtable.index"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "max_num_results": 51}, 400, "max_num_results"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "max_num_results": -1}, 400, "max_num_results"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "max_num_results": 10**30}, 400, "max_num_results"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "max_num_results": "5"}, 400, "max_num_results"),
    ("post", "/v1/vector_stores/{store}/search", {"query": ""}, 400, None),
    ("post", "/v1/vector_stores/{store}/search", {"query": "  "}, 400, "query"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "filters": {"type": "no"}}, 400, "filters.type"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "rewrite_query": True}, 400, "rewrite_query"),
    ("post", "/v1/vector_stores/{store}/search", {"query": "x", "generation": "gen_none"}, 400, "generation"),
    ("post", "/v1/vector_stores/vs_none/search", {"query": "x"}, 404, "vector_store_id"),
    ("post", "/v1/vector_stores/{store}/files", {"file_id": "file-none"}, 404, "file_id"),
    ("post", "/v1/vector_stores/{store}/files", {"file_id": "{file}", "attributes": {"a": [1]}}, 400, "attributes.a"),
    (
        "post",
        "/v1/vector_stores/{store}/files",
        {"file_id": "{file}", "chunking_strategy": TINY},
        400,
        "chunking_strategy.static.max_chunk_size_tokens",
    ),
    ("post", "/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": 10**400}}, 400, "attributes.a"),
    ("post", "/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": 2**53 + 1}}, 400, "attributes.a"),
    ("post", "/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": {"b": 1}}}, 400, "attributes.a"),
    ("post", "/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": "x" * 513}}, 400, "attributes.a"),
    ("post", "/v1/vector_stores/{store}/file_batches", {}, 400, "file_ids"),
    ("post", "/v1/vector_stores/{store}/file_batches", {"file_ids": ["file-none"]}, 404, "file_ids"),
    ("post", "/v1/vector_stores/{store}/file_batches", {"files": [{"file_id": "file-none"}]}, 404, "files"),
    ("post", "/v1/vector_stores/vs_none/file_batches", {"file_ids": ["file-none"]}, 404, "vector_store_id"),
    ("post", "/v1/chat/completions", said("user", 5), 400, "messages[0].content"),
    ("post", "/v1/chat/completions", said("user", [{"type": "text"}]), 400, "messages[0].content[0].text"),
    ("get", "/v1/files?limit=0", None, 400, "limit"),
    ("get", "/v1/files?limt=5", None, 400, "limt"),
    ("get", "/v1/files?after=file-none", None, 400, "after"),
    ("get", "/v1/files/file-none", None, 404, "file_id"),
    ("get", "/v1/files/..%2f..%2fetc%2fpasswd/content", None, 404, None),
    ("get", "/v1/models/nosuch", None, 404, "model"),
    ("get", "/v1/nosuch", None, 404, None),
    ("put", "/v1/models", None, 405, None),
    ("get", "/v1/runs/nosuch/events", None, 404, "run_id"),
]  # fmt: skip


on_one_service = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    async with serving(tmp_path_factory.mktemp("stocked") / "data") as client:
        client.store = await make_store(client, "notes")
        client.file, added = await put(client, client.store, "a.txt", "Norway leads in electric cars.")
        assert added["status"] == "completed", added
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def stocked(service):
    yield service
    assert [hit["file_id"] for hit in await search(service, service.store, "Norway")] == [service.file]


@pytest.mark.parametrize(("method", "path", "body", "status", "param"), CASES)
@on_one_service
async def test_each_mistake_is_named(stocked, method, path, body, status, param):
    path = path.replace("{store}", stocked.store).replace("{file}", stocked.file)
    if isinstance(body, dict) and body.get("file_id") == "{file}":
        body = {**body, "file_id": stocked.file}
    reply = await stocked.request(method, path, json=body)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert "Value error" not in error["message"]
    assert error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"] == param


async def test_ambiguous_names_list_the_ids(client):
    ids = [await make_store(client, "same") for _ in range(2)]
    reply = await client.post("/v1/chat/completions", json={**CHAT, "model": "rag:same"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "ambiguous_collection", "model")
    assert all(id in error["message"] for id in ids)
    assert (await client.post("/v1/chat/completions", json={**CHAT, "model": f"rag:{ids[0]}"})).status_code == 200


HALF = "half of a pair: \ud800"
USER = {"role": "user", "content": "x"}
EQUAL = {"type": "in", "key": "a"}
DEEP = {"where": json.loads('{"a":' * 900 + "1" + "}" * 900)}
SMUGGLED = [
    ("/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": HALF}]}, "messages[0].content"),
    ("/v1/chat/completions", {**CHAT, "model": f"rag:{HALF}"}, "model"),
    ("/v1/chat/completions", {**CHAT, "sandtable": {"options": {HALF: 1}}}, None),
    ("/v1/vector_stores", {"name": HALF}, "name"),
    ("/v1/vector_stores", {HALF: 1}, None),
    ("/v1/vector_stores", {"file_ids": [HALF]}, "file_ids[0]"),
    ("/v1/vector_stores", {"metadata": {"a": HALF}}, "metadata.a"),
    ("/v1/vector_stores", {"sandtable": {"index": HALF}}, "sandtable.index"),
    ("/v1/vector_stores/{store}/file_batches", {"file_ids": [HALF]}, "file_ids[0]"),
    ("/v1/vector_stores/{store}/file_batches", {"files": [{"file_id": HALF}]}, "files[0].file_id"),
    ("/v1/vector_stores/{store}/files", {"file_id": HALF}, "file_id"),
    ("/v1/vector_stores/{store}/search", {"query": HALF}, "query"),
    ("/v1/vector_stores/{store}/search", {"query": "x", "generation": HALF}, "generation"),
    ("/v1/vector_stores/{store}/search", {"query": "x", "filters": {**EQUAL, "value": [HALF]}}, "filters"),
    ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": HALF}, "input"),
    ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": ["a", HALF]}, "input[1]"),
    ("/v1/chat/completions", {**CHAT, "user": HALF}, "user"),
    ("/v1/chat/completions", {**CHAT, "messages": [{**USER, "name": HALF}]}, "messages[0].name"),
    ("/v1/chat/completions", {**CHAT, "sandtable": {"collection": HALF}}, "sandtable.collection"),
    ("/v1/chat/completions", {**CHAT, "sandtable": {"backend": HALF}}, "sandtable.backend"),
    ("/v1/chat/completions", {**CHAT, "sandtable": {"options": DEEP}}, "sandtable.options"),
    ("/v1/vector_stores/{store}/search", {"query": "x", "filters": {"type": "eq", HALF: 1}}, None),
    ("/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": float("nan")}}, "attributes.a"),
    ("/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": float("inf")}}, "attributes.a"),
    ("/v1/vector_stores/{store}/files/{file}", {"attributes": {"a": HALF}}, "attributes.a"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param"), SMUGGLED)
@on_one_service
async def test_what_only_a_lenient_json_reader_takes_is_refused(stocked, path, body, param):
    path = path.replace("{store}", stocked.store).replace("{file}", stocked.file)
    reply = await stocked.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert reply.status_code == 400, reply.text
    assert param is None or reply.json()["error"]["param"] == param


@on_one_service
async def test_json_of_bottomless_depth_is_refused(stocked):
    body = b'{"query": "x", "filters": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001
    path = f"/v1/vector_stores/{stocked.store}/search"
    reply = await stocked.post(path, content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": "chat", "messages": NaN}', b"\xff\xfe"])
async def test_a_body_that_is_not_json(client, body):
    reply = await client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\x.txt", "x.txt"),
        ("/etc/shadow", "shadow"),
        ("报告 2023.md", "报告 2023.md"),
    ],
)
async def test_a_file_name_is_only_a_label(client, given, kept):
    reply = await client.post("/v1/files", files={"file": (given, b"text")}, data={"purpose": "assistants"})
    assert reply.status_code == 200, reply.text
    assert reply.json()["filename"] == kept


def test_control_characters_are_left_out_of_a_name():
    assert safe_filename("dir/a\x07b\u202e\u2066\ufdd0\U0010ffff.txt") == "ab.txt"


@pytest.mark.parametrize("name", ["👩‍👩‍👧.txt", "می‌خواهم.md", "𮯰.txt"])
def test_what_a_script_needs_stays_in_a_name(name):
    assert safe_filename(name) == name


@pytest.mark.parametrize("name", ["..", "/", "\u200d", "x" * 300])
async def test_a_file_without_a_usable_name_is_refused(client, name):
    reply = await client.post("/v1/files", files={"file": (name, b"text")}, data={"purpose": "assistants"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "file")


@pytest.mark.parametrize(
    ("files", "data", "param"),
    [
        ({}, {"purpose": "assistants"}, "file"),
        ({"file": ("a.txt", b"x")}, {}, "purpose"),
        ({"file": ("a.txt", b"x")}, {"purpose": "fun"}, "purpose"),
        ({"file": ("a.txt", b"x")}, {"purpose": "assistants", "colour": "red"}, "colour"),
        ({"file": ("a.txt", b"x")}, {"purpose": "assistants", "expires_after[seconds]": "9"}, "expires_after"),
        ([("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))], {"purpose": "assistants"}, "file"),
    ],
)
async def test_an_upload_form_is_checked(client, files, data, param):
    reply = await client.post("/v1/files", files=files or {"other": ("a", b"")}, data=data)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] in (param, "other")


async def test_an_upload_without_a_boundary_is_told_so(client):
    reply = await client.post("/v1/files", content=b"x", headers={"content-type": "multipart/form-data"})
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (400, "file", "invalid_form")
    assert "boundary" in error["message"]


ADD = {"type": "function", "function": {"name": "add"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOLD = [USER, CALLED, {"role": "tool", "tool_call_id": "c1", "content": "3"}]


def pictured(url):
    return [{"type": "image_url", "image_url": {"url": url}}]


PICTURE = pictured("https://example.org/a.png")
REFUSED = [
    ("/v1/chat/completions", said("system", PICTURE), "messages[0].content[0]"),
    ("/v1/chat/completions", said("user", [{"type": "file", "file": {"file_id": "file-x"}}]), "messages[0].content[0]"),
    ("/v1/chat/completions", {**RAG, "messages": said("user", PICTURE)["messages"]}, "messages[0].content"),
    ("/v1/chat/completions", {**CHAT, "tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    ("/v1/chat/completions", {**CHAT, "functions": [{"name": "x"}]}, "functions"),
    ("/v1/chat/completions", {**CHAT, "function_call": {"name": "x"}}, "function_call"),
    ("/v1/chat/completions", {**CHAT, "modalities": ["audio"]}, "modalities"),
    ("/v1/chat/completions", {**CHAT, "verbosity": "low"}, "verbosity"),
    ("/v1/chat/completions", {**CHAT, "web_search_options": {}}, "web_search_options"),
    ("/v1/chat/completions", {**RAG, "tools": [ADD]}, "tools"),
    ("/v1/chat/completions", {**RAG, "response_format": {"type": "json_object"}}, "response_format"),
    ("/v1/chat/completions", {**RAG, "logprobs": True}, "logprobs"),
    ("/v1/chat/completions", {**RAG, "messages": TOLD}, "messages[1].role"),
    (
        "/v1/chat/completions",
        {**CHAT, "messages": [{"role": "function", "name": "x", "content": "1"}]},
        "messages[0].role",
    ),
    ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": "x", "dimensions": 12}, "dimensions"),
    ("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": [1, 2]}, "input"),
    ("/v1/vector_stores/{store}/search", {"query": "x", "rewrite_query": True}, "rewrite_query"),
    (
        "/v1/vector_stores/{store}/search",
        {"query": "x", "ranking_options": {"hybrid_search": {"embedding_weight": 1, "text_weight": 1}}},
        "ranking_options.hybrid_search",
    ),
]


@pytest.mark.parametrize(("path", "body", "param"), REFUSED)
@on_one_service
async def test_what_openai_has_and_this_service_not_is_unsupported(stocked, path, body, param):
    reply = await stocked.post(path.replace("{store}", stocked.store), json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "unsupported_parameter", param)


UNABLE = [
    ({**CHAT, "tools": [ADD]}, "tools"),
    ({**CHAT, "logprobs": True}, "logprobs"),
    ({**CHAT, "response_format": {"type": "json_object"}}, "response_format"),
    (said("user", PICTURE), "messages"),
]


@pytest.mark.parametrize(("body", "param"), UNABLE)
async def test_what_the_backend_cannot_do_is_said_with_ways_out(client, body, param):
    error = (await client.post("/v1/chat/completions", json=body)).json()["error"]
    assert (error["code"], error["param"]) == ("capability_missing", param)
    assert "Three ways" in error["message"]


def named(name, **more):
    return {"type": "function", "function": {"name": name, **more}}


def answer(schema):
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}


OPENAI_FIELDS = [
    ({"tools": [named("a b")]}, "tools[0].function.name"),
    ({"tools": [named("add"), named("add")]}, "tools[1].function.name"),
    ({"tools": [named("auto")]}, "tools[0].function.name"),
    ({"tools": [named("add", parameters={"type": "array"})]}, "tools[0].function.parameters"),
    ({"tools": [named("add", parameters={"type": "object", "required": 1})]}, "tools[0].function.parameters"),
    ({"tools": [named("add", colour=1)]}, "tools[0].function.colour"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "magic"}]}, "tools[0]"),
    ({"tools": [ADD], "tool_choice": "sometimes"}, "tool_choice"),
    ({"tools": [ADD], "tool_choice": named("sub")}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": named("add")}, "tool_choice"),
    ({"tools": [ADD], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": answer({"type": "nothing"})}, "response_format.json_schema.schema"),
    ({"response_format": answer({"$ref": "http://example.org/x"})}, "response_format.json_schema.schema"),
    ({"n": 0}, "n"),
    ({"n": "two"}, "n"),
    ({"logprobs": 1}, "logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"frequency_penalty": 2.5}, "frequency_penalty"),
    ({"presence_penalty": "much"}, "presence_penalty"),
    ({"logit_bias": {"cat": 1}}, "logit_bias.cat"),
    ({"logit_bias": {"7": 101}}, "logit_bias.7"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ({"messages": [USER, {**CALLED, "role": "user"}]}, "messages[1].tool_calls"),
    ({"messages": [USER, {"role": "tool", "content": "3"}]}, "messages[1].tool_call_id"),
    ({"messages": [USER, {"role": "tool", "content": "3", "tool_call_id": "c9"}]}, "messages[1].tool_call_id"),
    ({"messages": [USER, CALLED, USER]}, "messages[2]"),
    ({"messages": [USER, CALLED]}, "messages[1].role"),
    ({"messages": [*TOLD[:2], {**TOLD[2], "tool_call_id": "c2"}]}, "messages[2].tool_call_id"),
    (said("user", pictured("ftp://x/y.png")), "messages[0].content[0].image_url.url"),
    (said("user", pictured("data:image/bmp;base64,AAAA")), "messages[0].content[0].image_url.url"),
    (said("user", [{"type": "hologram"}]), "messages[0].content[0]"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("fields", "param"), OPENAI_FIELDS)
async def test_a_wrong_value_of_a_field_of_openai_is_named(client, fields, param):
    reply = await client.post("/v1/chat/completions", json={**CHAT, **fields})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


@on_one_service
async def test_a_refused_attribute_says_what_is_allowed(stocked):
    path = f"/v1/vector_stores/{stocked.store}/files/{stocked.file}"
    for wrong in ({"a": 1}, None, 2**53 + 1):
        message = (await stocked.post(path, json={"attributes": {"k": wrong}})).json()["error"]["message"]
        assert "'attributes.k'" in message
        assert "true, false, a finite number" in message
    kept = {"whole": 2**53, "part": 0.5, "yes": True, "text": "é"}
    assert (await stocked.post(path, json={"attributes": kept})).json()["attributes"] == kept


async def test_a_body_over_the_limit_is_refused_and_the_service_goes_on(tmp_path):
    async with serving(tmp_path, max_upload_bytes=10_000, max_body_bytes=5_000) as client:
        reply = await client.post(
            "/v1/files", files={"file": ("a.txt", b"x" * 200_000)}, data={"purpose": "assistants"}
        )
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
        just_over = await client.post(
            "/v1/files", files={"file": ("a.txt", b"x" * 10_001)}, data={"purpose": "assistants"}
        )
        assert (just_over.status_code, just_over.json()["error"]["param"]) == (413, "file")
        reply = await client.post("/v1/chat/completions", json={**CHAT, "user": "u" * 6_000})
        assert reply.status_code == 413

        async def chunks():
            for _ in range(100):
                yield b" " * 1_000

        reply = await client.post("/v1/chat/completions", content=chunks())
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
        assert await upload(client, "a.txt", "fine")
