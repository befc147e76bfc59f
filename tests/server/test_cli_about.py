"""`pipelines` and `doctor`: what there is, and what is missing."""

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest

from server.cli.option_types import type_of
from tests.embedding_server import embedding_server, refusal
from tests.fake_upstream import Canned, FakeUpstream, stream_of
from tests.server.command_line import CommandLine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(capsys)


def checks(result):
    return {check["name"]: check for check in result.json["checks"]}


def test_pipelines_lists_options_with_types_and_defaults(sandtable):
    listed = {one["name"]: one for one in sandtable.fine("pipelines", "--json").json["pipelines"]}
    assert listed["rag"]["needs_collection"]
    assert not listed["chat"]["needs_collection"]
    assert listed["rag"]["options"]["properties"]["k"]["default"] == 5
    assert all("description" not in one["options"] for one in listed.values())
    shown = sandtable.fine("pipelines").out
    assert "-o k=5  integer, 1 to 50." in shown
    assert listed["rag"]["source"].split(",")[0] in shown


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 50}, "integer, 1 to 50"),
        ({"type": "number", "exclusiveMinimum": 0}, "number from 0"),
        ({"type": "number", "maximum": 2}, "number up to 2"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["question", "conversation"]}, "question or conversation"),
        ({"const": "vote"}, "vote"),
        ({}, "any"),
    ],
)
def test_a_type_in_words(schema, words):
    assert type_of(schema) == words


def test_a_sound_machine_passes(sandtable, tmp_path):
    result = sandtable.fine("doctor", "--prepare", "--json")
    assert result.json["ok"]
    found = checks(result)
    assert {"python", "packages", "data directory", "access", "embedder", "backend"} <= found.keys()
    assert found["backend"]["detail"].startswith("extractive")
    assert "graph" in found["embedder"]["detail"]
    assert not (tmp_path / ".sandtable").exists()


def test_keys_are_named_and_never_shown(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_BACKEND", "auto")
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-very-secret")
    monkeypatch.setenv("SANDTABLE_API_KEY", "own-secret")
    for flags in (["--json"], []):
        result = sandtable.fine("doctor", *flags)
        assert "DEEPSEEK_API_KEY" in result.out
        assert "deepseek:deepseek-chat" in result.out
        assert "secret" not in result.out + result.err


def test_what_is_missing_fails_with_a_way_out(sandtable, tmp_path, monkeypatch):
    monkeypatch.setenv("SANDTABLE_HOST", "0.0.0.0")
    monkeypatch.setenv("SANDTABLE_BACKEND", "openai:some-model")
    monkeypatch.setenv("SANDTABLE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "file").write_text("")
    result = sandtable("doctor", "--data-dir", "file/inside", "--json")
    assert result.code == 1
    found = checks(result)
    failing = {name for name, check in found.items() if check["status"] == "fail"}
    assert failing == {"access", "backend", "data directory"}
    assert all(check["way_out"] for check in found.values() if check["status"] != "ok")
    assert found["embedder"]["status"] == "warn"
    assert "OPENAI_API_KEY" in found["backend"]["detail"]
    lines = sandtable("doctor", "--data-dir", "file/inside").out.splitlines()
    assert sum(line.startswith("fail") for line in lines) == 3


def test_settings_that_cannot_be_read_end_it(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_PORT", "many")
    result = sandtable("doctor", "--json")
    assert result.code == 1
    assert "port" in json.loads(result.out)["error"]["message"]


class OneModel:
    """A model server in a thread of its own; its model says 'Hello.' to everything."""

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._upstream = FakeUpstream({"m": Canned(stream_of("Hello."))})
        return asyncio.run_coroutine_threadsafe(self._upstream.start(), self._loop).result()

    def __exit__(self, *problem):
        asyncio.run_coroutine_threadsafe(self._upstream.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def test_doctor_tries_out_what_a_profile_leaves_open(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_BACKEND", "mine:m")
    with OneModel() as url:
        monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__BASE_URL", url)
        monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__FLAGS", '{"logprobs": true}')
        found = checks(sandtable.fine("doctor", "--json"))["capabilities"]
    assert found["status"] == "ok"
    tools, schema, logprobs, scoring, images = found["detail"].split("; ")
    assert tools.startswith("tools no: it took the tool and did not call it")
    assert schema.startswith("json_schema no: it passed over")
    assert scoring.startswith("scoring no: prompt_logprobs: ")
    assert (logprobs, images) == ("logprobs yes", "images no")


def test_doctor_warns_of_a_server_that_cannot_be_asked(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_BACKEND", "mine:m")
    monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__BASE_URL", "http://127.0.0.1:1/v1")
    found = checks(sandtable.fine("doctor", "--json"))["capabilities"]
    assert found["status"] == "warn"
    assert "127.0.0.1:1" in found["detail"]


@pytest.mark.slow
def test_doctor_asks_mcp_servers_for_their_tools(sandtable, monkeypatch):
    shop = {"command": [sys.executable, "-m", "tests.server.mcp_shop"], "folder": str(ROOT)}
    gone = {"url": "http://127.0.0.1:9/mcp"}
    monkeypatch.setenv("SANDTABLE_MCP_SERVERS", json.dumps({"shop": shop, "gone": gone}))
    found = checks(sandtable.fine("doctor", "--json"))
    assert found["mcp shop"]["status"] == "ok"
    assert "tools" in found["mcp shop"]["detail"]
    assert found["mcp gone"]["status"] == "warn"
    monkeypatch.setenv("SANDTABLE_MCP_SERVERS", json.dumps({"shop": {**shop, "env_from": ["NO_SUCH_KEY"]}}))
    result = sandtable("doctor", "--json")
    assert (result.code, checks(result)["mcp servers"]["status"]) == (1, "fail")
    assert "'NO_SUCH_KEY' is not set" in checks(result)["mcp servers"]["detail"]


def test_doctor_asks_an_embedder_behind_http(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_EMBEDDER", "mine:words")
    with embedding_server() as server:
        monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__BASE_URL", server.url)
        monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__RETRIES", "0")
        found = checks(sandtable.fine("doctor", "--json"))["embedder"]
        assert found["detail"] == "'mine:words': answers, 32 dimensions"
        server.answers = [refusal("no model 'words'")]
        result = sandtable("doctor", "--json")
    assert (result.code, checks(result)["embedder"]["status"]) == (1, "fail")
    assert "no model 'words'" in checks(result)["embedder"]["detail"]
