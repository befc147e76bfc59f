"""Tools over HTTP, and tools of the user's own."""

import pytest

from tests.server.conftest import make_store, put, serving, upload
from tests.web_server import reply, web_server
from tools import catalog
from tools.errors import BadTool
from tools.toolbox import Toolbox

OWN = '''
from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tools.base import Context, tool
from tools.errors import ToolError


@tool
def greet(name: Annotated[str, Field(description="Who is there.")], context: Context) -> str:
    """Greet somebody."""
    if not context.key:
        raise ToolError("no key")
    return f"你好, {name}"


@tool(name="calculator")
def other() -> str:
    """Take a name that is taken."""
    return ""


def plain() -> str:
    """Be a function."""
    return ""
'''


async def call(client, name, **body):
    return await client.post(f"/v1/tools/{name}/call", json=body)


async def test_tools_are_listed_with_their_schemas(client):
    data = (await client.get("/v1/tools")).json()["data"]
    assert [tool["name"] for tool in data] == list(catalog.TOOLS)
    assert data[0]["parameters"]["required"] == ["expression"]
    assert [tool["name"] for tool in data if tool["needs_collection"]] == ["search", "wikipedia"]


@pytest.mark.parametrize("arguments", ['{"expression": "0.1+0.2"}', {"expression": "0.1+0.2"}])
async def test_a_call_says_what_a_model_would_be_told(client, arguments):
    reply = (await call(client, "calculator", arguments=arguments)).json()
    assert reply.pop("seconds") >= 0
    assert reply == {
        "object": "tool.call",
        "tool": "calculator",
        "output": "0.3",
        "fault": None,
        "hits": [],
        "artifacts": [],
    }


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [('{"expression": 1}', "bad_arguments"), ("{", "bad_arguments"), ({"expression": "1/0"}, "refused")],
)
async def test_a_fault_is_an_answer_too(client, arguments, fault):
    reply = await call(client, "calculator", arguments=arguments)
    assert (reply.status_code, reply.json()["fault"]) == (200, fault)


async def test_search_in_a_collection(client):
    store = await make_store(client, "notes")
    file_id, _ = await put(client, store, "fox.md", "The red fox lives in Graz.")
    reply = (await call(client, "search", arguments={"query": "fox"}, collection="notes", k=1)).json()
    assert reply["fault"] is None
    assert "fox.md, characters 0 to 26:\nThe red fox lives in Graz." in reply["output"]
    assert [hit["file_id"] for hit in reply["hits"]] == [file_id]


async def refused(client, name, **body):
    reply = await call(client, name, **body)
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["param"]


async def test_wrong_requests_are_named(client):
    assert await refused(client, "calculater") == (404, "tool_not_found", "name")
    assert await refused(client, "search", arguments={"query": "x"}) == (400, "collection_required", "collection")
    assert await refused(client, "search", collection="none") == (404, "collection_not_found", "collection")
    assert await refused(client, "calculator", argument="{}") == (400, "unknown_parameter", "argument")
    assert await refused(client, "calculator", k=0) == (400, "invalid_value", "k")


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own_tools.py"
    path.write_text(OWN)
    return path


async def test_tools_of_the_user(tmp_path, own):
    async with serving(tmp_path / "data", tools=(f"{own}:greet",)) as client:
        assert [tool["name"] for tool in (await client.get("/v1/tools")).json()["data"]][-1] == "greet"
        assert (await call(client, "greet", arguments={"name": "小红"})).json()["output"] == "你好, 小红"


@pytest.mark.parametrize(
    ("attribute", "why"),
    [("other", "called 'calculator', as another tool is"), ("plain", "is not a tool"), ("nothing", "is not a tool")],
)
def test_what_is_no_tool_stops_the_start(own, attribute, why):
    with pytest.raises(BadTool, match=why):
        Toolbox([f"{own}:{attribute}"])


def test_a_file_that_does_not_run(own):
    own.write_text("raise RuntimeError('not today')")
    with pytest.raises(BadTool, match="cannot be imported: RuntimeError: not today"):
        Toolbox([f"{own}:greet"])
    with pytest.raises(BadTool, match=r"there is no file '.*none.py'"):
        Toolbox([f"{own.parent}/none.py:greet"])


def test_a_toolbox_is_a_mapping(own):
    toolbox = Toolbox([f"{own}:greet"])
    assert list(toolbox) == [*catalog.TOOLS, "greet"]
    assert len(toolbox) == len(catalog.TOOLS) + 1
    assert toolbox["greet"].name == "greet"
    assert "calculater" not in toolbox


async def test_the_web_is_fetched_within_the_rules(tmp_path):
    page = reply("<p>铁塔高三百三十米。</p>".encode("gb18030"), Content_Type="text/html; charset=gbk")
    async with web_server({"/": page}) as site:
        url = f"http://127.0.0.1:{site.port}/"
        async with serving(tmp_path / "closed", fetch={"ports": [site.port]}) as client:
            told = (await call(client, "fetch_url", arguments={"url": url})).json()
            assert told["fault"] == "refused"
            assert "not on the public internet" in told["output"]
        assert site.heads == []
        async with serving(tmp_path / "open", fetch={"ports": [site.port], "networks": ["127.0.0.0/8"]}) as client:
            assert "铁塔高三百三十米。" in (await call(client, "fetch_url", arguments={"url": url})).json()["output"]


async def test_a_service_may_make_tools_ask(tmp_path):
    async with serving(tmp_path / "data", approve_tools=("fetch*", "calculator")) as client:
        data = (await client.get("/v1/tools")).json()["data"]
        assert [tool["name"] for tool in data if tool["needs_approval"]] == ["calculator", "fetch_url"]
    with pytest.raises(BadTool, match="'fetsh', which is to ask a person, names no tool"):
        Toolbox(asking=["fetsh"])
    with pytest.raises(BadTool, match="'fetsh', which is to ask a person, names no tool"):
        async with serving(tmp_path / "other", approve_tools=("fetsh",)):
            raise AssertionError("it started")


async def test_tables_are_asked_by_their_owner_only(tmp_path):
    keys = ({"key": "a-key", "tenant": "a"}, {"key": "b-key", "tenant": "b"})
    async with serving(tmp_path / "data", keys=keys) as client:
        client.headers["Authorization"] = "Bearer a-key"
        mine = await upload(client, "销量.csv", "城市,销量\n柏林,3\n巴黎,4\n")
        asked = {"query": "SELECT sum(销量) FROM 销量"}
        for name in (mine, "销量.csv"):
            assert "| 7 |" in (await call(client, "sql", arguments={"files": [name], **asked})).json()["output"]
        again = await upload(client, "销量.csv", "城市,销量\n柏林,5\n")
        output = (await call(client, "sql", arguments={"files": ["销量.csv"], **asked})).json()["output"]
        assert f"2 files are called '销量.csv': name one by its id, newest first: {again}, {mine}" in output
        client.headers["Authorization"] = "Bearer b-key"
        for name in (mine, "销量.csv"):
            output = (await call(client, "sql", arguments={"files": [name], **asked})).json()["output"]
            assert output == f"there is no uploaded file {name!r}"
        assert "no uploaded tables" in (await call(client, "sql")).json()["output"]
