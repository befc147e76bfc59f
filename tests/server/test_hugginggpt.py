"""HuggingGPT over HTTP and on the command line: registries, experts behind addresses, what is refused."""

import json
from base64 import b64encode

import pytest

from agents.task_experts.hugging_face import result_of
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


async def test_a_picture_is_kept_as_a_file_and_sent_to_the_next_expert(tmp_path, settings, experts):
    picture, bodies = b"\x89PNG\r\n\x1a\n" + bytes(40), []

    async def caption(head, writer):
        bodies.append(head)
        writer.write(reply('{"caption": "a tower"}', Content_Type="application/json"))

    experts.answers |= {"/models/draw": reply(picture, Content_Type="image/png"), "/models/tell": caption}
    (tmp_path / "models.json").write_text(
        json.dumps([{"id": "draw", "tasks": ["text-to-image"]}, {"id": "tell", "tasks": ["image-to-text"]}])
    )
    registry = {**settings["registries"]["models"], "file": str(tmp_path / "models.json")}
    plan = [
        {"task": "text-to-image", "id": 0, "args": {"text": "a tower"}},
        {"task": "image-to-text", "id": 1, "args": {"image": "<resource>-0"}},
    ]
    script = [{"told": "You plan", "text": json.dumps(plan)}, {"match": "<tool_result", "text": "Drawn."}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    async with serving(tmp_path / "data", **{**settings, "registries": {"models": registry}}) as client:
        answered = (await ask(client, "Draw a tower", registry="models")).json()
        (made,) = answered["sandtable"]["artifacts"]
        assert (made["filename"], made["media_type"], made["bytes"]) == ("draw.png", "image/png", len(picture))
        assert (await client.get(f"/v1/files/{made['file_id']}/content")).content == picture
        assert f"- 0 text-to-image, draw: {made['file_id']}" in answered["choices"][0]["message"]["content"]
        assert '"caption": "a tower"' in answered["choices"][0]["message"]["content"]
        length = next(line for line in bodies[0].split("\r\n") if line.lower().startswith("content-length"))
        assert int(length.partition(":")[2]) == len(json.dumps({"inputs": b64encode(picture).decode()}))
        run_id = answered["sandtable"]["run_id"]
        assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]


