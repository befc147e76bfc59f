"""Clients of OpenAI's API, each unmodified and in an environment of its own, against a real server and a made-up model.

What a client should find is the same for all; how each says that something went wrong is its own.
"""

import asyncio
import json
import os
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from benchmarks.environments import NotInstalled, python_of
from tests.e2e.live import server
from tests.fake_upstream import DONE, ROLE, USAGE, Canned, FakeUpstream, chunk, event, stream_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent / "clients"
CLIENTS = ("with_langchain", "with_litellm", "with_pydantic_ai")
EXPECTED = {
    "chat": ["Hello there", "stop", USAGE["total_tokens"]],
    "stream": ["你好，世界🎉", True],
    "tools": ["get_weather", {"city": "Oslo"}, "It is sunny in Oslo."],
    "tools_streamed": ["get_weather", {"city": "Oslo"}],
    "structured": {"name": "Cape Varn", "year": 1884},
    "rag": "The lighthouse at Cape Varn was lit in 1884. [1]",
    "embeddings": [[384, 1.0], [384, 1.0]],
}
ERRORS = {
    "unknown_model": ("PIPELINE:COLLECTION", ("NotFoundError",)),
    "rate_limited": ("slow down", ("RateLimitError",)),
    "broken": ("out of order", ("ServerError", "BadGatewayError", "APIError")),
    "bad_option": ("sandtable.options.k", ("BadRequestError", "InvalidRequestError", "RequestRejectedError")),
}
"""What the message must hold, and how the names end that the clients have for it."""


def refusal(status, message):
    error = {"error": {"message": message, "type": "server_error", "code": None}}
    return Canned((json.dumps(error).encode(),), status=status, headers={"content-type": "application/json"})


def agent(body):
    """A model that calls a tool where there is one, keeps to a schema where there is one, and else says things back."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Canned(stream_of(f"It is {last['content']}."))
    if last["content"].startswith("fail"):
        return refusal(int(last["content"].split()[1]), "slow down" if "429" in last["content"] else "out of order")
    if body.get("tools"):
        function = {"name": body["tools"][0]["function"]["name"], "arguments": ""}
        begun = {"index": 0, "id": "call_1", "type": "function", "function": function}
        pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"ci', 'ty": "Os', 'lo"}')]
        deltas = [event(chunk({"tool_calls": [call]})) for call in (begun, *pieces)]
        return Canned((event(chunk(ROLE)), *deltas, event(chunk({}, "tool_calls")), event(chunk(usage=USAGE)), DONE))
    if body.get("response_format", {}).get("type") == "json_schema":
        return Canned(stream_of('{"name": "Cape Varn", "year": 1884}'))
    return Canned(stream_of(last["content"], size=2))


@pytest.fixture(scope="module")
def upstream():
    """The model, in a thread of its own; its base URL."""
    loop = asyncio.new_event_loop()
    fake = FakeUpstream({"agent": agent})
    url = loop.run_until_complete(fake.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield url
    asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def live(upstream, tmp_path_factory):
    profile = {
        "SANDTABLE_BACKENDS__FAKE__BASE_URL": upstream,
        "SANDTABLE_BACKENDS__FAKE__RETRIES": "0",
        "SANDTABLE_BACKENDS__FAKE__FLAGS__JSON_FORM": "schema",
    }
    folder = tmp_path_factory.mktemp("clients")
    with server(folder / "data", SANDTABLE_BACKEND="fake:agent", **profile) as running:
        with httpx.Client(base_url=running.url, timeout=60) as client:
            note = {"file": ("light.txt", b"The lighthouse at Cape Varn was lit in 1884.")}
            file = client.post("/v1/files", files=note, data={"purpose": "assistants"}).json()["id"]
            store = client.post("/v1/vector_stores", json={"name": "lights", "file_ids": [file]}).json()["id"]
            while client.get(f"/v1/vector_stores/{store}/files/{file}").json()["status"] == "in_progress":
                pass
        yield running


def environment_of(client):
    """The Python of the client's environment, which is made once for its list of packages."""
    try:
        return python_of(FOLDER / f"{client}.txt")
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=CLIENTS)
def outcomes(request, live):
    """What the client's script says of each check."""
    command = [str(environment_of(request.param)), str(FOLDER / f"{request.param}.py"), f"{live.url}/v1"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "PYTHON"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=variables, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", EXPECTED)
def test_it_finds_what_it_should(outcomes, check):
    assert outcomes[check] == EXPECTED[check]


@pytest.mark.parametrize("check", ERRORS)
def test_it_understands_what_went_wrong(outcomes, check):
    told, names = ERRORS[check]
    assert told in outcomes[check]["message"]
    assert outcomes[check]["error"].endswith(names)
