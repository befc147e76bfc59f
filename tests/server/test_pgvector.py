"""Generations in PostgreSQL through the service: errors by name, tables that come and go with their generations."""

import psycopg
import pytest

from server.settings import BadSettings, load_settings
from tests.server.conftest import make_store, put, search, serving, until
from tests.server.test_generations import activate, create, ended, filled, found


@pytest.fixture
def setting(postgres, request):
    """The address of a database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return {"pgvector_url": postgres.url.rpartition("/")[0] + f"/{name}"}


def tables(setting):
    with psycopg.connect(setting["pgvector_url"]) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname LIKE 'sandtable_%'").fetchall()
    return {name for (name,) in rows}


async def until_there_are(setting, names):
    async def same():
        return tables(setting) == names

    await until(same)


@pytest.mark.slow
async def test_a_swap_and_the_way_back_and_no_table_is_left(tmp_path, setting):
    async with serving(tmp_path / "data", **setting) as client:
        store, _ = await filled(client, 12)
        before = found(await search(client, store, "ferry in winter"))
        made = [(await create(client, store, index=i))["id"] for i in ("pgvector", "hybrid(pgvector:8,bm25)")]
        for id in made:
            ready = await ended(client, store, id)
            assert ready["status"] == "ready", ready
            assert ready["metrics"]["recall_at_10"] == 1.0
            assert (await activate(client, store, id)).json()["status"] == "active"
        assert tables(setting) == set(made)
        body = {"query": "ferry in winter", "explain": True}
        explained = (await client.post(f"/v1/vector_stores/{store}/search", json=body)).json()
        assert explained["explain"]["index"] == "hybrid(pgvector:8,bm25)"
        assert explained["explain"]["halves"] == {"dense": "exact", "lexical": "exact"}
        assert explained["data"][0]["explain"]["dense_rank"] is not None
        assert found(explained["data"]) == before
        path = f"/v1/vector_stores/{store}/generations"
        assert (await client.delete(f"{path}/{made[0]}")).status_code == 200
        await until_there_are(setting, {made[1]})
        other = await make_store(client, "other", sandtable={"index": "pgvector"})
        _, added = await put(client, other, "zebra.txt", "A zebra stands at the harbour.")
        assert added["status"] == "completed", added
        assert [hit["filename"] for hit in await search(client, other, "zebra")] == ["zebra.txt"]
        assert len(tables(setting)) == 2
        assert (await client.delete(f"/v1/vector_stores/{store}")).status_code == 200
        await until_there_are(setting, tables(setting) - {made[1]})


@pytest.mark.slow
async def test_two_services_on_one_database_leave_each_other_alone(tmp_path, setting):
    async with serving(tmp_path / "one", **setting) as one:
        store = await make_store(one, sandtable={"index": "pgvector"})
        await put(one, store, "a.txt", "A zebra stands at the harbour.")
        theirs = tables(setting)
        async with serving(tmp_path / "two", **setting) as two:
            own = await make_store(two, sandtable={"index": "pgvector"})
            await put(two, own, "b.txt", "A ferry leaves in winter.")
            await two.delete(f"/v1/vector_stores/{own}")
            await until_there_are(setting, theirs)
        assert len(await search(one, store, "zebra")) == 1


async def test_what_a_kill_left_is_dropped_at_the_next_start(tmp_path, setting):
    async with serving(tmp_path / "data", **setting) as client:
        store = await make_store(client, sandtable={"index": "pgvector"})
        await put(client, store, "a.txt", "A zebra stands at the harbour.")
        kept = tables(setting)
        postgres = client.app.state.services.collections.postgres
        postgres.run(lambda link: link.execute(f"CREATE TABLE {postgres.schema}.gen_gone (id bigint)"))
    assert len(tables(setting)) == 2
    async with serving(tmp_path / "data", **setting) as client:
        await until_there_are(setting, kept)
        assert len(await search(client, store, "zebra")) == 1


async def test_without_the_setting_or_its_database_it_says_what_to_do(tmp_path):
    async with serving(tmp_path / "data") as client:
        store = await make_store(client)
        path = f"/v1/vector_stores/{store}/generations"
        replies = [
            await client.post("/v1/vector_stores", json={"name": "x", "sandtable": {"index": "pgvector"}}),
            await client.post(path, json={"index": "hybrid(pgvector,bm25)"}),
        ]
    dead = {"pgvector_url": "postgresql://u:secret@127.0.0.1:1/x"}
    async with serving(tmp_path / "data", **dead) as client:
        replies.append(await client.post(path, json={"index": "pgvector"}))
    for reply in replies:
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (503, "index_unavailable")
        assert "SANDTABLE_PGVECTOR_URL" in error["message"]
        assert "secret" not in reply.text
        assert int(reply.headers["retry-after"]) > 0


@pytest.mark.slow
async def test_gone_at_the_restart_the_way_on_is_another_generation(tmp_path, setting):
    async with serving(tmp_path / "data", **setting) as client:
        store = await make_store(client)
        first = (await client.get(f"/v1/vector_stores/{store}")).json()["sandtable"]["active_generation"]
        await put(client, store, "a.txt", "A zebra stands at the harbour.")
        made = await create(client, store, index="pgvector")
        await ended(client, store, made["id"])
        await activate(client, store, made["id"])
    async with serving(tmp_path / "data") as client:
        reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "zebra"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "index_unavailable")
        body = {"model": f"rag:{store}", "messages": [{"role": "user", "content": "Where is the zebra?"}]}
        reply = await client.post("/v1/chat/completions", json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "index_unavailable")
        _, refused = await put(client, store, "b.txt", "A ferry leaves in winter.")
        assert (refused["status"], "SANDTABLE_PGVECTOR_URL" in refused["last_error"]["message"]) == ("failed", True)
        assert (await activate(client, store, first)).status_code == 200
        assert len(await search(client, store, "zebra")) == 1
        await put(client, store, "c.txt", "A ferry leaves in winter.")
    async with serving(tmp_path / "data", **setting) as client:
        assert len(await search(client, store, "ferry", generation=made["id"])) == 2


@pytest.mark.parametrize("url", ["localhost:5432/x", "mysql://u:secret@h/x", "postgresql://"])
def test_an_address_of_another_form_is_refused_at_the_start(url):
    with pytest.raises(BadSettings, match=r"pgvector_url: .*postgresql://user:password@host") as caught:
        load_settings(pgvector_url=url)
    assert "secret" not in str(caught.value)
