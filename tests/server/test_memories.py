"""What is remembered, seen and changed: through /v1/memories, the store and the command line."""

import base64
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from agents.memory.recalling import recall
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from tests.server.command_line import CommandLine
from tests.server.conftest import serving

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
ADA = Owner("one", "user", "ada.b%2E")
PLACE = ["memory_records", "user", "ada%2Eb%252E"]
FACTS = (
    ("I live in Rome.", "home"), ("I own a dog.", "pet"), ("I live in Paris, <b>by</b> the \"Seine\".", "home"),
)  # fmt: skip


@pytest.fixture
async def client(tmp_path):
    keys = [{"key": f"key-{tenant}", "tenant": tenant} for tenant in ("one", "two")]
    async with serving(tmp_path / "data", keys=keys) as client:
        client.headers["authorization"] = "Bearer key-one"
        for text, subject in FACTS:
            await remember(client.app.state.services.archive, ADA, [Draft(text=text, subject=subject, created_at=NOON)])
        yield client


async def listed(client, **query):
    reply = await client.get("/v1/memories", params={"user": ADA.name} | query)
    assert reply.status_code == 200, reply.text
    return [record["text"] for record in reply.json()["data"]]


async def found(client, question):
    archive = client.app.state.services.archive
    return [one.record.text for one in await recall(archive, ADA, "long", question, 1)]


async def test_records_are_listed_page_by_page_to_their_owner_alone(client):
    texts = [text for text, _ in FACTS]
    assert await listed(client) == texts
    first = (await client.get("/v1/memories", params={"user": ADA.name, "limit": 2})).json()
    assert (first["has_more"], first["last_id"], first["data"][0]["superseded_by"]) == (True, "2", 3)
    assert await listed(client, after=first["last_id"]) == texts[2:]
    assert await listed(client, user="ada") == []
    other = {"authorization": "Bearer key-two"}
    assert (await client.get("/v1/memories", params={"user": ADA.name}, headers=other)).json()["data"] == []
    for params in ({}, {"user": "a", "thread_id": "b"}, {"user": "a", "limit": 0}, {"who": "a"}):
        assert (await client.get("/v1/memories", params=params)).status_code == 400


async def test_they_are_exported_in_every_format(client):
    async def export(format):
        reply = await client.get("/v1/memories/export", params={"user": ADA.name, "format": format})
        assert reply.status_code == 200, reply.text
        return reply.text

    assert (await export("natural")).splitlines()[1] == "On 2026-02-13: I own a dog."
    assert (await export("rows")).splitlines()[3].endswith('fact,home,"I live in Paris, <b>by</b> the ""Seine""."')
    assert [json.loads(line)["id"] for line in (await export("list")).splitlines()] == [1, 2, 3]
    vectors = [json.loads(line)["embedding"] for line in (await export("embeddings")).splitlines()]
    vector = np.frombuffer(base64.b64decode(vectors[1]), np.float32)
    assert (vector.shape, float(vector @ vector)) == ((384,), pytest.approx(1, abs=1e-4))


async def test_what_is_meant_is_forgotten_and_everything_is_erased(client):
    reply = await client.post("/v1/memories/forget", json={"user": ADA.name, "what": "I own a dog"})
    assert reply.json() == {"object": "memory.forgotten", "ids": [2]}
    assert await listed(client) == [FACTS[0][0], FACTS[2][0]]
    assert (await client.delete("/v1/memories", params={"user": ADA.name})).json()["deleted"] is True
    assert await listed(client) == []
    assert await found(client, "Where do I live?") == []


async def items(client, **body):
    reply = await client.post("/store/items/search", json={"limit": 100} | body)
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


