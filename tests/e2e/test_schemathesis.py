"""Schemathesis makes requests from /openapi.json, sensible and senseless ones, and looks at what comes back: no failure
of ours, and nothing that the document does not tell of."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from tests.e2e.live import server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LEFT_OUT = (
    # A schema cannot say that a cursor must be in the list, or that a model must exist; and it calls 17.0 an integer,
    # which is refused here as text for a number is.
    "positive_data_acceptance",
    # `/threads/count` is also the thread called "count", which takes other methods.
    "allow_header_conformance",
)
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""
"""What LangGraph's API defines and is not here answers 501 by name."""


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with server(tmp_path_factory.mktemp("schemathesis") / "data") as running:
        yield running


def run(document, url, folder, *more):
    """The report of a run, which has found nothing."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", url),
        *("--checks", "all", "--exclude-checks", ",".join(LEFT_OUT), "--max-examples", "25", "--seed", "1"),
        *("--continue-on-failure", "--warnings", "off", "--report", "json", "--report-json-path", "report.json", *more),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=800, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return json.loads((folder / "report.json").read_text())


def test_requests_made_up(live, tmp_path):
    report = run(f"{live.url}/openapi.json", live.url, tmp_path)
    assert report["operations"]["tested"] == report["operations"]["total"]


@pytest.fixture(scope="module")
def there(live):
    """Things that requests can name: the value of each parameter and field that is an id or a name."""
    with httpx.Client(base_url=live.url, timeout=60) as client:

        def post(path, **body):
            return client.post(path, **body).raise_for_status().json()

        form = {"files": {"file": ("note.txt", "The lighthouse at Cape Varn was lit in 1884. 北湾渔港。".encode())}}
        file = post("/v1/files", data={"purpose": "assistants"}, **form)["id"]
        store = post("/v1/vector_stores", json={"name": "notes"})["id"]
        batch = post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": [file]})["id"]
        while client.get(f"/v1/vector_stores/{store}/file_batches/{batch}").json()["status"] == "in_progress":
            time.sleep(0.05)
        asked = {"model": "rag:notes", "messages": [{"role": "user", "content": "When was the lighthouse lit?"}]}
        answer = post("/v1/chat/completions", json=asked)["sandtable"]
        talk = post("/v1/conversations", json={"items": [{"role": "user", "content": "Hi"}]})["id"]
        item = client.get(f"/v1/conversations/{talk}/items").json()["data"][0]["id"]
        question = {"model": "rag:notes", "input": "When was the lighthouse lit?"}
        said = post("/v1/responses", json={**question, "background": True})["id"]
        thread = post("/threads", json={})["thread_id"]
        given = {"assistant_id": "rag", "input": {"question": "Lighthouse?"}, "context": {"collection": "notes"}}
        post(f"/threads/{thread}/runs/wait", json=given)
        return {
            "thread_id": [thread],
            "assistant_id": ["rag"],
            "checkpoint_id": [client.get(f"/threads/{thread}/state").json()["checkpoint"]["checkpoint_id"]],
            "namespace": ["x"],
            "conversation_id": [talk],
            "item_id": [item],
            "response_id": [said],
            "file_id": [file],
            "file_ids": [file],
            "store_id": [store],
            "batch_id": [batch],
            "generation_id": [answer["generation"]],
            "generation": [answer["generation"]],
            "run_id": [client.get(f"/threads/{thread}/runs").json()[0]["run_id"]],
            "model": ["chat", "rag:notes"],
            "name": ["calculator", "search"],
            "collection": ["notes"],
        }


REWRITTEN = ("ChatCompletion", "Search", "AddFile", "BatchFile", "CreateBatch", "Extension", "Call", "CreateResponse")
"""Bodies whose ids and names are replaced by such as there are."""
PLAIN = ("model", "messages", "stream", "temperature", "top_p", "max_tokens", "seed", "user", "metadata")


ONLY_AT_TIMES = {
    "POST /v1/runs/{run_id}/resume",
    "POST /v1/vector_stores/{store_id}/generations/{generation_id}/cancel",
    "GET /store/items",
}
"""Routes that take a run that waits for a person, a generation that is being built, or the name of a memory."""


def pointed(document, there):
    """The document with every id and name limited to things that exist."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    models = ["chat"] if path.startswith("/v1/models") else there[parameter["name"]]
                    parameter["schema"] = {"enum": models}
    schemas = document["components"]["schemas"]
    for name in REWRITTEN:
        fields = schemas[name]["properties"]
        for field in fields.keys() & there.keys():
            only = {"enum": there[field]}
            fields[field] = {"type": "array", "items": only, "minItems": 1} if field == "file_ids" else only
    schemas["CreateEmbeddings"]["properties"]["model"] = {"enum": ["all-MiniLM-L6-v2"]}
    chat = schemas["ChatCompletion"]["properties"]
    # Most fields are for backends that take them; this one quotes.
    schemas["ChatCompletion"]["properties"] = {name: chat[name] for name in chat if name in PLAIN}
    schemas["ChatCompletion"]["properties"]["messages"] = {"enum": [[{"role": "user", "content": "Lighthouse?"}]]}
    asked = schemas["CreateResponse"]["properties"]
    asked = {name: asked[name] for name in asked if name in (*PLAIN, "instructions", "store", "background")}
    schemas["CreateResponse"]["properties"] = {**asked, "input": {"enum": ["Lighthouse?"]}}
    said = {"type": "object", "required": ["role", "content"], "additionalProperties": False}
    said["properties"] = {"role": {"enum": ["user", "assistant"]}, "content": {"type": "string"}}
    for name in ("CreateConversation", "CreateItems"):
        schemas[name]["properties"]["items"] = {"type": "array", "items": said, "minItems": 1, "maxItems": 3}
    return document


def test_requests_that_name_what_there_is(live, there, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(pointed(httpx.get(f"{live.url}/openapi.json").json(), there)))
    report = run(document, live.url, tmp_path, "--exclude-method", "DELETE", "--mode", "positive")
    never = {
        route
        for route, phases in report["valid_rates"].items()
        # LangGraph's runs and assistants take what only together makes sense; its reads take anything.
        if (" /v1/" in route or route.startswith("GET ")) and not any(phase["accepted"] for phase in phases.values())
    }
    assert never - ONLY_AT_TIMES == set()
