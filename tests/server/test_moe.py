"""A mixture of experts over HTTP: experts from the request and from the settings, a trained gate, what is refused."""

import json

import pytest

from tests.server.command_line import CommandLine
from tests.server.conftest import events_of, make_store, put, serving, until

SUMS = {"name": "sums", "description": "Arithmetic: adding, multiplying, percentages, fractions."}
POEMS = {"name": "poems", "description": "Poems, songs and rhymes about love and nature."}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    found = {}
    for name in ("own", "sums", "poems"):
        path = folder / f"{name}.json"
        path.write_text(json.dumps([{"match": "", "text": f"{name} answers"}]))
        found[name] = f"scripted:{path}"
    return found


@pytest.fixture
async def client(tmp_path, scripts):
    experts = {
        "sums": {"description": SUMS["description"], "backend": scripts["sums"]},
        "poems": {"description": POEMS["description"], "backend": scripts["poems"]},
    }
    async with serving(tmp_path / "data", backend=scripts["own"], experts=experts) as client:
        yield client


async def ask(client, question, model="moe", **options):
    body = {"model": model, "messages": [{"role": "user", "content": question}], "sandtable": {"options": options}}
    return await client.post("/v1/chat/completions", json=body)


async def test_the_gate_sends_each_question_to_its_expert_and_the_run_replays(client):
    for question, name in (("What is 17 percent of 300?", "sums"), ("Write a rhyme about the sea.", "poems")):
        reply = (await ask(client, question)).json()
        assert reply["choices"][0]["message"]["content"] == f"{name} answers"
        assert f"gate: {name} (" in reply["choices"][0]["message"]["reasoning_content"]
        run_id = reply["sandtable"]["run_id"]
        events = (await events_of(client, run_id))["data"]
        (load,) = [event for event in events if event["type"] == "expert_load"]
        assert dict(zip(load["experts"], load["model_calls"], strict=True)) == {
            "sums": int(name == "sums"), "poems": int(name == "poems"),
        }  # fmt: skip
        replayed = (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()
        assert replayed["identical"], replayed


async def test_an_expert_may_be_a_collection(client):
    store = await make_store(client, "towers")
    await put(client, store, "towers.txt", "The Eiffel Tower is 330 metres tall.")
    towers = {"name": "towers", "description": "How tall towers are.", "collection": "towers", "backend": "extractive"}
    reply = (await ask(client, "How tall is the Eiffel Tower?", experts=[SUMS, towers])).json()
    message = reply["choices"][0]["message"]
    assert "330 metres" in message["content"]
    assert message["annotations"][0]["filename"] == "towers.txt"
    run_id = reply["sandtable"]["run_id"]
    assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]