async def test_the_text_of_a_hugging_face_server_goes_on_without_its_json(tmp_path, settings, experts):
    bodies = []

    async def generate(head, writer):
        bodies.append(head)
        writer.write(reply('[{"generated_text": "OUT(塔)"}]', Content_Type="application/json"))

    experts.answers["/models/gpt2"] = generate
    listed = [{"id": "gpt2", "tasks": ["text-generation"], "body": "inputs"}]
    (tmp_path / "models.json").write_text(json.dumps(listed))
    registry = {**settings["registries"]["models"], "file": str(tmp_path / "models.json")}
    texts = ("a", "b <resource>-0")
    plan = [{"task": "text-generation", "id": n, "args": {"text": text}} for n, text in enumerate(texts)]
    script = [{"told": "You plan", "text": json.dumps(plan)}, {"match": "<tool_result", "text": "Written."}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    async with serving(tmp_path / "data", **{**settings, "registries": {"models": registry}}) as client:
        answered = (await ask(client, "Write", registry="models")).json()
        assert "- 0 text-generation, gpt2: OUT(塔)\n" in answered["choices"][0]["message"]["content"]
        events = (await events_of(client, answered["sandtable"]["run_id"]))["data"]
    begun = [json.loads(event["args"]) for event in events if event["type"] == "task_started"]
    assert begun == [{"text": "a"}, {"text": "b OUT(塔)"}]
    length = next(line for line in bodies[1].split("\r\n") if line.lower().startswith("content-length"))
    assert int(length.partition(":")[2]) == len(json.dumps({"inputs": "b OUT(塔)"}, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ('[{"summary_text": "short"}]', "short"),
        ('{"translation_text": "Turm"}', "Turm"),
        ('{"answer": "330 m", "score": 0.9, "start": 4, "end": 9}', "330 m"),
        ('{"text": "你好", "chunks": []}', "你好"),
        ('{"generated_text": "a", "details": {"seed": 1}}', "a"),
        ('[{"generated_text": "a"}, {"generated_text": "b"}]', None),
        ('{"text": "a", "label": "b"}', None),
        ('[{"label": "cat", "score": 0.9}]', None),
        ('{"generated_text": ["a"]}', None),
        ('{"answer": 3}', None),
        ('[[{"generated_text": "a"}]]', None),
        ('"short"', None),
        ("[]", None),
        ("plain", None),
        ("[" * 3000, None),
    ],
)
def test_one_text_is_taken_out_of_its_json_and_all_else_stays(said, result):
    assert result_of(said) == (said if result is None else result)


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


async def test_a_pipeline_asks_a_person_and_what_was_done_before_is_not_done_again(tmp_path, settings, experts):
    plan = [
        {"task": "shouting", "id": 0, "args": {"text": "x"}},
        {"task": "calling", "id": 1, "args": {"text": "2+3?"}},
        {"task": "arithmetic", "id": 2, "args": {"expression": "<resource>-1 + 1"}},
        {"task": "shouting", "id": 3, "dep": [1], "args": {"text": "y"}},
    ]
    script = [
        {"told": "You plan", "text": json.dumps(plan)},
        {"match": "^2", "results": 0, "tool_calls": [{"name": "calculator", "arguments": {"expression": "2+3"}}]},
        {"match": "^2", "results": 1, "text": "5"},
        {"match": "<tool_result", "text": "Called."},
    ]
    (tmp_path / "script.json").write_text(json.dumps(script))
    caller = {"id": "caller", "tasks": ["calling"], "pipeline": "function_calling", "options": {"approve": "all"}}
    async with serving(tmp_path / "data", **settings) as client:
        waits = (await ask(client, "Call", registry="models", experts=[caller])).json()["error"]["sandtable"]
        assert waits["questions"][0]["value"]["details"]["arguments"] == {"expression": "2+3"}
        assert len(experts.heads) == 1
        done = await resume(client, waits["run_id"], answer=True)
        assert "- 1 calling, caller: 5\n- 2 arithmetic, calculator: 6\n- 3 shouting, org/louder: " in done["answer"]
        assert len(experts.heads) == 2
        assert (await client.post(f"/v1/runs/{done['id']}/replay", json={})).json()["identical"]


async def test_the_published_models_are_offered_by_downloads_and_called_where_the_settings_say(
    tmp_path, settings, experts, data_dir
):
    """The model takes the second of the first five; it is called at the registry's own address, as it is named."""
    asked = {
        "told": "Choose the one expert",
        "text": '{"id": "philschmid/bart-large-cnn-samsum", "reason": "dialogues"}',
    }
    plan = [{"task": "summarization", "id": 0, "args": {"text": "A long talk."}}]
    script = [{"told": "You plan", "text": json.dumps(plan)}, asked, {"match": "<tool_result", "text": "Summed up."}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    published = data_dir / "hugginggpt" / "p0_models.jsonl"
    registry = {**settings["registries"]["models"], "file": str(published)}
    experts.answers["/models/philschmid/bart-large-cnn-samsum"] = reply('"short"', Content_Type="application/json")
    async with serving(tmp_path / "data", **{**settings, "registries": {"models": registry}}) as client:
        answered = (await ask(client, "Sum it up", registry="models")).json()
        assert (
            '- 0 summarization, philschmid/bart-large-cnn-samsum: "short"'
            in answered["choices"][0]["message"]["content"]
        )
        events = (await events_of(client, answered["sandtable"]["run_id"]))["data"]
    (routed,) = [event for event in events if event["type"] == "routed"]
    rows = [json.loads(line) for line in published.read_text("utf-8").splitlines()]
    best = sorted((row for row in rows if row["task"] == "summarization"), key=lambda row: -row["downloads"])[:5]
    assert routed["experts"] == [row["id"] for row in best]
    planned = next(event for event in events if event["type"] == "llm_called")["request"]["messages"][0]["content"]
    assert all(f"- {task}: " in planned for task in {row["task"] for row in rows})


async def test_an_expert_whose_backend_is_not_to_be_had_is_not_offered(tmp_path, settings, experts):
    rows = [
        {"id": "a", "tasks": ["summarization"], "backend": "nosuch:x", "downloads": 9},
        {"id": "b", "tasks": ["summarization"], "backend": "own"},
    ]
    (tmp_path / "models.json").write_text(json.dumps(rows))
    registry = {"file": str(tmp_path / "models.json")}
    plan = [{"task": "summarization", "id": 0, "args": {"text": "A long talk."}}]
    script = [{"told": "You plan", "text": json.dumps(plan)}, {"told": "Carry out", "text": "short"}, "Summed up."]
    (tmp_path / "script.json").write_text(json.dumps(script))
    async with serving(tmp_path / "data", **{**settings, "registries": {"models": registry}}) as client:
        answered = (await ask(client, "Sum it up", registry="models")).json()
        assert "- 0 summarization, b: short" in answered["choices"][0]["message"]["content"]


REFUSED = (
    ({"registry": "nosuch"}, "registry", "the setting 'registries' has models"),
    ({"registry": "../models.toml"}, "registry", "No registry"),
    ({"experts": [{"id": "a", "tasks": ["t"], "backend": "nosuch:x"}]}, "experts[0].backend", "nosuch"),
    ({"experts": [{"id": "a", "tasks": ["t"], "tool": "nosuch"}]}, "experts", "there is no tool 'nosuch'"),
    ({"experts": [{"id": "a", "tasks": ["t"], "file": "/etc"}]}, "experts[0].file", "Unknown parameter"),
    ({"width": 0}, "width", "greater"),
)


async def test_what_cannot_be_called_is_refused_before_the_run(tmp_path, settings):
    async with serving(tmp_path / "data", **settings) as client:
        for options, param, said in REFUSED:
            answered = await ask(client, "?", **options)
            error = answered.json()["error"]
            assert answered.status_code in (400, 404), error
            assert said in error["message"]
            assert error["param"] == f"sandtable.options.{param}"


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
