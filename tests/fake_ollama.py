"""A local server of Ollama's own form, for tests. `echo` says the last user message back in pieces of 4 characters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fake_upstream import Answer, Canned, FakeUpstream, Received

NDJSON = {"content-type": "application/x-ndjson"}
COUNTS = {"total_duration": 5_000_000, "prompt_eval_count": 1, "prompt_eval_duration": 1, "eval_count": 2}


def line(message: Mapping[str, Any] | None = None, **more: Any) -> bytes:
    fields = {} if message is None else {"message": {"role": "assistant", "content": "", **message}}
    said = {"model": "m", "created_at": "2026-01-02T03:04:05.678Z", **fields, "done": False, **more}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def last(reason: str = "stop", **more: Any) -> bytes:
    return line({}, done=True, done_reason=reason, **{**COUNTS, **more})


def stream_of(text: str, size: int = 4) -> tuple[bytes, ...]:
    return (*(line({"content": text[at : at + size]}) for at in range(0, len(text), size)), last())


def ndjson(*pieces: bytes, **fields: Any) -> Canned:
    return Canned(pieces, headers=NDJSON, **fields)


def echo(body: Mapping[str, Any]) -> Canned:
    said = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
    for word in body.get("options", {}).get("stop") or ():
        said = said.partition(word)[0]
    return ndjson(*stream_of(said))


class FakeOllama(FakeUpstream):
    """`abilities`: what `/api/show` says of each model; one that is not there is an old server, which does not say."""

    def __init__(
        self, answers: Mapping[str, Answer] | None = None, abilities: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__({"echo": echo, **(answers or {})})
        self.abilities = dict(abilities or {})

    async def start(self, port: int = 0) -> str:
        return (await super().start(port)).removesuffix("/v1")

    def _canned(self, received: Received) -> Canned:
        if received.path == "/api/tags":
            listed = {"models": [{"name": name, "model": name, "size": 1} for name in self.answers]}
            return Canned((json.dumps(listed).encode(),), headers={"content-type": "application/json"})
        model = str(received.body.get("model", ""))
        if model not in self.answers:
            return Canned((json.dumps({"error": f"model {model!r} not found"}).encode(),), status=404)
        if received.path == "/api/show":
            told = {"capabilities": list(self.abilities[model])} if model in self.abilities else {}
            return Canned((json.dumps({"details": {"family": "llama"}, "model_info": {}, **told}).encode(),))
        if received.path != "/api/chat":
            return Canned((b"404 page not found",), status=404, headers={"content-type": "text/plain"})
        return super()._canned(received)
