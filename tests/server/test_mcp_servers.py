"""Tools of MCP servers: real servers of the official SDK over stdio and HTTP, used by a run, and what they do wrong."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
import uvicorn

from server.settings import BadSettings, load_settings
from tests.e2e.live import server
from tests.server.conftest import events_of, serving
from tests.server.mcp_shop import shop
from tests.server.test_run_answers import asked, resume
from tools.errors import BadDocument

ROOT = Path(__file__).resolve().parents[2]


def stdio(**given):
    command = [sys.executable, "-m", "tests.server.mcp_shop"]
    return {"shop": {"command": command, "folder": str(ROOT), "seconds": 20, **given}}


@contextlib.asynccontextmanager
async def over_http(**given):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = uvicorn.Server(uvicorn.Config(shop().streamable_http_app(), port=port, log_level="error"))
    served.install_signal_handlers = lambda: None
    running = asyncio.create_task(served.serve())
    try:
        while not served.started:
            await asyncio.sleep(0.05)
        yield {"shop": {"url": f"http://127.0.0.1:{port}/mcp", "seconds": 20, **given}}
    finally:
        served.should_exit = served.force_exit = True
        await running


@contextlib.asynccontextmanager
async def over_stdio(**given):
    yield stdio(**given)


async def called(client, name, **arguments):
    answer = (await client.post(f"/v1/tools/{name}/call", json={"arguments": arguments})).json()
    return answer["fault"], answer["output"]


async def there(client, name="shop_price"):
    async with asyncio.timeout(20):
        while name not in {tool["name"] for tool in (await client.get("/v1/tools")).json()["data"]}:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("reached", [over_stdio, over_http])
async def test_a_run_uses_the_tools_of_a_server(tmp_path, reached):
    script = tmp_path / "script.json"
    calls = [
        {"name": "shop_price", "arguments": {"item": "灯塔", "count": 2}, "id": "c1"},
        {"name": "shop_refuse", "arguments": {"why": "sold out"}, "id": "c2"},
        {"name": "shop_price", "arguments": {"count": "many"}, "id": "c3"},
    ]
    script.write_text(json.dumps([{"results": 0, "tool_calls": calls}, {"results": 3, "text": "Six euros."}]))
    async with (
        reached() as servers,
        serving(tmp_path / "data", backend=f"scripted:{script}", mcp_servers=servers) as client,
    ):
        await there(client)
        listed = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["data"]}
        price, order = listed["shop_price"], listed["shop_order"]
        assert "多少钱" in price["description"]
        assert list(price["parameters"]["properties"]) == ["item", "count"]
        assert (price["read_only"], price["needs_approval"]) == (True, False)
        assert (order["read_only"], order["needs_approval"]) == (False, True)
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "What do two cost?"}]}
        reply = (await client.post("/v1/chat/completions", json=body)).json()
        assert reply["choices"][0]["message"]["content"] == "Six euros."
        events = (await events_of(client, reply["sandtable"]["run_id"]))["data"]
        done = {event["call"]["id"]: event for event in events if event["type"] == "tool_called"}
        assert (done["c1"]["fault"], done["c1"]["output"]) == (None, "2 灯塔: 6 euros")
        assert (done["c2"]["fault"], "sold out" in done["c2"]["output"]) == ("refused", True)
        assert done["c3"]["fault"] == "bad_arguments"


@pytest.mark.slow
async def test_a_call_that_changes_something_waits_for_a_person(tmp_path):
    script = tmp_path / "script.json"
    call = {"name": "shop_order", "arguments": {"item": "lamp"}, "id": "c1"}
    script.write_text(json.dumps([{"results": 0, "tool_calls": [call]}, {"results": 1, "text": "Done."}]))
    async with serving(tmp_path / "data", backend=f"scripted:{script}", mcp_servers=stdio()) as client:
        await there(client)
        about = await asked(client)
        done = await resume(client, about["run_id"], answer=True)
        assert (done["status"], done["answer"]) == ("success", "Done.")
        events = (await events_of(client, done["id"]))["data"]
        assert [event["output"] for event in events if event["type"] == "tool_called"] == ["ordered lamp"]


@pytest.mark.slow
async def test_react_acts_by_the_tools_of_a_server(tmp_path):
    script = tmp_path / "script.json"
    acts = [
        "Thought: I look it up.\nAction: shop_price[灯塔]",
        "Thought: That is it.\nAction: Finish[3 euros]",
    ]
    script.write_text(json.dumps([{"text": act} for act in acts]))
    async with serving(tmp_path / "data", backend=f"scripted:{script}", mcp_servers=stdio()) as client:
        await there(client)
        options = {"environment": "tools", "tools": ["shop_price"]}
        question = [{"role": "user", "content": "What does one cost?"}]
        body = {"model": "react", "messages": question, "sandtable": {"options": options}}
        reply = (await client.post("/v1/chat/completions", json=body)).json()
        events = (await events_of(client, reply["sandtable"]["run_id"]))["data"]
        assert [event["output"] for event in events if event["type"] == "tool_called"] == ["1 灯塔: 3 euros"]
        assert "3 euros" in reply["choices"][0]["message"]["content"]


@pytest.mark.slow
async def test_a_program_sees_only_what_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "k3y")
    monkeypatch.setenv("OTHER_KEY", "secret")
    given = stdio(env={"CITY": "塔"}, env_from=["SHOP_KEY"])
    async with serving(tmp_path / "data", mcp_servers=given) as client:
        await there(client)
        fault, told = await called(client, "shop_environment")
        names = {entry.partition("=")[0] for entry in told.split()} - {"LC_CTYPE", "PWD", "SHLVL", "_"}
        assert (fault, names) == (None, {"CITY", "PATH", "SHOP_KEY"})
        assert "CITY=塔 " in told
        assert "SHOP_KEY=[secret]" in told


WRONG = {
    "shop_die": "it ended with status 3: no more",
    "shop_garbage": "no message of the protocol",
    "shop_stray": "lines that are no messages",
    "shop_long": "a line of more than",
    "shop_flood": "messages within 10 seconds",
}


@pytest.mark.parametrize("tool", [pytest.param(name, marks=pytest.mark.slow) for name in WRONG])
async def test_what_a_server_does_wrong_is_told_and_it_is_started_again(tmp_path, tool):
    async with serving(tmp_path / "data", mcp_servers=stdio()) as client:
        await there(client, tool)
        fault, told = await called(client, tool)
        assert (fault, "shop" in told) == ("refused", True), told
        async with asyncio.timeout(5):
            while WRONG[tool] not in told:
                fault, told = await called(client, "shop_price", item="lamp")
                assert fault == "refused", told
        async with asyncio.timeout(30):
            while (await called(client, "shop_price", item="lamp")) != (None, "1 lamp: 3 euros"):
                await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("reached", [over_stdio, over_http])
async def test_one_that_hangs_costs_one_call_its_time(tmp_path, reached):
    async with reached(seconds=4) as servers, serving(tmp_path / "data", mcp_servers=servers) as client:
        await there(client)
        hanging = asyncio.create_task(called(client, "shop_hang"))
        assert await called(client, "shop_price", item="lamp") == (None, "1 lamp: 3 euros")
        fault, told = await hanging
        assert (fault, "did not answer" in told) == ("refused", True), told
        assert await called(client, "shop_price", item="lamp") == (None, "1 lamp: 3 euros")
        fault, told = await called(client, "shop_large", characters=100_000)
        assert (fault, "first 20,000 of 100,000" in told) == (None, True)


@pytest.mark.slow
@pytest.mark.parametrize("reached", [over_stdio, over_http])
async def test_a_run_goes_on_when_its_server_does_not(tmp_path, reached):
    script = tmp_path / "script.json"
    wrong = {"name": "shop_die" if reached is over_stdio else "shop_endless", "arguments": {}, "id": "c1"}
    script.write_text(json.dumps([{"results": 0, "tool_calls": [wrong]}, {"results": 1, "text": "Then without."}]))
    async with (
        reached() as servers,
        serving(tmp_path / "data", backend=f"scripted:{script}", mcp_servers=servers) as client,
    ):
        await there(client)
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "What do two cost?"}]}
        reply = (await client.post("/v1/chat/completions", json=body)).json()
        assert reply["choices"][0]["message"]["content"] == "Then without."
        events = (await events_of(client, reply["sandtable"]["run_id"]))["data"]
        (done,) = [event for event in events if event["type"] == "tool_called"]
        assert (done["fault"], "MCP server 'shop'" in done["output"]) == ("refused", True)


@pytest.mark.slow
async def test_tools_that_come_later_and_servers_that_do(tmp_path):
    late = tmp_path / "late.sh"
    servers = {**stdio(), "late": {"command": [str(late)], "folder": str(ROOT), "seconds": 20}}
    async with serving(tmp_path / "data", mcp_servers=servers) as client:
        await there(client)
        assert await called(client, "shop_more") == (None, "there is more")
        await there(client, "shop_later")
        assert await called(client, "shop_later") == (None, "late, but here")
        late.write_text(f"#!/bin/sh\nexec {sys.executable} -m tests.server.mcp_shop\n")
        late.chmod(0o700)
        await there(client, "late_price")


@pytest.mark.slow
async def test_keys_are_told_to_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "k3y-7731")
    async with serving(tmp_path / "data", mcp_servers=stdio(env_from=["SHOP_KEY"])) as client:
        await there(client)
        for told in [await called(client, "shop_environment"), await called(client, "shop_refuse", why="k3y-7731")]:
            assert ("k3y-7731" in told[1], "[secret]" in told[1]) == (False, True), told


async def test_a_server_that_is_not_there_holds_nothing_up(tmp_path):
    nowhere = {"gone": {"url": "http://127.0.0.1:9/mcp"}, "none": {"command": ["/nowhere/mcp"]}}
    began = time.monotonic()
    async with serving(tmp_path / "data", mcp_servers=nowhere) as client:
        assert time.monotonic() - began < 10
        assert (await client.get("/healthz")).status_code == 200
        names = {tool["name"] for tool in (await client.get("/v1/tools")).json()["data"]}
        assert not [name for name in names if name.startswith(("gone", "none"))]


@pytest.mark.slow
async def test_no_process_is_left_behind(tmp_path):
    def running():
        return [
            path.parent.name
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"tests.server.mcp_shop" in _read(path) and f"/{os.getpid()}/" in f"/{_parent(path)}/"
        ]

    async with serving(tmp_path / "data", mcp_servers=stdio()) as client:
        await there(client)
        assert len(running()) == 1
    assert running() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a program is tied to the service by a system call of Linux")
def test_kill_9_of_the_service_ends_its_programs(tmp_path):
    def program():
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]

    mark = str(tmp_path / "mark").encode()
    shop = {"command": [sys.executable, "-m", "tests.server.mcp_shop", mark.decode()], "folder": str(ROOT)}
    with server(tmp_path / "data", SANDTABLE_MCP_SERVERS=json.dumps({"shop": shop})) as running:
        assert len(program()) == 1
        os.kill(running.process.pid, signal.SIGKILL)  # Of the service alone: what it started is not told.
        assert running.stop() == -signal.SIGKILL
        until = time.monotonic() + 20
        while program() and time.monotonic() < until:
            time.sleep(0.1)
        assert program() == []


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _parent(path):
    try:
        return (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "either command or url"),
        ({"command": ["x"], "url": "http://a/mcp"}, "either command or url"),
        ({"command": ["x"], "api_key_env": "KEY"}, "belong to a url"),
        ({"url": "ftp://a"}, "address of the server"),
        ({"url": "http://a/mcp", "env": {"A": "b"}}, "belong to a command"),
        ({"command": ["x"], "shell": True}, "shell"),
    ],
)
def test_settings_that_say_nothing_clear_are_refused(given, why):
    with pytest.raises(BadSettings, match=why):
        load_settings(mcp_servers={"shop": given})


async def test_a_key_that_is_not_set_is_named(tmp_path):
    with pytest.raises(BadDocument, match=r"mcp_servers\.shop: .*'NO_SUCH_KEY' is not set"):
        async with serving(tmp_path / "data", mcp_servers=stdio(env_from=["NO_SUCH_KEY"])):
            raise AssertionError("it started")
