"""HuggingGPT over HTTP and on the command line: registries, experts behind addresses, what is refused."""

import json

import pytest

from server.registries import read_registries
from server.settings import load_settings
from server.tool_settings import RegistryFile
from tests.server.command_line import CommandLine
from tests.server.conftest import events_of, serving
from tests.server.test_run_answers import resume
from tests.web_server import reply, web_server
from tools.errors import BadDocument

SECRET = "s3cret-value"
PLAN = [
    {"task": "arithmetic", "id": 0, "dep": [], "args": {"expression": "6 * 7"}},
    {"task": "shouting", "id": 1, "dep": [0], "args": {"text": "塔 <resource>-0"}},
    {"task": "text-to-video", "id": 2, "dep": [], "args": {"text": "a boy runs"}},
    {"task": "summarization", "id": 3, "dep": [2], "args": {"text": "<resource>-2"}},
]
LOUDER = {"task": "shouting", "id": 1, "args": {"text": "x"}}
SCRIPT = [
    {"match": "^Many", "told": "You plan", "text": json.dumps({"tasks": PLAN})},
    {"match": "^Sum", "told": "You plan", "text": json.dumps({"tasks": PLAN[:1]})},
    {"match": "^Louder", "told": "You plan", "text": json.dumps({"tasks": [LOUDER]})},
    {"told": "Carry out one task", "text": "in short"},
    {"match": "<tool_result", "text": "Here it is."},
]  # fmt: skip
REGISTRY = """
[[experts]]
id = "calculator"
tasks = ["arithmetic"]
tool = "calculator"

[[experts]]
id = "org/louder"
tasks = ["shouting"]

[[experts]]
id = "video"
tasks = ["text-to-video"]
url = "{own}/video"

[[experts]]
id = "summarizer"
tasks = ["summarization"]
backend = "{backend}"
"""


async def louder(head, writer):
    key = next((line for line in head.split("\r\n") if line.startswith("Authorization")), "no key")
    writer.write(reply(json.dumps({"text": f"塔! {key}"}), Content_Type="application/json"))


async def video(head, writer):
    assert SECRET not in head
    writer.write(reply("out of memory", "503 Busy", Content_Type="text/plain"))


@pytest.fixture
async def experts():
    async with web_server({"/models/org/louder": louder, "/video": video}) as server:
        yield server


@pytest.fixture
def settings(tmp_path, experts, monkeypatch):
    monkeypatch.setenv("MODELS_KEY", SECRET)
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
    backend, own = f"scripted:{tmp_path / 'script.json'}", f"http://127.0.0.1:{experts.port}"
    (tmp_path / "models.toml").write_text(REGISTRY.format(own=own, backend=backend), encoding="utf-8")
    registry = {
        "file": str(tmp_path / "models.toml"), "endpoint": f"{own}/models/{{id}}", "api_key_env": "MODELS_KEY",
    }  # fmt: skip
    return {"backend": backend, "registries": {"models": registry}}


async def ask(client, question, **options):
    body = {"model": "hugginggpt", "messages": [{"role": "user", "content": question}]}
    return await client.post("/v1/chat/completions", json={**body, "sandtable": {"options": options}})


async def test_experts_of_a_registry_are_called_and_failures_are_told_with_their_reasons(tmp_path, settings, experts):
    async with serving(tmp_path / "data", **settings) as client:
        answered = (await ask(client, "Many things, please", registry="models")).json()
        content = answered["choices"][0]["message"]["content"]
        assert content.startswith(
            "Here it is.\n\nWhat was done:\n- 0 arithmetic, calculator: 42\n- 1 shouting, org/louder: "
        )
        assert "- 2 text-to-video, video: failed: video answered 503: out of memory" in content
        assert "- 3 summarization, summarizer: not begun, because task 2 failed" in content
        run_id = answered["sandtable"]["run_id"]
        events = (await events_of(client, run_id))["data"]
        kinds = [event["type"] for event in events if event["type"].startswith("task_")]
        assert sorted(kinds) == ["task_failed"] * 2 + ["task_finished"] * 2 + ["task_started"] * 3
        assert SECRET not in json.dumps(events)
        assert "[secret]" in content
        assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]
        sent = next(head for head in experts.heads if "/models/org/louder" in head)
        assert sent.startswith("POST /models/org/louder")
        assert f"Bearer {SECRET}" in sent


