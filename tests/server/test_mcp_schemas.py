"""Schemas of MCP servers that would hold the service up, or say nothing."""

import asyncio
import json
import logging
import re
import sys

import pytest

from tests.backends.test_schema_processes import NESTED, branching
from tests.conftest import ROOT
from tests.server.conftest import serving
from tests.server.test_mcp_servers import called, there

RAW = str(ROOT / "tests" / "server" / "raw_mcp.py")
PLAIN = {"type": "object", "properties": {"x": {"type": "string"}}}


def raw(**tools):
    listed = [
        {"name": name, "inputSchema": schema, "annotations": {"readOnlyHint": True}} for name, schema in tools.items()
    ]
    return {"raw": {"command": [sys.executable, RAW, json.dumps(listed)], "seconds": 20}}


@pytest.mark.slow
async def test_a_tool_with_too_long_a_schema_is_left_out(tmp_path, caplog):
    large = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(3000)}}
    with caplog.at_level(logging.WARNING):
        async with serving(tmp_path / "data", mcp_servers=raw(large=large, go=PLAIN)) as client:
            await there(client, "raw_go")
            assert await called(client, "raw_go", x="hi") == (None, '{"x": "hi"}')
            names = {tool["name"] for tool in (await client.get("/v1/tools")).json()["data"]}
            assert "raw_large" not in names
    assert "no tool was made of 'large': the schema of its arguments has" in caplog.text


@pytest.mark.parametrize(
    ("tools", "why"),
    [
        ({"go": {"type": "array"}}, r"the MCP server 'raw': its list of tools cannot be read: .*"),
        pytest.param(
            {"go": {"$ref": "#/$defs/d0", **branching(40)}},
            r"the MCP server 'raw': it lists a tool that cannot be used: checking a value .* 2 seconds of computing.*",
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_why_a_list_is_refused(tmp_path, caplog, tools, why):
    with caplog.at_level(logging.WARNING):
        async with serving(tmp_path / "data", mcp_servers=raw(**tools)), asyncio.timeout(60):
            while not (told := [line for line in caplog.messages if "MCP server 'raw'" in line]):
                await asyncio.sleep(0.05)
    assert re.match(why, told[0])


@pytest.mark.slow
async def test_a_call_that_cannot_be_checked_holds_nobody_up(tmp_path):
    async with serving(tmp_path / "data", mcp_servers=raw(branches=branching(40), nested=NESTED)) as client:
        await there(client, "raw_nested")
        for name, x in (("raw_branches", 5), ("raw_nested", "a" * 60 + "!")):
            call = asyncio.create_task(called(client, name, x=x))
            answered = 0
            while not call.done():
                assert (await client.get("/v1/models")).status_code == 200
                answered += 1
            fault, output = await call
            assert (fault, "2 seconds of computing" in output) == ("bad_arguments", True), output
            assert answered > 1
        assert await called(client, "raw_nested", x="aaa") == (None, '{"x": "aaa"}')