@pytest.mark.parametrize(
    ("options", "key", "said"),
    [
        ({"experts": [{**SUMS, "backend": "nosuch:model"}, POEMS]}, "experts[0].backend", "nosuch"),
        ({"experts": [POEMS, {**SUMS, "collection": "nosuch"}]}, "experts[1].collection", "No collection"),
        ({"experts": [{**SUMS, "pipeline": "rag"}, POEMS]}, "experts[0].collection", "needs a collection"),
        ({"experts": [{**SUMS, "colection": "x"}, POEMS]}, "experts[0].colection", "Unknown parameter"),
        ({"gate": "nosuch"}, "gate", "there is no gate 'nosuch'"),
        ({"gate": "../x"}, "gate", "letters, digits"),
        ({"method": "top3"}, "method", "top2"),
        ({"questions": ["How?", " "]}, "questions[1]", "is empty"),
        ({"experts": [POEMS], "method": "top2"}, "", "'sandtable.options': 'top2' asks two experts"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_the_run(client, options, key, said):
    error = (reply := await ask(client, "?", **options)).json()["error"]
    assert reply.status_code in (400, 404), error
    assert said in error["message"]
    assert error["param"] == f"sandtable.options.{key}".rstrip(".")


async def test_a_gate_is_trained_from_judged_routes_and_used(tmp_path, capsys, scripts):
    """The descriptions mislead: only the judged routes tell that `b` is for poems."""
    sandtable, data = CommandLine(capsys), tmp_path / "data"
    sums = [f"What is {n} {what} {n + 3}?" for n in range(2, 22, 2) for what in ("plus", "times", "percent of")]
    poems = [f"Write a {kind} about the {of}." for kind in ("poem", "song", "rhyme") for of in (
        "sea", "moon", "rain", "autumn", "stars", "snow", "rose", "wind", "river", "night")]  # fmt: skip
    routes = tmp_path / "routes.jsonl"
    lines = [*({"question": q, "expert": "a"} for q in sums), *({"question": q, "expert": "b"} for q in poems)]
    routes.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = tmp_path / "sandtable.toml"
    config.write_text('[experts.a]\ndescription = "Poems and songs."\n[experts.b]\ndescription = "Arithmetic."\n')
    made = sandtable.fine("train-gate", "mine", routes, "--data-dir", data, "--config", config, "--json").json
    assert (made["trained_on"], made["held"]) == (48, 12)
    assert made["accuracy_before"] < 0.2 < 0.9 < made["accuracy"]
    assert (
        "kept back: 1.000" in sandtable.fine("train-gate", "mine", routes, "--data-dir", data, "--config", config).out
    )
    experts = [
        {"name": "a", "description": "Poems and songs.", "backend": scripts["sums"]},
        {"name": "b", "description": "Arithmetic.", "backend": scripts["poems"]},
    ]
    async with serving(data, backend=scripts["own"]) as client:
        before = (await ask(client, "Write a poem about a bird.", experts=experts)).json()
        after = (await ask(client, "Write a poem about a bird.", experts=experts, gate="mine")).json()
        contents = [reply["choices"][0]["message"]["content"] for reply in (before, after)]
        assert contents == ["sums answers", "poems answers"]
        reply = await ask(client, "?", experts=[*experts, SUMS], gate="mine")
        assert "does not know sums" in reply.json()["error"]["message"]


def test_routes_that_cannot_be_trained_on_are_refused(tmp_path, capsys):
    sandtable, routes = CommandLine(capsys), tmp_path / "routes.jsonl"
    for text, why in (
        ('{"question": "x"}', "line 1"),
        ('{"question": "x", "expert": "a"}', "two at least"),
        ("x", "line 1"),
    ):
        routes.write_text(text)
        result = sandtable("train-gate", "mine", routes, "--data-dir", tmp_path / "data", "--json")
        assert result.code == 2, result
        assert why in result.json["error"]["message"]


async def test_money_is_limited_only_where_every_expert_has_a_price(tmp_path, scripts):
    price = {"input": 1.0, "output": 1.0}
    body = {
        "model": "moe",
        "messages": [{"role": "user", "content": "What is 2 + 2?"}],
        "sandtable": {"limits": {"cost": 1.0}, "options": {"experts": [{**SUMS, "backend": scripts["sums"]}, POEMS]}},
    }
    for prices, status in (({scripts["own"]: price}, 400), ({"scripted:*": price}, 200)):
        async with serving(tmp_path / "data", backend=scripts["own"], prices=prices) as client:
            reply = await client.post("/v1/chat/completions", json=body)
            assert reply.status_code == status, reply.text
            if status == 400:
                assert (reply.json()["error"]["code"]) == "price_unknown"
                assert scripts["sums"] in reply.json()["error"]["message"]


async def test_a_run_is_forked_after_its_gate_with_another_expert_behind_the_name(client, scripts):
    reply = (await ask(client, "What is 17 percent of 300?")).json()
    run_id = reply["sandtable"]["run_id"]
    options = {"experts": [{**SUMS, "backend": scripts["poems"]}, {**POEMS, "backend": scripts["sums"]}]}
    forked = await client.post(f"/v1/runs/{run_id}/replay", json={"from_step": 2, "with": {"options": options}})
    assert forked.status_code == 200, forked.text

    async def ended():
        found = (await client.get(f"/v1/runs/{forked.json()['id']}")).json()
        return found if found["status"] not in ("queued", "running") else None

    done = await until(ended)
    assert done["answer"] == "poems answers", done
    types = [event["type"] for event in (await events_of(client, done["id"]))["data"]]
    assert types.count("routed") == types.count("expert_load") == 1


async def test_a_mixture_may_make_the_trials_of_reflexion(client, scripts):
    experts = [{**SUMS, "backend": scripts["poems"]}, {**POEMS, "backend": scripts["sums"]}]
    options = {"inner": "moe", "reference": "poems answers", "inner_options": {"experts": experts}}
    reply = (await ask(client, "What is 17 percent of 300?", model="reflexion", **options)).json()
    assert reply["choices"][0]["message"]["content"] == "poems answers"
    assert (await client.post(f"/v1/runs/{reply['sandtable']['run_id']}/replay", json={})).json()["identical"]
    options = {"inner": "moe", "reference": "sums answers"}
    reply = (await ask(client, "What is 17 percent of 300?", model="reflexion", **options)).json()
    assert reply["choices"][0]["message"]["content"] == "sums answers", "by the experts of the settings"
    options["inner_options"] = {"experts": [{**SUMS, "collection": "nosuch"}]}
    reply = await ask(client, "?", model="reflexion", **options)
    assert reply.json()["error"]["code"] == "collection_not_found"