async def test_the_store_lists_searches_edits_and_deletes_them(client):
    assert len(await items(client, namespace_prefix=["memory_records"])) == len(await items(client)) == 3
    assert await items(client, namespace_prefix=["memory"]) == []
    names = (await client.post("/store/namespaces", json={"prefix": ["memory_records"]})).json()["namespaces"]
    assert names == [PLACE]
    best = (await items(client, namespace_prefix=PLACE, query="animals", limit=1))[0]
    assert (best["key"], best["value"]["text"]) == ("00000002", "I own a dog.")
    edit = {"namespace": PLACE, "key": best["key"], "value": best["value"] | {"text": "I own a cat.", "importance": 9}}
    assert (await client.put("/store/items", json=edit)).status_code == 204
    where = {"namespace": ".".join(PLACE), "key": "00000002"}
    value = (await client.get("/store/items", params=where)).json()["value"]
    assert (value["text"], value["importance"], value["created_at"]) == ("I own a cat.", 9, "2026-02-13T12:00:00Z")
    assert await found(client, "cat") == ["I own a cat."]
    assert "dog" not in str(await client.app.state.services.archive.store.load(ADA))
    gone = {"namespace": PLACE, "key": "00000002"}
    assert (await client.request("DELETE", "/store/items", json=gone)).status_code == 204
    assert (await client.get("/store/items", params=where)).status_code == 404
    assert "I own a cat." not in await listed(client)


@pytest.mark.parametrize(
    ("key", "value", "status", "param"),
    [
        ("9", {"text": "I fly."}, 404, "key"),
        ("x", {"text": "I fly."}, 404, "key"),
        ("2", {"text": " "}, 422, "value.text"),
        ("2", {"importance": 11}, 422, "value.importance"),
        ("2", {"importance": "high"}, 422, "value.importance"),
        ("2", {"kind": "reflection"}, 422, "value.kind"),
        ("2", {"mood": "gay"}, 422, "value.mood"),
        ("2", {}, 422, "value"),
        ("2", {"text": "x" * 2_001}, 422, "value.text"),
        ("2", {"subject": "x" * 201}, 422, "value.subject"),
    ],
    ids=str,
)
async def test_what_cannot_be_edited_is_refused_by_name(client, key, value, status, param):
    reply = await client.put("/store/items", json={"namespace": PLACE, "key": key, "value": value})
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), reply.text
    assert await listed(client) == [text for text, _ in FACTS]


@pytest.fixture
def sandtable(capsys):
    return CommandLine(capsys)


@pytest.mark.slow
def test_the_command_shows_corrects_exports_and_erases(sandtable, tmp_path):
    where = ("--data-dir", tmp_path / "data")
    ask = ("ask", "-b", "extractive", "-p", "chat", "--memory", "long", "--user", "ada", *where)
    whose = ("--user", "ada", *where)
    sandtable.fine(*ask, "I live in Rome. My dog is called Rex.")
    assert "Rex" in sandtable.fine(*ask, "What is my dog called?").out
    shown = sandtable.fine("memory", "list", *whose).out.splitlines()
    assert [line.split(maxsplit=3)[3] for line in shown] == ["I live in Rome.", "My dog is called Rex."]
    sandtable.fine("memory", "edit", "2", "--text", "My dog is called Max.", *whose)
    assert "Max" in sandtable.fine(*ask, "What is my dog called?").out
    sandtable.fine("memory", "export", "--format", "rows", "--out", tmp_path / "all.csv", *whose)
    assert "my dog's name,My dog is called Max." in (tmp_path / "all.csv").read_text()
    assert sandtable.fine("memory", "forget", "that I live in Rome", "--json", *whose).json["ids"] == [1]
    assert len(sandtable.fine("memory", "list", "--json", *whose).json["data"]) == 1
    sandtable.fine("memory", "erase", *whose)
    assert sandtable.fine("memory", "list", *whose).out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list"], "whose memory?"),
        (["list", "--user", "a", "--thread", "b"], "whose memory?"),
        (["edit", "--user", "a"], "needs the number"),
        (["edit", "one", "--text", "x", "--user", "a"], "no number"),
        (["edit", "1", "--user", "a"], "needs --text"),
        (["forget", "--user", "a"], "what to forget"),
        (["erase", "it", "--user", "a"], "takes no 'it'"),
        (["burn", "--user", "a"], "'burn' is not one of"),
        (["edit", "1", "--importance", "nan", "--user", "a"], "nan is no finite number"),
        (["list", "--text", "x", "--user", "a"], "`list` takes no --text: it is an option of `edit`"),
        (["edit", "1", "--text", "x", "--format", "list", "--user", "a"], "`edit` takes no --format"),
    ],
)
def test_wrong_use_of_the_command_is_told(sandtable, tmp_path, arguments, told):
    done = sandtable("memory", *arguments, "--data-dir", tmp_path)
    assert (done.code, told in done.err) == (2, True), done
