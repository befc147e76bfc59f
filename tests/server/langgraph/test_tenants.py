"""Each tenant sees its own threads, runs, assistants and items, and nobody else's."""

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.server.conftest import listening

KEYS = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]


@pytest.mark.slow
async def test_tenants_are_kept_apart(tmp_path):
    async with (
        listening(tmp_path, keys=KEYS) as service,
        get_client(url=str(service.base_url), api_key="key-a") as a,
        get_client(url=str(service.base_url), api_key="key-b") as b,
    ):
        thread = (await a.threads.create(metadata={"x": "y"}))["thread_id"]
        await a.runs.wait(thread, "chat", input={"question": "Hi"})
        (run,) = await a.runs.list(thread)
        own = (await a.assistants.create("chat", name="mine"))["assistant_id"]
        await a.store.put_item(["u"], "k", {"v": 1})
        assert await b.threads.search() == []
        assert await b.threads.count() == 0
        assert {one["graph_id"] for one in await b.assistants.search(limit=100) if one["name"] == "mine"} == set()
        assert (await b.store.search_items([]))["items"] == []
        assert (await b.store.list_namespaces())["namespaces"] == []
        for request in (
            b.threads.get(thread),
            b.threads.get_state(thread),
            b.threads.delete(thread),
            b.threads.copy(thread),
            b.threads.update(thread, metadata={"x": "z"}),
            b.runs.get(thread, run["run_id"]),
            b.runs.list(thread),
            b.runs.delete(thread, run["run_id"]),
            b.runs.create(thread, "chat", input={"question": "Hi"}),
            b.runs.create(None, own, input={"question": "Hi"}),
            b.assistants.get(own),
            b.assistants.delete(own),
            b.store.get_item(["u"], "k"),
        ):
            with pytest.raises(NotFoundError):
                await request
        for request in (
            b.threads.create(thread_id=thread, if_exists="do_nothing"),
            b.runs.create(thread, "chat", input={"question": "Hi"}, if_not_exists="create"),
        ):
            with pytest.raises(ConflictError):
                await request
        assert await b.threads.prune([thread]) == {"pruned_count": 0}
        assert (await a.threads.get(thread))["metadata"]["x"] == "y"
        assert (await service.get("/threads/search")).status_code == 401
