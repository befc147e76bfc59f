"""RETRO over HTTP: what is left out has to be there, and what a filter keeps out stays out of the trace."""

import pytest

from tests.server.conftest import events_of, make_store, put

BESIDE = " ".join(f"The bridge of {year} was closed for repairs." for year in range(1990, 2010))


@pytest.fixture
async def library(client):
    store = await make_store(client, "library")
    await put(client, store, "x.md", f"The harbour is open. {BESIDE}", attributes={"who": "public"})
    await put(client, store, "x.md", f"The harbour is SECRET. {BESIDE}", attributes={"who": "secret"})
    return client


def body(**options):
    asked = [{"role": "user", "content": "Which bridge was closed in 2009?"}]
    return {"model": "retro:library", "messages": asked, "sandtable": {"options": options}}


async def test_a_filter_holds_for_continuations_too(library):
    reply = await library.post("/v1/chat/completions", json=body(where={"type": "eq", "key": "who", "value": "public"}))
    told = await events_of(library, reply.json()["sandtable"]["run_id"])
    retrieved = [event for event in told["data"] if event["type"] == "retrieved"]
    assert len(retrieved) > 1
    assert "SECRET" not in str(retrieved)


async def test_a_document_that_is_not_there_is_refused(library):
    reply = await library.post("/v1/chat/completions", json=body(document="y.md"))
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, "sandtable.options.document")
    assert "no passages of a file named 'y.md'" in error["message"]
    assert (await library.post("/v1/chat/completions", json=body(document="x.md"))).status_code == 200
