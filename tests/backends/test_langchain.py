"""LangChain's chat models as a backend: one of its own fakes, and a real provider's package against a local server."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from backends.base import Image, Message, Request, ToolCall, Usage, complete
from backends.errors import (
    BadReply,
    BadSpec,
    CapabilityMissing,
    IncompleteStream,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from backends.langchain import MOST_MODELS, LangChain
from backends.langchain_wire import messages_of
from backends.lifetime import closing
from backends.load import load
from backends.profiles import Profile
from tests.backends.conftest import ADD, KEY, PARAMETERS, ask, listed
from tests.backends.deviations import call, plain, tool_chunks
from tests.echo_chat import EchoChat
from tests.fake_upstream import Canned, stream_of

DOT = "iVBORw0KGgo="


class Chunks(EchoChat):
    """Gives the chunks it is told to, and keeps how it was asked."""

    chunks: list
    asked: Any

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append((messages, stop, kwargs))
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            if chunk is None:
                await asyncio.Event().wait()
            yield ChatGenerationChunk(message=chunk)


def giving(*chunks, asked=None, **profile):
    log = [] if asked is None else asked
    settings = Profile(name="langchain", kind="langchain", **profile)
    return LangChain(settings, "test:m", lambda **fields: Chunks(chunks=list(chunks), asked=log, **fields))


def chunk(content="", **fields):
    return AIMessageChunk(content=content, **fields)


DONE = chunk(response_metadata={"finish_reason": "stop"})


async def test_a_fake_of_langchains_own_streams():
    said = AIMessage(content="Hello world, 你好 世界!")
    backend = LangChain(
        Profile(name="langchain", kind="langchain"), "fake:m", lambda: GenericFakeChatModel(messages=iter([said]))
    )
    deltas = await listed(backend, ask())
    assert [delta.text for delta in deltas] == ["Hello", " ", "world,", " ", "你好", " ", "世界!", ""]
    assert deltas[-1].finish == "stop"
    assert not backend.capabilities.tools


async def test_text_thoughts_and_counts():
    usage = {
        "input_tokens": 5, "output_tokens": 3, "total_tokens": 8,
        "input_token_details": {"cache_read": 2}, "output_token_details": {"reasoning": 1},
    }  # fmt: skip
    pieces = [
        chunk([{"type": "reasoning", "reasoning": "h", "index": 0}]),
        chunk(additional_kwargs={"reasoning_content": "m"}),
        chunk("Hel"),
        chunk("lo"),
        chunk(usage_metadata=usage, response_metadata={"stop_reason": "end_turn"}),
    ]
    reply = await complete(giving(*pieces).stream(ask()))
    assert (reply.message.content, reply.message.reasoning, reply.finish) == ("Hello", "hm", "stop")
    assert reply.usage == Usage(prompt_tokens=5, completion_tokens=3, cached_tokens=2, reasoning_tokens=1)


def tool_piece(args, name=None, id=None, index=0):
    return chunk(tool_call_chunks=[{"name": name, "args": args, "id": id, "index": index, "type": "tool_call_chunk"}])


async def test_tool_calls_in_pieces():
    asked = []
    pieces = [
        tool_piece("", "add", "c1"),
        tool_piece('{"a": 1, '),
        tool_piece('"b": 2}'),
        tool_piece("{}", "now", None, 1),
    ]
    backend = giving(*pieces, DONE, asked=asked)
    reply = await complete(backend.stream(ask(tools=(ADD,))))
    first, second = reply.message.tool_calls
    assert (first.id, first.name, json.loads(first.arguments)) == ("c1", "add", {"a": 1, "b": 2})
    assert (second.name, second.arguments) == ("now", "{}")
    assert second.id
    assert reply.finish == "tool_calls"
    assert asked[0][2]["tools"][0]["function"]["parameters"] == PARAMETERS


async def test_arguments_that_are_no_json_come_as_they_are():
    reply = await complete(giving(tool_piece("{oops]", "add", "c1"), DONE).stream(ask(tools=(ADD,))))
    assert reply.message.tool_calls == (ToolCall(id="c1", name="add", arguments="{oops]"),)


async def test_a_call_without_a_name():
    with pytest.raises(BadReply, match="without a name"):
        await complete(giving(tool_piece("{}", "", "c1"), DONE).stream(ask(tools=(ADD,))))


@pytest.mark.parametrize(("choice", "sent"), [("auto", None), ("required", "any"), ("add", "add")])
async def test_tool_choice(choice, sent):
    asked = []
    await complete(giving(chunk("x"), DONE, asked=asked).stream(ask(tools=(ADD,), tool_choice=choice)))
    assert asked[0][2].get("tool_choice") == sent
    with pytest.raises(RequestRefused, match="'sub'"):
        await complete(giving(chunk("x"), DONE).stream(ask(tools=(ADD,), tool_choice="sub")))


async def test_sampling_makes_the_model_and_what_it_has_not_is_told():
    made = []

    class Keyed(EchoChat):
        key: str = Field(alias="api_key")
        max_retries: int = 2

    def make(**fields):
        made.append(fields)
        return Keyed(**fields)

    profile = Profile(name="langchain", kind="langchain", extra_body={"verbose": False}, api_key=KEY, retries=5)
    backend = LangChain(profile, "test:m", make)
    deltas = await listed(backend, ask(temperature=0.5, max_tokens=9, seed=1, stop=("x",)))
    assert ["'seed'" in delta.warning for delta in deltas if delta.warning] == [True]
    standing = {"verbose": False, "api_key": KEY, "max_retries": 5}
    assert made == [standing, {**standing, "temperature": 0.5, "max_tokens": 9}]
    await listed(backend, ask(temperature=0.5, max_tokens=9))
    assert len(made) == 2
    for number in range(MOST_MODELS + 5):
        await listed(backend, ask(max_tokens=number + 1))
    assert len(backend._models) == MOST_MODELS


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"extra_body": {"colour": 1, "verbose": True}}, "does not take 'colour'"),
        ({"base_url": "http://x/v1", "api_key": KEY}, "does not take 'api_key', 'base_url'"),
        ({"headers": {"X-A": "b"}}, "'default_headers'"),
    ],
)
def test_what_the_constructor_does_not_have_is_refused(fields, words):
    profile = Profile.model_validate({"name": "l", "kind": "langchain", **fields})
    with pytest.raises(BadSpec, match=words) as caught:
        LangChain(profile, "t:m", EchoChat)
    assert KEY not in str(caught.value)


def test_turns():
    picture = Image(media_type="image/png", data=DOT)
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="look", images=(picture, Image(url="https://x.test/a.png"))),
        Message(role="assistant", content="I add.", tool_calls=(ToolCall(id="c", name="add", arguments='{"a": 1}'),)),
        Message(role="tool", content="3", tool_call_id="c"),
    )
    assert messages_of(turns) == [
        SystemMessage("Be brief."),
        HumanMessage(
            [
                {"type": "text", "text": "look"},
                {"type": "image", "base64": DOT, "mime_type": "image/png"},
                {"type": "image", "url": "https://x.test/a.png"},
            ]
        ),
        AIMessage("I add.", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c", "type": "tool_call"}]),
        ToolMessage("3", tool_call_id="c"),
    ]


async def test_blocks_of_the_provider_go_back_unchanged():
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln", "index": 0},
        {"type": "text", "text": "Yes.", "index": 1},
    ]
    turn = (await complete(giving(chunk(blocks), DONE).stream(ask()))).message
    assert (turn.content, turn.extra["langchain"]["content"][0]["signature"]) == ("Yes.", "c2ln")
    assert messages_of((turn,))[0].content == turn.extra["langchain"]["content"]
    assert messages_of((turn.model_copy(update={"content": "No."}),))[0].content == "No."


class Limited(Exception):
    status_code = 429
    response = None


class APITimeoutError(Exception): ...


class APIConnectionError(Exception): ...


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (Limited(f"slow down {KEY}"), RateLimited, True),
        (APITimeoutError("slow"), TimedOut, False),
        (APIConnectionError("gone"), Unreachable, True),
        (ValueError("odd"), UpstreamFailed, False),
        (NotImplementedError(), UpstreamFailed, False),
    ],
)
async def test_errors_of_the_library(error, kind, retryable):
    with pytest.raises(kind) as caught:
        await complete(giving(chunk("x"), error).stream(ask()))
    assert (type(caught.value), caught.value.retryable) == (kind, retryable)
    assert "langchain:test:m" in str(caught.value)
    assert KEY not in str(caught.value)


async def test_silence_is_not_waited_out():
    with pytest.raises(TimedOut, match=r"0\.1 s"):
        await complete(giving(chunk("x"), None, read_timeout=0.1).stream(ask()))


async def test_nothing_at_all():
    with pytest.raises((IncompleteStream, UpstreamFailed)):
        await complete(giving().stream(ask()))


def test_langchain_says_what_a_model_can_do():
    def able(**told):
        return LangChain(Profile(name="l", kind="langchain"), "t:m", lambda: EchoChat(profile=told)).capabilities

    assert able(image_inputs=True, tool_calling=False).images
    assert not able(image_inputs=True, tool_calling=False).tools
    assert able().tools
    assert not able().images
    assert not able().json_schema


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("langchain", "langchain:PROVIDER:MODEL"),
        ("langchain:", "langchain:PROVIDER:MODEL"),
        ("langchain:nobody:m", "nobody"),
        ("langchain:groq:m", "langchain-groq"),
    ],
)
def test_specs_that_cannot_be_loaded(spec, words):
    with pytest.raises(BadSpec, match=words):
        load(spec, {})


async def test_no_schema_and_no_log_probabilities():
    for fields in ({"json_schema": {"type": "object"}}, {"logprobs": 0}):
        with pytest.raises(CapabilityMissing):
            await complete(giving(chunk("x")).stream(ask(**fields)))


@pytest.fixture
def openai(upstream):
    """`langchain-openai`, the provider's real package, talking to the fake server."""
    profile = {"name": "lc", "kind": "langchain", "base_url": upstream.url, "api_key": KEY, "retries": 0}
    profile |= {"flags": {"images": True}}
    return lambda model: load(f"lc:openai:{model}", {"lc": Profile.model_validate(profile)})


