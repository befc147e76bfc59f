"""Whether the service lives and is ready, and what it says of itself."""

import asyncio
import re

import pytest
import pytest_asyncio

from server.access import OPEN_PATHS
from server.app import create_app
from server.settings import BadSettings, load_settings
from tests.server.conftest import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {
    "/v1/models": {"get"},
    "/v1/models/{model}": {"get"},
    "/v1/chat/completions": {"post"},
    "/v1/embeddings": {"post"},
    "/v1/files": {"get", "post"},
    "/v1/files/{file_id}": {"get", "delete"},
    "/v1/files/{file_id}/content": {"get"},
    "/v1/vector_stores": {"get", "post"},
    "/v1/vector_stores/{store_id}": {"get", "post", "delete"},
    "/v1/vector_stores/{store_id}/search": {"post"},
    "/v1/vector_stores/{store_id}/files": {"get", "post"},
    "/v1/vector_stores/{store_id}/files/{file_id}": {"get", "post", "delete"},
    "/v1/vector_stores/{store_id}/files/{file_id}/content": {"get"},
    "/v1/vector_stores/{store_id}/file_batches": {"post"},
    "/v1/vector_stores/{store_id}/file_batches/{batch_id}": {"get"},
    "/v1/vector_stores/{store_id}/file_batches/{batch_id}/cancel": {"post"},
    "/v1/vector_stores/{store_id}/file_batches/{batch_id}/files": {"get"},
    "/v1/runs/{run_id}/events": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory):
    async with serving(tmp_path_factory.mktemp("ops")) as client:
        yield client


async def test_alive_at_once_and_ready_when_warm(tmp_path):
    async with serving(tmp_path) as client:
        warm = client.app.state.warm
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        warm.clear()
        cold = await client.get("/readyz")
        assert (cold.status_code, cold.json()) == (503, {"status": "not ready", "missing": ["embedder"]})
        async with asyncio.timeout(60):
            await warm.wait()
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "missing": []})


@pytest.mark.slow
async def test_an_embedder_that_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / "occupied").write_text("a file where the cache should be")
    async with serving(tmp_path / "data", cache_dir=tmp_path / "occupied") as client:
        async with asyncio.timeout(60):
            await client.app.state.warm.wait()
        reply = await client.get("/readyz")
        assert reply.status_code == 503
        assert "occupied" in reply.json()["missing"][0]
        assert (await client.get("/healthz")).status_code == 200
        chat = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        script = tmp_path / "script.json"
        script.write_text('["Hello"]')
        reply = await client.post("/v1/chat/completions", json={**chat, "sandtable": {"backend": f"scripted:{script}"}})
        assert reply.json()["choices"][0]["message"]["content"] == "Hello"


async def test_the_docs_page_loads_nothing_from_elsewhere(client):
    page = await client.get("/docs")
    script = await client.get("/docs.js")
    assert (page.status_code, script.status_code) == (200, 200)
    assert page.headers["content-type"].startswith("text/html")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page.text + re.sub(r"^//.*$", "", script.text, flags=re.M))
    assert 'src="docs.js"' in page.text
    assert 'href="openapi.json"' in page.text
    assert "innerHTML" not in script.text


async def test_the_openapi_document_has_every_route_and_only_resolvable_references(client):
    api = (await client.get("/openapi.json")).json()
    assert api["openapi"].startswith("3.")
    found = {path.replace("{model:path}", "{model}"): set(verbs) for path, verbs in api["paths"].items()}
    assert {path: found.get(path, set()) & verbs for path, verbs in ROUTES.items()} == ROUTES
    schemas = api["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', (await client.get("/openapi.json")).text))
    assert references <= set(schemas)
    assert {"model", "messages", "stream", "sandtable"} <= set(schemas["ChatCompletion"]["properties"])
    ids = [operation["operationId"] for verbs in api["paths"].values() for operation in verbs.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
async def test_the_openapi_document_tells_of_errors_keys_and_the_upload_form(client):
    api = (await client.get("/openapi.json")).json()
    operations = {path: operation for path, verbs in api["paths"].items() for operation in verbs.values()}
    for path, operation in operations.items():
        told = set(operation["responses"])
        # A wrong request is a 400 for OpenAI's clients, a 422 for LangGraph's.
        assert ("422" in told) == (not path.startswith("/v1/") and path not in OPEN_PATHS), path
        assert ({"400", "401", "404"} <= told) == path.startswith("/v1/")
    reply = await client.get("/v1/files/file-none")
    described = operations["/v1/files/{file_id}"]["responses"][str(reply.status_code)]["content"]["application/json"]
    shape = api["components"]["schemas"][described["schema"]["$ref"].rpartition("/")[2]]["properties"]["error"]
    assert set(shape["required"]) == set(reply.json()["error"]) <= set(shape["properties"])
    form = api["paths"]["/v1/files"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "purpose"}
    sent = {"file": ("a.txt", b"x")}
    for purpose in form["properties"]["purpose"]["enum"]:
        assert (await client.post("/v1/files", files=sent, data={"purpose": purpose})).status_code == 200
    assert {} in api["security"]
    closed = create_app(load_settings(api_key="k")).openapi()
    assert closed["security"] == [{"bearer": []}, {"api_key": []}]
    assert set(closed["components"]["securitySchemes"]) == {"bearer", "api_key"}
    assert closed["paths"]["/healthz"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/", 404, "unknown_route"),
        ("get", "/v1/nothing/here", 404, "unknown_route"),
        ("delete", "/v1/models", 405, "method_not_allowed"),
        ("get", "/v1/chat/completions", 405, "method_not_allowed"),
        ("patch", "/v1/vector_stores/vs_x", 405, "method_not_allowed"),
    ],
)
async def test_an_unknown_route_or_verb_says_so(client, method, path, status, code):
    reply = await client.request(method, path)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert path in reply.json()["error"]["message"]
    assert bool(reply.headers.get("allow")) == (status == 405)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example:8321"])
async def test_pages_from_elsewhere_cannot_post_forms_to_an_open_service(client, origin):
    form = {"files": {"file": ("a.txt", b"x")}, "data": {"purpose": "assistants"}}
    reply = await client.post("/v1/files", **form, headers={"origin": origin})
    assert (reply.status_code, reply.json()["error"]["type"]) == (403, "permission_error")
    assert (await client.post("/v1/files", **form, headers={"origin": "http://localhost:3000"})).status_code == 200


async def test_a_variable_that_is_not_json_is_named(monkeypatch):
    monkeypatch.setenv("SANDTABLE_KEYS", "[broken")
    with pytest.raises(BadSettings, match=r"keys.*JSON"):
        load_settings()


async def test_a_data_directory_may_have_any_name(tmp_path):
    odd = tmp_path / "what? 100% #1 资料"
    async with serving(odd) as client:
        assert (await client.get("/v1/files")).status_code == 200
    assert (odd / "sandtable.sqlite3").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]


async def test_two_services_do_not_share_a_data_directory(tmp_path):
    from server.data_lock import DataDirectoryInUse

    async with serving(tmp_path) as client:
        client.app.state.announce("http://127.0.0.1:4321")
        second = create_app(load_settings(data_dir=tmp_path, backend="extractive"))
        with pytest.raises(DataDirectoryInUse, match=r"http://127\.0\.0\.1:4321"):
            async with second.router.lifespan_context(second):
                pass
        assert (await client.get("/readyz")).status_code in (200, 503)
    async with serving(tmp_path) as client:
        assert (await client.get("/healthz")).status_code == 200
