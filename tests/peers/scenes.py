"""What must hold against llama.cpp's server with the test model, whether it runs or its recorded answers are replayed.

Each scene is a coroutine of the server's root URL. Every number expected is worked out from the model's own table.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from backends.base import Backend, Completion, Message, Request, ToolSpec, complete
from backends.embeddings import EmbeddingModel
from backends.errors import ContextLengthExceeded, RequestRefused, UpstreamFailed
from backends.lifetime import close
from backends.load import client, found, load
from backends.models import models
from backends.probe import SCHEMA, WORD
from backends.profiles import Embeddings, Profile
from tests.peers.llama_server import MODEL
from tests.peers.markov import CONTEXT, log_probability, split, tokens
from tests.server.conftest import serving

CLOSE = 1e-3
"""How near a log-probability must come: the server computes in 32 bits and prints 16 digits."""
ADD = ToolSpec(
    name="add",
    description="Add two numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
TEMPLATED = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


def profile(url: str, kind: str = "openai", **flags: Any) -> Profile:
    named = {"name": "llama", "kind": kind, "base_url": f"{url}/v1", "retries": 0, "flags": flags}
    return Profile.model_validate(named)


@asynccontextmanager
async def backend(url: str, kind: str = "openai", **flags: Any) -> AsyncIterator[Backend]:
    made = client(profile(url, kind, **flags), MODEL)
    try:
        yield made
    finally:
        await close(made)


def ask(text: str = "hi", **fields: Any) -> Request:
    return Request(messages=(Message(role="user", content=text),), **{"temperature": 0.0, "max_tokens": 60} | fields)


async def answer(url: str, request: Request, kind: str = "openai") -> Completion:
    async with backend(url, kind) as made:
        return await complete(made.stream(request))


async def says_what_is_likeliest(url: str) -> None:
    reply = await answer(url, ask("你好"))
    assert (reply.message.content, reply.finish) == ("Hello world!", "stop")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == len(split(TEMPLATED.format("你好")))
    assert reply.usage.completion_tokens == 4  # the last one ends the turn


async def tells_log_probabilities(url: str) -> None:
    reply = await answer(url, ask(logprobs=2))
    path = ["\n", "Hello", " world", "!"]
    told = [(entry.token, entry.logprob) for entry in reply.logprobs]
    known = [(after, log_probability(last, after)) for last, after in pairwise(path)]
    assert [token for token, _ in told[:3]] == [token for token, _ in known]
    assert [value for _, value in told[:3]] == pytest.approx([value for _, value in known], abs=CLOSE)
    second = reply.logprobs[0].top[1]
    assert second == ("北京", pytest.approx(log_probability("\n", "北京"), abs=CLOSE))
    assert all(entry.logprob <= 0 and math.isfinite(entry.logprob) for entry in reply.logprobs)


async def stops_where_it_is_told(url: str) -> None:
    reply = await answer(url, ask(stop=("world",)))
    assert (reply.message.content, reply.finish) == ("Hello ", "stop")
    reply = await answer(url, ask(max_tokens=1))
    assert (reply.message.content, reply.finish) == ("Hello", "length")


async def samples_alike_with_one_seed(url: str) -> None:
    request = ask(temperature=2.0, seed=7, max_tokens=12)
    first, second = [await answer(url, request) for _ in range(2)]
    assert first.message.content == second.message.content


async def calls_a_tool_and_then_speaks(url: str) -> None:
    question = Message(role="user", content="add")
    request = Request(messages=(question,), tools=(ADD,), temperature=0.0, max_tokens=60)
    asked = await answer(url, request)
    assert asked.finish == "tool_calls"
    [call] = asked.message.tool_calls
    assert call.name == "add"
    assert json.loads(call.arguments).keys() == {"a", "b"}
    result = Message(role="tool", content="8", tool_call_id=call.id)
    told = await answer(url, request.model_copy(update={"messages": (question, asked.message, result)}))
    assert (told.message.content, told.finish, told.message.tool_calls) == ("Done with it.", "stop", ())


async def calls_when_it_has_to(url: str) -> None:
    reply = await answer(url, ask(tools=(ADD,), tool_choice="add"))
    assert [call.name for call in reply.message.tool_calls] == ["add"]


async def keeps_to_a_schema(url: str) -> None:
    reply = await answer(url, ask(json_schema=SCHEMA))
    assert json.loads(reply.message.content) == {"word": WORD}


async def shows_what_it_can_do(url: str) -> None:
    open_profile = profile(url)
    findings = {name: await found(name, open_profile, MODEL) for name in ("tools", "json_schema", "logprobs")}
    assert [finding.works for finding in findings.values()] == [True, True, True]
    assert findings["json_schema"].json_form == "schema"
    assert all(finding.usage for finding in findings.values())


async def is_found_to_score_nothing(url: str) -> None:
    """It passes over `prompt_logprobs` and `echo` (seen with commit 0c1e570)."""
    finding = await found("scoring", profile(url), MODEL)
    assert (finding.works, finding.scoring_form) == (False, "none")


async def works_through_the_loaded_backend(url: str) -> None:
    made = load(f"llama:{MODEL}", {"llama": profile(url)})
    reply = await complete(made.stream(ask(json_schema=SCHEMA)))
    assert json.loads(reply.message.content) == {"word": WORD}
    await close(made)


async def lists_its_model(url: str) -> None:
    assert await models(profile(url)) == [MODEL]


async def refuses_what_is_too_long(url: str) -> None:
    with pytest.raises(ContextLengthExceeded):
        await answer(url, ask("x" * CONTEXT))


async def refuses_what_it_does_not_understand(url: str) -> None:
    with pytest.raises((RequestRefused, UpstreamFailed)) as caught:
        await answer(url, ask(json_schema={"type": "colour"}))
    assert caught.value.status is not None
    assert str(caught.value).count("127.0.0.1") == 1


async def speaks_anthropics_form(url: str) -> None:
    reply = await answer(url, ask("你好"), "anthropic")
    assert (reply.message.content, reply.finish) == ("Hello world!", "stop")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == len(split(TEMPLATED.format("你好")))


async def calls_a_tool_in_anthropics_form(url: str) -> None:
    question = Message(role="user", content="add")
    request = Request(messages=(question,), tools=(ADD,), temperature=0.0, max_tokens=60)
    asked = await answer(url, request, "anthropic")
    assert asked.finish == "tool_calls"
    [call] = asked.message.tool_calls
    assert json.loads(call.arguments).keys() == {"a", "b"}
    result = Message(role="tool", content="8", tool_call_id=call.id)
    told = await answer(url, request.model_copy(update={"messages": (question, asked.message, result)}), "anthropic")
    assert told.message.content == "Done with it."


async def answers_through_the_service(url: str) -> None:
    """The whole way: a client's chat completion with a schema, tools, log-probabilities, and a stream."""
    named = profile(url).model_dump(include={"base_url", "retries"})
    question = {"role": "user", "content": "add"}
    fixed = {"model": "chat", "temperature": 0, "max_tokens": 60}
    tool = {"type": "function", "function": ADD.model_dump(mode="json")}
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), backend=f"llama:{MODEL}", backends={"llama": named}) as client:

            async def said(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
                reply = await client.post("/v1/chat/completions", json={**fixed, "messages": messages, **fields})
                assert reply.status_code == 200, reply.text
                choice: dict[str, Any] = reply.json()["choices"][0]
                return choice

            form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
            kept = await said(question, response_format=form)
            assert json.loads(kept["message"]["content"]) == {"word": WORD}
            asked = await said(question, tools=[tool])
            assert asked["finish_reason"] == "tool_calls"
            [call] = asked["message"]["tool_calls"]
            assert call["function"]["name"] == "add"
            result = {"role": "tool", "content": "8", "tool_call_id": call["id"]}
            turn = {"role": "assistant", "content": None, "tool_calls": asked["message"]["tool_calls"]}
            told = await said(question, turn, result, tools=[tool])
            assert told["message"]["content"] == "Done with it."
            with_odds = await said({"role": "user", "content": "hi"}, logprobs=True)
            odds = {entry["token"]: entry["logprob"] for entry in with_odds["logprobs"]["content"]}
            assert odds["Hello"] == pytest.approx(log_probability("\n", "Hello"), abs=CLOSE)


async def embeds_a_text_as_its_tokens(url: str) -> None:
    """With --embeddings --pooling mean: the mean of unit vectors, one for each token, scaled to length 1.

    Texts of one length a request: of unequal ones sent together, a causal model's server with several slots pools only
    the tokens of the last part of each (seen with commit 0c1e570: 'abba' beside a shorter one came back as 'bba').
    """
    known = tokens()
    for encoding in ("float", "base64"):
        asked = profile(url).model_copy(update={"embeddings": Embeddings(encoding=encoding)})
        model = EmbeddingModel(asked, MODEL)
        try:
            for texts in (["abba", "baab"], ["Hello world"], ["北京"]):
                for text, vector in zip(texts, await model.embed(texts), strict=True):
                    ids = split(text)
                    length = math.hypot(*(ids.count(id) for id in set(ids)))
                    expected = {known[id]: pytest.approx(ids.count(id) / length, abs=CLOSE) for id in set(ids)}
                    assert {known[place]: value for place, value in enumerate(vector) if value > CLOSE} == expected
        finally:
            await model.aclose()


Scene = Callable[[str], Awaitable[None]]
SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        says_what_is_likeliest, tells_log_probabilities, stops_where_it_is_told, samples_alike_with_one_seed,
        calls_a_tool_and_then_speaks, calls_when_it_has_to, keeps_to_a_schema, shows_what_it_can_do,
        works_through_the_loaded_backend, lists_its_model, refuses_what_is_too_long,
        refuses_what_it_does_not_understand, speaks_anthropics_form, calls_a_tool_in_anthropics_form,
    )
}  # fmt: skip
EMBEDDING_SCENES: dict[str, Scene] = {"embeds_a_text_as_its_tokens": embeds_a_text_as_its_tokens}
EMBEDDING_FLAGS = ("--embeddings", "--pooling", "mean")
LIVE_SCENES: dict[str, Scene] = {
    scene.__name__: scene for scene in (answers_through_the_service, is_found_to_score_nothing)
}
"""Not recorded: what pipelines ask, and trials, may change without any wire format changing."""
