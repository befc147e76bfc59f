"""Tools of OpenAPI documents: called over HTTP against a server of this machine, and documents that cannot be used."""

import json

import pytest

from server.settings import BadSettings, load_settings
from tests.server.conftest import events_of, serving
from tests.server.test_run_answers import asked, resume
from tests.web_server import reply, web_server
from tools.base import NAME
from tools.errors import BadDocument, BadTool
from tools.openapi.operations import tool_name

SECRET = "s3cret-value"
DOCUMENT = """
openapi: 3.0.3
info: {title: 宠物, version: 2024-01-01}
paths:
  /pets/{id}:
    parameters: [{$ref: '#/components/parameters/Id'}]
    get:
      operationId: getPet
      summary: 一只宠物
      parameters:
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: country, in: query, schema: {type: string, enum: [NO, DE]}}
        - {name: id, in: query, schema: {type: integer, nullable: true}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
  /pets:
    post:
      operationId: add pet/新
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
  /away: {get: {operationId: away}}
  /echo: {get: {operationId: echo}}
  /head: {head: {operationId: head}}
  /picture: {get: {operationId: picture}}
  /large: {get: {operationId: large}}
  /upload:
    post: {operationId: upload, requestBody: {content: {multipart/form-data: {}}}}
components:
  parameters:
    Id: {name: id, in: path, required: true, description: Its number., schema: {type: string}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string}
        example: {type: string, example: no schema keyword}
        children: {type: array, items: {$ref: '#/components/schemas/Pet'}}
"""


async def echo(head, writer):
    sent = next(line for line in head.split("\r\n") if line.startswith("Authorization"))
    writer.write(reply(json.dumps({"error": f"bad {sent}"}), "401 No", Content_Type="application/json"))


ANSWERS = {
    "/v1/pets/7": reply('{"name": "\\u5c0f\\u7ea2"}', Content_Type="application/json"),
    "/v1/pets/a%2Fb%20%3F%E5%A1%94?tag=x%26y&tag=z&country=NO&id=3": reply("found", Content_Type="text/plain"),
    "/v1/pets": reply('{"id": 1}', "201 Created", Content_Type="application/json"),
    "/v1/away": reply(status="302 Found", Location="http://localhost/elsewhere"),
    "/v1/echo": echo,
    "/v1/picture": reply(b"\x89PNG", Content_Type="image/png"),
    "/v1/head": reply(b"", Content_Length=900, Content_Encoding="gzip", Content_Type="application/json"),
    "/v1/large": reply("x" * 5000, Content_Type="text/plain"),
}


@pytest.fixture
def pets(tmp_path, monkeypatch):
    monkeypatch.setenv("PETS_KEY", SECRET)
    path = tmp_path / "pets.yaml"
    path.write_text(DOCUMENT, encoding="utf-8")

    def settings(server, **given):
        base_url = f"http://127.0.0.1:{server.port}/v1"
        return {"pets": {"document": str(path), "base_url": base_url, "api_key_env": "PETS_KEY", **given}}

    return settings


async def called(client, name, **arguments):
    answer = await client.post(f"/v1/tools/{name}/call", json={"arguments": arguments})
    assert SECRET not in answer.text
    return answer.json()["fault"], answer.json()["output"]


async def test_operations_are_tools(tmp_path, pets):
    async with web_server(ANSWERS) as server, serving(tmp_path / "data", openapi=pets(server)) as client:
        listed = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["data"]}
        get, add = listed["pets_getPet"], listed["pets_add_pet_"]
        assert "pets_upload" not in listed
        assert (get["description"], get["read_only"], get["needs_approval"]) == ("一只宠物", True, False)
        assert list(get["parameters"]["properties"]) == ["id", "tag", "country", "id_2", "X-Trace"]
        assert get["parameters"]["required"] == ["id"]
        assert get["parameters"]["properties"]["country"] == {"type": "string", "enum": ["NO", "DE"]}
        assert get["parameters"]["properties"]["id_2"] == {"type": ["integer", "null"]}
        assert (add["read_only"], add["needs_approval"]) == (False, True)
        body = add["parameters"]["properties"]["body"]
        assert (list(body["properties"]), body["required"]) == (["name", "example", "children"], ["name"])
        assert body["properties"]["children"] == {"type": "array", "items": {"description": "again a Pet"}}


