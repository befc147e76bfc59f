"""RAG-Sequence and RAG-Token over HTTP: which passage carried the answer, and what a backend without scores is told."""

import json
from math import exp

import pytest

from tests.server.conftest import events_of, make_store, put, serving
from tests.tiny_model import save_tiny

TABLE = {
    "tokens": ["330 metres", "300 metres"],
    "rules": [
        {"prompt": "now 330 metres", "after": [], "next": {"330 metres": 0.9, "300 metres": 0.1}},
        {"prompt": "In 1889", "after": [], "next": {"330 metres": 0.3, "300 metres": 0.7}},
    ],
}


@pytest.fixture
async def client(tmp_path):
    file = tmp_path / "table.json"
    file.write_text(json.dumps(TABLE))
    async with serving(tmp_path / "data", backend=f"table:{file}") as client:
        store = await make_store(client, "tower")
        await put(client, store, "today.md", "The tower is now 330 metres tall.")
        await put(client, store, "history.md", "In 1889 the tower was 300 metres tall.")
        yield client


async def ask(client, model, backend=None, stream=False, **options):
    extension = {"options": options} | ({"backend": backend} if backend else {})
    messages = [{"role": "user", "content": "How tall is the tower?"}]
    body = {"model": f"{model}:tower", "messages": messages, "sandtable": extension, "stream": stream}
    return await client.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("pipeline", ["rag_sequence", "rag_token"])
async def test_the_reply_says_which_passage_carried_the_answer(client, pipeline):
    reply = (await ask(client, pipeline)).json()
    message, told = reply["choices"][0]["message"], reply["sandtable"]["marginal"]
    assert message["content"] == "330 metres"
    assert message["annotations"][0]["filename"] == "today.md"
    shares = {one["filename"]: one for one in told["documents"]}
    prior = {name: one["prior"] for name, one in shares.items()}
    odds = 0.9 * prior["today.md"] + 0.3 * prior["history.md"]
    assert exp(told["hypotheses"][0]["logprob"]) == pytest.approx(odds)
    carried = 0.9 * prior["today.md"] / odds
    if pipeline == "rag_token":  # Its end is a token, too, and certain under both.
        carried = (carried + prior["today.md"]) / 2
    assert shares["today.md"]["posterior"] == pytest.approx(carried)
    assert f"today.md {prior['today.md']:.4f} -> {carried:.4f}" in message["reasoning_content"]
    run_id = reply["sandtable"]["run_id"]
    (event,) = [e for e in (await events_of(client, run_id))["data"] if e["type"] == "marginalised"]
    assert {name: event[name] for name in told} == told
    assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]
    chunks = (await ask(client, pipeline, stream=True)).text.split("data: ")
    last = next(json.loads(chunk) for chunk in reversed(chunks) if '"sandtable"' in chunk)
    assert last["sandtable"]["marginal"]["documents"] == told["documents"]


@pytest.mark.parametrize("pipeline", ["rag_sequence", "rag_token"])
async def test_sampling_that_could_have_no_effect_is_refused_by_name(client, pipeline):
    body = {"model": f"{pipeline}:tower", "messages": [{"role": "user", "content": "How tall?"}]}
    for name, value in (("logit_bias", {"1": 5}), ("frequency_penalty", 0.5), ("presence_penalty", -1)):
        error = (await client.post("/v1/chat/completions", json={**body, name: value})).json()["error"]
        assert (error["param"], error["code"]) == (name, "unsupported_parameter")
    fine = {"frequency_penalty": 0, "logit_bias": {}, "temperature": 1}
    assert (await client.post("/v1/chat/completions", json={**body, **fine})).status_code == 200
    reply = await ask(client, pipeline, score_temperature=1e-320)
    assert reply.json()["error"]["param"] == "sandtable.options.score_temperature"


async def test_answers_counted_over_samples_take_penalties(client):
    body = {
        "model": "rag_sequence:tower",
        "messages": [{"role": "user", "content": "How tall?"}],
        "presence_penalty": 1,
        "sandtable": {"options": {"decoding": "sampled"}},
    }
    assert (await client.post("/v1/chat/completions", json=body)).status_code == 200


async def test_a_response_says_it_too(client):
    body = {"model": "rag_sequence:tower", "input": "How tall is the tower?"}
    reply = (await client.post("/v1/responses", json=body)).json()
    assert reply["sandtable"]["marginal"]["hypotheses"][0]["text"] == "330 metres"
    assert reply["sandtable"]["marginal"]["biases"] == []


async def test_a_backend_without_scores_is_refused_by_the_name_of_what_it_lacks(client):
    for pipeline, lacking in (("rag_sequence", "scoring"), ("rag_token", "causal, scoring")):
        reply = await ask(client, pipeline, backend="extractive")
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (400, "capability_missing")
        assert lacking in error["message"]
        assert "(1) run the model in this process, as in 'hf:MODEL_OR_PATH'" in error["message"]
    reply = (await ask(client, "rag_sequence", backend="extractive", decoding="sampled")).json()
    assert "not computed" in reply["sandtable"]["marginal"]["biases"][0]


@pytest.mark.slow
async def test_a_transformer_answers_over_http(client, tmp_path):
    backend = f"hf:{save_tiny(tmp_path / 'tiny')}"
    for pipeline in ("rag_sequence", "rag_token", "chat"):
        options = {} if pipeline == "chat" else {"max_tokens": 3, "beams": 2}
        reply = (await ask(client, pipeline, backend, **options)).json()
        assert reply["sandtable"]["backend"] == backend
        assert pipeline == "chat" or len(reply["sandtable"]["marginal"]["documents"]) == 2


async def test_with_keys_a_caller_names_no_model_of_the_machines_disk(tmp_path):
    async with serving(tmp_path / "data", api_key="k" * 32) as client:
        client.headers["authorization"] = f"Bearer {'k' * 32}"
        for backend in ("hf:/etc", "table:/etc/passwd"):
            body = {"model": "chat", "messages": [{"role": "user", "content": "x"}], "sandtable": {"backend": backend}}
            reply = await client.post("/v1/chat/completions", json=body)
            assert reply.status_code == 400
            assert "its own configuration only" in reply.json()["error"]["message"]