async def test_a_real_provider_streams(upstream, openai):
    upstream.answers["m"] = Canned(stream_of("Hello 北京"))
    request = Request(
        messages=(Message(role="user", content="look", images=(Image(media_type="image/png", data=DOT),)),),
        temperature=0.5,
        stop=("END",),
    )
    reply = await complete(openai("m").stream(request))
    assert (reply.message.content, reply.finish) == ("Hello 北京", "stop")
    assert reply.usage == Usage(prompt_tokens=1, completion_tokens=2)
    sent = upstream.requests[0]
    assert (sent.body["temperature"], sent.body["stop"], sent.body["stream"]) == (0.5, ["END"], True)
    assert sent.body["messages"][0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{DOT}"
    assert sent.headers["authorization"] == f"Bearer {KEY}"


async def test_a_real_provider_calls_tools(upstream, openai):
    upstream.answers["m"] = Canned((plain(tool_chunks(call())),))
    reply = await complete(openai("m").stream(ask(tools=(ADD,), tool_choice="required")))
    assert [(one.name, json.loads(one.arguments)) for one in reply.message.tool_calls] == [("add", {"a": 1, "b": 2})]
    assert upstream.requests[0].body["tool_choice"] == "required"


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (500, UpstreamFailed), (404, RequestRefused)])
async def test_a_real_provider_fails(upstream, openai, status, kind):
    body = json.dumps({"error": {"message": f"boom {KEY}"}}).encode()
    upstream.answers["m"] = Canned((body,), status, {"content-type": "application/json"})
    with pytest.raises(kind, match="boom") as caught:
        await complete(openai("m").stream(ask()))
    assert KEY not in str(caught.value)


async def test_leaving_a_real_provider_closes_its_connection(upstream, openai):
    pieces = stream_of("Hello")[:2]
    upstream.answers["m"] = Canned(pieces, then="stall")
    async with closing(openai("m").stream(ask())) as deltas:
        assert (await anext(deltas)).text == "Hell"
    await asyncio.wait_for(upstream.left.wait(), 5)


async def test_a_real_provider_that_breaks_off(upstream, openai):
    """Its library tells a connection that broke; an end without a finish reason it takes for an end."""
    upstream.answers["m"] = Canned(stream_of("Hello")[:2], then="cut")
    with pytest.raises((UpstreamFailed, Unreachable)):
        await complete(openai("m").stream(ask()))


def test_without_langchain_it_says_what_to_install():
    """In an interpreter that has no such package."""
    script = """
import sys
sys.modules["langchain"] = None
from backends.errors import BadSpec
from backends.load import load
try:
    load("langchain:openai:m", {})
except BadSpec as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install -c constraints.txt -e '.[langchain]'" in done.stdout
