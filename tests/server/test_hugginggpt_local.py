"""HuggingGPT with an expert that is a model in this process: weights of the moment, so what it says means nothing."""

import json

import pytest

from tests.server.conftest import events_of, serving
from tests.tiny_model import save_tiny

pytestmark = pytest.mark.slow


async def test_a_local_model_carries_out_a_task_and_its_calls_are_in_the_trace(tmp_path):
    model = save_tiny(tmp_path / "tiny")
    plan = [
        {"task": "arithmetic", "id": 0, "args": {"expression": "6*7"}},
        {"task": "text-generation", "id": 1, "args": {"text": "A line about <resource>-0 towers"}},
        {"task": "text-generation", "id": 2, "args": {"text": "北京"}},
    ]
    script = [{"told": "You plan", "text": json.dumps(plan)}, {"match": "<tool_result", "text": "Written."}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    (tmp_path / "models.toml").write_text(
        f"[[experts]]\nid = 'tiny'\ntasks = ['text-generation']\nbackend = 'hf:{model}'\n"
        "[[experts]]\nid = 'calculator'\ntasks = ['arithmetic']\ntool = 'calculator'\n"
    )
    registries = {"models": {"file": str(tmp_path / "models.toml")}}
    body = {
        "model": "hugginggpt", "messages": [{"role": "user", "content": "Write."}], "max_tokens": 12,
        "sandtable": {"options": {"registry": "models"}},
    }  # fmt: skip
    async with serving(tmp_path / "data", backend=f"scripted:{tmp_path / 'script.json'}", registries=registries) as it:
        answered = (await it.post("/v1/chat/completions", json=body)).json()
        run_id = answered["sandtable"]["run_id"]
        events = (await events_of(it, run_id))["data"]
        assert (await it.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]
    calls = [event for event in events if event["type"] == "llm_called" and event["backend"] == f"hf:{model}"]
    assert {call["request"]["messages"][-1]["content"] for call in calls} == {"A line about 42 towers", "北京"}
    assert all(0 < call["completion"]["usage"]["completion_tokens"] <= 12 for call in calls)
    ended = {event["task"]: event for event in events if event["type"] in ("task_finished", "task_failed")}
    said = {call["request"]["subject"]["task"]: call["completion"]["message"]["content"] for call in calls}
    for task, text in said.items():
        assert ended[int(task)]["type"] == ("task_finished" if text.strip() else "task_failed")
    assert "- 1 text-generation, tiny: " in answered["choices"][0]["message"]["content"]
