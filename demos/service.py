"""The few HTTP calls that the demos make, as any client could make them. Every failure is a DemoFailed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
INGEST_SECONDS = 300.0
POLL_SECONDS = 0.1
FIRST_SECONDS = 10.0
"""Longest wait for the first sign of life."""


class DemoFailed(Exception):
    """The service could not be reached, or refused; the message is for the reader."""


class Refused(DemoFailed):
    """The service answered with an error of its own; `about` is what it says of it for programs."""

    def __init__(self, message: str, code: str | None, about: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.about = about


@contextmanager
def connected(base_url: str, api_key: str | None, first_seconds: float = FIRST_SECONDS) -> Iterator[httpx.Client]:
    """A client of the service. Raises DemoFailed for whatever the network does inside."""
    import httpx

    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    # Proxy variables never concern this machine. A local model may think for minutes before its first word.
    trust_env = urlsplit(base_url).hostname not in LOOPBACK
    timeout = httpx.Timeout(300.0, connect=5.0)
    try:
        with httpx.Client(base_url=base_url, headers=headers, timeout=timeout, trust_env=trust_env) as client:
            call(client, "GET", "/healthz", timeout=first_seconds)
            yield client
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DemoFailed(f"{base_url} does not answer: {str(error) or type(error).__name__}") from None


def call(client: httpx.Client, method: str, path: str, **request: Any) -> dict[str, Any]:
    """One request and the JSON it gives. Raises DemoFailed with the service's own words."""
    response = client.request(method, path, **request)
    _check(response)
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DemoFailed(f"{_named(response)} answered no JSON object: is this a Sandtable service?")
    return body


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    answered = f"{_named(response)} answered {response.status_code}"
    try:
        error = response.json()["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        raise DemoFailed(f"{answered}: is this a Sandtable service?") from None
    raise Refused(f"{answered}: {message}", error.get("code"), error.get("sandtable") or {})


def _named(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"


def unused_name(client: httpx.Client, wanted: str) -> str:
    """`wanted`, or `wanted-2`, ...: a name that no collection has, so that `rag:NAME` means one thing."""
    name, number = wanted, 1
    while call(client, "GET", "/v1/vector_stores", params={"name": name})["data"]:
        number += 1
        name = f"{wanted}-{number}"
    return name


def upload(client: httpx.Client, path: Path) -> str:
    """Send a file; returns its id."""
    made = call(
        client,
        "POST",
        "/v1/files",
        files={"file": (path.name, path.read_bytes())},
        data={"purpose": "assistants"},
    )
    return str(made["id"])


def ingest(client: httpx.Client, store_id: str, files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put files, each {file_id, attributes}, into the store and wait; returns the store's files. Raises DemoFailed."""
    batches = f"/v1/vector_stores/{store_id}/file_batches"
    batch = call(client, "POST", batches, json={"files": files})
    deadline = time.monotonic() + INGEST_SECONDS
    while batch["status"] == "in_progress":
        if time.monotonic() > deadline:
            raise DemoFailed(f"the files are still not ready after {INGEST_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
        batch = call(client, "GET", f"{batches}/{batch['id']}")
    listed = call(client, "GET", f"{batches}/{batch['id']}/files", params={"limit": 100, "order": "asc"})
    done: list[dict[str, Any]] = listed["data"]
    return done


def chat(client: httpx.Client, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed chat completion as they come. Raises DemoFailed for an error before or within them."""
    with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        _check(response)
        for data in _messages(response.iter_text()):
            if data == "[DONE]":
                return
            chunk: dict[str, Any] = json.loads(data)
            if "error" in chunk:
                error = chunk["error"]
                raise Refused(error["message"], error.get("code"), error.get("sandtable") or {})
            yield chunk
    raise DemoFailed("the answer broke off: the stream ended without [DONE]")


def _messages(pieces: Iterator[str]) -> Iterator[str]:
    """The data of server-sent events, one line each. Not `iter_lines`, which also breaks at U+2028 inside a string."""
    rest = ""
    for piece in pieces:
        *frames, rest = (rest + piece).split("\n\n")
        for frame in frames:
            if frame.startswith("data: "):
                yield frame.removeprefix("data: ")