async def test_a_call_goes_to_its_place(tmp_path, pets):
    async with web_server(ANSWERS) as server, serving(tmp_path / "data", openapi=pets(server)) as client:
        assert await called(client, "pets_getPet", id="7") == (None, '200\n\n{"name": "小红"}')
        arguments = {"id": "a/b ?塔", "tag": ["x&y", "z"], "country": "NO", "id_2": 3.0, "X-Trace": "t"}
        assert await called(client, "pets_getPet", **arguments) == (None, "200\n\nfound")
        assert f"Authorization: Bearer {SECRET}\r\n" in server.heads[-1]
        assert "X-Trace: t\r\n" in server.heads[-1]
        assert await called(client, "pets_add_pet_", body={"name": "Bo"}) == (None, '201\n\n{"id": 1}')
        assert "Content-Type: application/json\r\n" in server.heads[-1]
        assert "Idempotency-Key: " in server.heads[-1]
        assert await called(client, "pets_head") == (None, "200\n\n(no body)")
        assert await called(client, "pets_picture") == (None, "200\n\n(4 bytes of image/png, which is not text)")


@pytest.mark.parametrize("number", ["..", ".", "../keys", "a/../..", "..\\keys", ""])
async def test_no_path_leads_up(tmp_path, pets, number):
    async with web_server(ANSWERS) as server, serving(tmp_path / "data", openapi=pets(server)) as client:
        fault, told = await called(client, "pets_getPet", id=number)
        assert (fault, "is no part of a path" in told) == ("bad_arguments", True)
        assert server.heads == []


async def test_what_goes_wrong_is_told(tmp_path, pets):
    async with (
        web_server(ANSWERS) as server,
        serving(tmp_path / "data", openapi=pets(server, max_bytes=4096)) as client,
    ):
        fault, told = await called(client, "pets_getPet", id="8")
        assert (fault, told) == ("refused", "GET /pets/{id} answered 404: not here")
        assert await called(client, "pets_echo") == (
            "refused", 'GET /echo answered 401: {"error": "bad Authorization: [secret]"}',
        )  # fmt: skip
        fault, told = await called(client, "pets_away")
        assert (fault, "'localhost' is not among the hosts" in told) == ("refused", True)
        assert "more than 4,096 bytes" in (await called(client, "pets_large"))[1]
        asked_before = len(server.heads)
        for arguments in ({}, {"id": 7}, {"id": "7", "colour": "red"}, {"id": "7", "X-Trace": "a\r\nHost: b"}):
            assert (await called(client, "pets_getPet", **arguments))[0] == "bad_arguments"
        assert len(server.heads) == asked_before


async def test_a_key_does_not_follow_a_redirect_to_another_origin(tmp_path, pets):
    async with web_server({"/there": reply("there", Content_Type="text/plain")}) as other:
        moved = reply(status="302 Found", Location=f"http://127.0.0.1:{other.port}/there")
        async with (
            web_server({"/v1/away": moved}) as server,
            serving(tmp_path / "data", openapi=pets(server, headers_env={"X-Key": "PETS_KEY"})) as client,
        ):
            assert await called(client, "pets_away") == (None, "200\n\nthere")
            assert server.heads[0].count(SECRET) == 2
            assert SECRET not in other.heads[0]


async def test_a_person_agrees_to_a_post_and_the_trace_holds_no_key(tmp_path, pets):
    call = {"name": "pets_add_pet_", "arguments": {"body": {"name": "Bo"}}, "id": "c1"}
    script = tmp_path / "script.json"
    script.write_text(
        json.dumps([
            {"match": "Pay", "results": 0, "tool_calls": [call, {"name": "pets_echo", "arguments": {}, "id": "c2"}]},
            {"match": "Pay", "results": 2, "text": "Done."},
        ])
    )  # fmt: skip
    async with (
        web_server(ANSWERS) as server,
        serving(tmp_path / "data", backend=f"scripted:{script}", openapi=pets(server)) as client,
    ):
        about = await asked(client)
        assert not [head for head in server.heads if head.startswith("POST")]
        done = await resume(client, about["run_id"], answer=True)
        assert (done["status"], done["answer"]) == ("success", "Done.")
        assert len([head for head in server.heads if head.startswith("POST")]) == 1
        for run_id in (about["run_id"], done["id"]):
            events = await events_of(client, run_id)
            assert SECRET not in json.dumps(events)
    assert not [
        path for path in (tmp_path / "data").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    ("approve", "asking"), [("all", ["pets_getPet", "pets_add_pet_"]), ("none", []), ("writes", ["pets_add_pet_"])]
)
async def test_who_is_asked_and_which_operations(tmp_path, pets, approve, asking):
    async with web_server({}) as server:
        given = pets(server, approve=approve, operations=["get[A-Z]*", "POST /pets"])
        async with serving(tmp_path / "data", openapi=given) as client:
            listed = [t for t in (await client.get("/v1/tools")).json()["data"] if t["name"].startswith("pets_")]
            assert [tool["name"] for tool in listed] == ["pets_getPet", "pets_add_pet_"]
            assert [tool["name"] for tool in listed if tool["needs_approval"]] == asking


