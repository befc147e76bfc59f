"""What every backend keeps, whatever it is made of."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from backends.anthropic import Anthropic
from backends.base import Capabilities, Delta, Image, Message, Request, Source, ToolSpec, complete
from backends.cache import Cached, ReplyCache
from backends.errors import CapabilityMissing
from backends.extractive import Extractive, Quote
from backends.langchain import LangChain
from backends.lifetime import close, closing
from backends.ollama import Ollama
from backends.openai import OpenAI
from backends.profiles import Profile
from backends.retry import Retry
from backends.scripted import Scripted
from tests.echo_chat import EchoChat
from tests.fake_anthropic import FakeAnthropic
from tests.fake_ollama import FakeOllama
from tests.fake_upstream import FakeUpstream
from tests.tiny_model import echo_backend

KEY = "sk-contract-0123456789"
TEXTS = [
    "Hello, world.",
    "北京是中国的首都。",
    "👩‍👩‍👧 e\u0301 \u202eabc\u2028x",
    "line one\nline two\n\n  indented",
    "a" * 5000,
]
NO_TOOLS = {"tools": False, "json_form": "none", "logprobs": False}


async def quote_all(question, sources):
    return [Quote(source=0, text=sources[0].text)]


def over_http(url, **flags):
    flags = {"scoring": "none", **flags}
    return OpenAI(Profile.model_validate({"name": "fake", "base_url": url, "api_key": KEY, "flags": flags}), "echo")


def profile_at(url, kind, **fields):
    return Profile.model_validate({"name": "fake", "kind": kind, "base_url": url, "api_key": KEY, **fields})


# Each makes a backend that says the text of the last user message; the URL is that of a server which does.
BACKENDS = {
    "openai": over_http,
    "openai with images": lambda url: over_http(url, images=True),
    "openai that scores": lambda url: over_http(url, scoring="echo"),
    "openai with nothing": lambda url: over_http(url, **NO_TOOLS),
    "retry": lambda url: Retry(over_http(url)),
    "ollama": lambda url: Ollama(profile_at(url, "ollama"), "echo"),
    "ollama with nothing": lambda url: Ollama(profile_at(url, "ollama", flags={**NO_TOOLS, "images": False}), "echo"),
    "anthropic": lambda url: Anthropic(profile_at(url, "anthropic", flags={"images": True, "logprobs": False}), "echo"),
    "anthropic with nothing": lambda url: Anthropic(profile_at(url, "anthropic", flags=NO_TOOLS), "echo"),
    "cached": lambda url: Cached(over_http(url), ReplyCache(Memory(), "all"), identity=""),
    "langchain": lambda url: echo_chat(),
    "langchain with images": lambda url: echo_chat(flags={"images": True, "tools": True}),
    "scripted": lambda url: Scripted(lambda request: request.messages[-1].content),
    "extractive": lambda url: Extractive(quote_all),
    "hf": lambda url: echo_backend(),
}


def echo_chat(**fields):
    return LangChain(Profile(name="langchain", kind="langchain", **fields), "test:echo", EchoChat)


class Memory(dict):
    async def get(self, key):
        return super().get(key)

    async def put(self, key, value):
        self[key] = value


SERVERS = {"ollama": FakeOllama, "anthropic": FakeAnthropic}


@asynccontextmanager
async def running(name):
    upstream = SERVERS.get(name.partition(" ")[0], FakeUpstream)()
    backend = BACKENDS[name](await upstream.start())
    yield backend
    await close(backend)
    await upstream.stop()


@pytest.fixture(params=BACKENDS)
async def backend(request):
    async with running(request.param) as made:
        yield made


def saying(text, images=False, **fields):
    source = Source(id="s", title="s.txt", text=text)
    pictures = (Image(media_type="image/png", data=DOT),) if images else ()
    return Request(messages=(Message(role="user", content=text, images=pictures),), sources=(source,), **fields)


def expected(backend, text):
    return f"{text} [1]" if backend.name == "extractive" else text


async def listed(backend, text, **fields):
    return [delta async for delta in backend.stream(saying(text, **fields))]


@pytest.mark.parametrize("text", TEXTS)
async def test_the_pieces_are_the_answer(backend, text):
    deltas = await listed(backend, text)
    assert "".join(delta.text for delta in deltas) == expected(backend, text)
    completion = await complete(backend.stream(saying(text)))
    assert completion.message == Message(role="assistant", content=expected(backend, text))


async def test_finish_comes_once_and_last(backend):
    deltas = await listed(backend, TEXTS[0])
    assert [delta.finish for delta in deltas] == [None] * (len(deltas) - 1) + ["stop"]
    assert all(delta.usage is None for delta in deltas[:-1])


async def test_no_delta_is_empty(backend):
    assert Delta() not in await listed(backend, TEXTS[1])


async def test_name_is_a_spec_without_a_key(backend):
    assert backend.name
    assert not backend.name.isspace()
    assert KEY not in f"{backend.name} {backend!r}"


async def test_stop_ends_the_answer_before_itself(backend):
    assert "".join(delta.text for delta in await listed(backend, "keep STOP drop", stop=("STOP",))) == "keep "


ASKING = {
    "tools": {"tools": (ToolSpec(name="t", description="d", parameters={"type": "object", "properties": {}}),)},
    "json_schema": {"json_schema": {"type": "boolean"}},  # it leaves a small model no room to go on for ever
    "logprobs": {"logprobs": 0},
    "images": {"images": True},
    "scoring": {"continuations": ("x",)},
    "causal": {"beams": 2},
}
DOT = "iVBORw0KGgo="


@pytest.mark.parametrize("capability", ASKING)
async def test_what_it_says_it_can_do_is_taken_and_the_rest_refused(backend, capability):
    assert isinstance(backend.capabilities, Capabilities)
    if getattr(backend.capabilities, capability):
        assert (await listed(backend, "x", **ASKING[capability]))[-1].finish == "stop"
        return
    with pytest.raises(CapabilityMissing) as caught:
        await listed(backend, "x", **ASKING[capability])
    assert caught.value.code == capability
    assert not caught.value.retryable
    assert all(way in str(caught.value) for way in ("(1)", "(2)", "(3)", repr(capability), repr(backend.name)))


async def test_streams_at_once_do_not_mix(backend):
    texts = [f"{n} 世界 stream number {n} " * 5 for n in range(16)]
    replies = await asyncio.gather(*(complete(backend.stream(saying(text))) for text in texts))
    assert [reply.message.content for reply in replies] == [expected(backend, text) for text in texts]


async def test_streams_read_in_turns_do_not_mix(backend):
    texts = ["one one one one one one", "二二二二二二二二二二二二二二二二"]
    streams = [backend.stream(saying(text)) for text in texts]
    said = ["", ""]
    open_streams = {0, 1}
    while open_streams:
        for n in sorted(open_streams):
            delta = await anext(streams[n], None)
            if delta is None:
                open_streams.discard(n)
            else:
                said[n] += delta.text
    assert said == [expected(backend, text) for text in texts]


async def test_leaving_midway_leaves_the_backend_usable(backend):
    async with closing(backend.stream(saying(TEXTS[4]))) as deltas:
        assert (await anext(deltas)).text
    with pytest.raises(StopAsyncIteration):
        await anext(deltas)
    assert (await complete(backend.stream(saying("again")))).message.content == expected(backend, "again")


async def test_a_stream_never_read_asks_for_nothing(backend):
    async with closing(backend.stream(saying("x"))):
        pass
    assert (await complete(backend.stream(saying("y")))).message.content == expected(backend, "y")