async def test_an_address_of_a_request_is_held_to_the_rules_of_the_web_and_gets_no_key(tmp_path, settings, experts):
    inline = {"id": "org/louder", "tasks": ["shouting"], "url": f"http://127.0.0.1:{experts.port}/models/org/louder"}
    async with serving(tmp_path / "data", **settings) as client:
        content = (await ask(client, "Louder", experts=[inline], registry="models")).json()["choices"][0]["message"]
        assert "org/louder: failed: " in content["content"]
        assert experts.heads == []
    rules = {"networks": ["127.0.0.0/8"], "ports": [experts.port]}
    async with serving(tmp_path / "data", **settings, fetch=rules) as client:
        content = (await ask(client, "Louder", experts=[inline], registry="models")).json()["choices"][0]["message"]
        assert '"塔! no key"' in content["content"]


async def test_a_person_agrees_to_a_call_of_an_address(tmp_path, settings, experts):
    registry = {**settings["registries"]["models"], "approve": True}
    async with serving(tmp_path / "data", **{**settings, "registries": {"models": registry}}) as client:
        waits = await ask(client, "Louder", registry="models")
        assert waits.status_code == 409, waits.text
        about = waits.json()["error"]["sandtable"]
        assert about["questions"][0]["value"]["details"]["arguments"] == {"text": "x"}
        assert experts.heads == []
        done = await resume(client, about["run_id"], answer=True)
        assert "1 shouting, org/louder: " in done["answer"]
        assert len(experts.heads) == 1


@pytest.mark.parametrize(
    ("options", "param", "said"),
    [
        ({"registry": "nosuch"}, "registry", "the setting 'registries' has models"),
        ({"registry": "../models.toml"}, "registry", "No registry"),
        ({"experts": [{"id": "a", "tasks": ["t"], "backend": "nosuch:x"}]}, None, "nosuch"),
        ({"experts": [{"id": "a", "tasks": ["t"], "tool": "nosuch"}]}, "experts", "there is no tool 'nosuch'"),
        ({"experts": [{"id": "a", "tasks": ["t"], "file": "/etc"}]}, "experts.0.file", "Unknown parameter"),
        ({"width": 0}, "width", "greater"),
    ],
)
async def test_what_cannot_be_called_is_refused_before_the_run(tmp_path, settings, options, param, said):
    async with serving(tmp_path / "data", **settings) as client:
        answered = await ask(client, "?", **options)
        error = answered.json()["error"]
        assert answered.status_code in (400, 404), error
        assert said in error["message"]
        assert param is None or error["param"] == f"sandtable.options.{param}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": "nosuch.toml"}, r"registries.models: .nosuch.toml."),
        ({"api_key_env": "NOSUCH_KEY"}, r"registries.models: .*NOSUCH_KEY"),
    ],
)
def test_a_registry_that_cannot_be_used_keeps_the_service_from_starting(settings, given, said):
    registry = RegistryFile.model_validate({**settings["registries"]["models"], **given})
    with pytest.raises(BadDocument, match=said):
        read_registries({"models": registry}, {})


def test_settings_of_a_registry_are_held_to_their_form(tmp_path):
    from server.settings import BadSettings

    for part in ("endpoint = 'ftp://x'", "colour = 'red'", "endpoint = 'https://user@host/{id}'"):
        config = tmp_path / "sandtable.toml"
        config.write_text(f"[registries.models]\nfile = 'm.toml'\n{part}\n", encoding="utf-8")
        with pytest.raises(BadSettings, match=r"registries\.models"):
            load_settings(config)


def test_the_command_line_shows_tasks_and_answer(tmp_path, settings, capsys):
    sandtable = CommandLine(capsys)
    backend = settings["backend"]
    told = sandtable.fine("ask", "Sum it up", "-p", "hugginggpt", "-b", backend, "--data-dir", tmp_path / "data")
    assert "- 0 arithmetic, calculator: 42" in told.out