async def test_a_document_from_the_web_names_its_own_server_only(tmp_path):
    def document(url):
        text = json.dumps({"openapi": "3.1.0", "servers": [{"url": url}], "paths": {"/a": {"get": {}}}})
        return reply(text, Content_Type="application/json")

    answers = {"/own": document("/v2"), "/other": document("https://example.org"), "/v2/a": reply("yes")}
    async with web_server(answers) as server:
        place = f"http://127.0.0.1:{server.port}"
        async with serving(tmp_path / "data", openapi={"x": {"document": f"{place}/own"}}) as client:
            assert await called(client, "x_get_a") == (None, "200\n\nyes")
        for path, why in (("/other", "another server than its own"), ("/none", "answered 404")):
            with pytest.raises(BadTool, match=f"openapi.x: .*{path}.*{why}"):
                async with serving(tmp_path / "data", openapi={"x": {"document": f"{place}{path}"}}):
                    pass


NAMED = "openapi: 3.1.0\nservers: [{url: 'http://127.0.0.1:9'}]\npaths: {/a: {get: %s}}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not valid JSON"), ("a: [", "not valid YAML: .*line 1"), ("a: b", "no OpenAPI document"),
        ("swagger: '2.0'\npaths: {}", "version is '2.0'"), ("openapi: 3.1.0", "no `paths`"),
        ("openapi: 3.1.0\npaths: {/a: {get: {}}}", "set `base_url`"),
        (NAMED % "{parameters: [{$ref: '#/none'}]}", "'#/none' leads nowhere"),
        (NAMED % "{parameters: [{$ref: 'x.yaml#/a'}]}", "leads out of the document"),
        (NAMED % "{parameters: [{name: a, in: query, schema: {type: nothing}}]}", "not a JSON schema"),
        (NAMED % "{parameters: [3]}", "no `name`"), (NAMED % "{parameters: 3}", "not of OpenAPI's form"),
        ("a: &a [*a]\nopenapi: 3.1.0\npaths: {/a: *a}", "its anchors make more"),
        ("openapi: .nan", "JSON has not, 'nan'"),
        (NAMED % "[]", "no tool can be made"),
    ],
)  # fmt: skip
async def test_a_bad_document_stops_the_start(tmp_path, text, why):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadTool, match=f"openapi.x: .*bad.yaml.*{why}"):
        async with serving(tmp_path / "data", openapi={"x": {"document": str(path)}}):
            pass


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"operations": ["getPat"]}, "names 'getPat', which fits none; there are getPet"),
        ({"operations": ["upload"]}, "its body is multipart/form-data: only JSON"),
        ({"api_key_env": "NO_KEY"}, "api_key_env: the environment variable 'NO_KEY' is not set"),
        ({"headers_env": {"X-Key": "TORN"}}, "headers_env.X-Key: .*'TORN' holds what no header can"),
        ({"document": "none.yaml"}, "'none.yaml' cannot be used: No such file"),
    ],
)
async def test_a_bad_setting_stops_the_start(tmp_path, pets, monkeypatch, given, why):
    monkeypatch.setenv("TORN", "a\nb")
    async with web_server({}) as server:
        with pytest.raises(BadTool, match=f"openapi.pets: .*{why}"):
            async with serving(tmp_path / "data", openapi=pets(server, **given)):
                pass


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("x", {"document": "file:///etc/passwd"}), ("x", {"document": "a.yaml", "base_url": "ftp://a"}),
        ("x", {"document": "a.yaml", "base_url": "https://user@a"}), ("x", {}), ("a b", {"document": "a.yaml"}),
        ("x", {"document": "a.yaml", "api_key": "k"}), ("x", {"document": "a.yaml", "approve": "reads"}),
    ],
)  # fmt: skip
def test_settings_are_checked(name, given):
    with pytest.raises(BadSettings, match="openapi"):
        load_settings(openapi={name: given})


async def test_a_name_that_another_tool_has(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(NAMED % "{operationId: url}")
    with pytest.raises(BadDocument, match="called 'fetch_url', as another is"):
        async with serving(tmp_path / "data", openapi={"fetch": {"document": str(path)}}):
            pass


def test_names_fit_and_differ():
    taken = set()
    names = [tool_name("x", one, taken) for one in ("a" * 80, "a" * 90, "a b", "a_b", "a/b")]
    assert [len(name) for name in names] == [64, 64, 5, 7, 7]
    assert len(set(names)) == 5
    assert all(NAME.fullmatch(name) for name in names)
