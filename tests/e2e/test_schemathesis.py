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
)
CONFIG = """
[checks.not_a_server_error]
# What LangGraph's API defines and is not here answers 501 by name.
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[checks.negative_data_rejection]
# More items than a list may have can be more bytes than a body may have.
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429"]

[[operations]]
include-path-regex = "/runs"
# A 404 may be about the assistant that the body names, not about the thread in the path.
checks.ensure_resource_availability.enabled = false
"""


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
        *("--request-timeout", "60"),  # Machines that test are busy.
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
        own = post("/assistants", json={"graph_id": "chat"})["assistant_id"]
        thread = post("/threads", json={})["thread_id"]
        post(f"/threads/{thread}/runs/wait", json={"assistant_id": "chat", "input": {"question": "Lighthouse?"}})
        state = client.get(f"/threads/{thread}/state").raise_for_status().json()
        client.put("/store/items", json={"namespace": ["notes"], "key": "k", "value": {"a": "b"}}).raise_for_status()
        return {
            "assistant_id": [own],
            "thread_id": [thread],
            "checkpoint_id": [state["checkpoint"]["checkpoint_id"]],
            "thread_run_id": [state["metadata"]["run_id"]],
            "namespace": ["reply"],
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

RUN = {"assistant_id": {"enum": ["chat"]}, "input": {"enum": [{"question": "Lighthouse?"}]}, "metadata": None}
LANGGRAPH = {
    "AssistantCreate": {"graph_id": {"enum": ["chat"]}, "name": None, "metadata": None, "description": None},
    "AssistantPatch": {"graph_id": {"enum": ["chat"]}, "name": None, "metadata": None, "description": None},
    "VersionChange": {"version": {"enum": [1]}},
    "ThreadCreate": {"metadata": None},
    "ThreadPatch": {"metadata": None},
    # Not the thread that the others need.
    "ThreadPrune": {"thread_ids": {"enum": [["01a21212-0000-7000-8000-000000000000"]]}, "strategy": None},
    "ThreadSearch": {"metadata": None, "status": None, "limit": None, "sort_by": None, "sort_order": None},
    "StateUpdate": {"values": {"enum": [{"answer": "北湾"}]}, "as_node": {"enum": ["reply"]}},
    "StateAt": {"checkpoint": {"enum": [{}]}, "subgraphs": None},
    "History": {"limit": None, "metadata": None},
    "RunCreate": RUN,
    "ThreadRunCreate": RUN,
    "RunsCancel": {"status": {"enum": ["pending"]}},
    "PutItem": {"namespace": {"enum": [["others"]]}, "key": None, "value": None},
    "SearchItems": {"limit": None, "offset": None, "query": None},
    "ListNamespaces": {"limit": None, "offset": None, "max_depth": None},
}
"""The fields that are sent, and what they may be where a schema cannot say it."""


ONLY_AT_TIMES = {
    "DELETE /v1/models/{model}",
    "POST /v1/runs/{run_id}/resume",
    "POST /v1/vector_stores/{store_id}/generations/{generation_id}/cancel",
    "POST /threads/{thread_id}/runs/{run_id}/cancel",
}
"""Routes that take a model that was trained, a run that waits for a person, one under way, or a generation that is
being built."""


def pointed(document, there):
    """The document with every id and name limited to things that exist, without the routes that start trainings: every
    request that is taken would be minutes of work (test_fine_tuning.py)."""
    document["paths"] = {path: found for path, found in document["paths"].items() if "/fine_tuning/" not in path}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    name = parameter["name"]
                    name = "thread_run_id" if path.startswith("/threads/") and name == "run_id" else name
                    models = ["chat"] if path.startswith("/v1/models") else there[name]
                    parameter["schema"] = {"enum": models}
                elif path == "/store/items" and parameter["name"] in ("namespace", "key"):
                    parameter["schema"] = {"enum": ["notes" if parameter["name"] == "namespace" else "k"]}
    schemas = document["components"]["schemas"]
    for name in REWRITTEN:
        fields = schemas[name]["properties"]
        for field in fields.keys() & there.keys():
            only = {"enum": there[field]}
            fields[field] = {"type": "array", "items": only, "minItems": 1} if field == "file_ids" else only
    for name, fields in LANGGRAPH.items():
        own = schemas[name]["properties"]
        schemas[name]["properties"] = {field: only or own[field] for field, only in fields.items()}
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
        if not any(phase["accepted"] for phase in phases.values())
    }
    assert never - ONLY_AT_TIMES == set()
