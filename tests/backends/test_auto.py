"""Which models a server lists, and which backend is chosen when nobody said."""

import asyncio
import json
import re
from functools import partial

import pytest

from backends.auto import choose
from backends.errors import AuthenticationFailed, BadReply, BadSpec, TimedOut, Unreachable
from backends.models import models
from backends.presets import known_profiles
from backends.profiles import Profile
from tests.backends.conftest import KEY
from tests.fake_ollama import FakeOllama
from tests.fake_upstream import Canned, FakeUpstream


def server_at(url, **fields):
    return Profile.model_validate({"name": "fake", "base_url": url, **fields})


async def test_models(upstream):
    assert await models(server_at(upstream.url, api_key=KEY)) == ["echo", "tokens", "paced"]
    assert upstream.requests[0].path == "/v1/models"
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ([{"id": "a"}, {"id": "b"}], ["a", "b"]),
        ({"data": []}, []),
        ({"data": [{"id": "models/gemini", "display_name": "x"}]}, ["models/gemini"]),
        ({"data": [{"id": "rag", "owned_by": "sandtable"}, {"id": "a"}]}, ["a"]),
    ],
)
async def test_forms_of_the_list(upstream, listed, names):
    upstream.models = Canned((json.dumps(listed).encode(),))
    assert await models(server_at(upstream.url)) == names


@pytest.mark.parametrize(
    "body",
    [b"<html>My router</html>", b"{}", b'{"data": null}', b'{"data": ["a"]}', b'{"data": [{"name": "a"}]}', b"7", b"",
     b'{"data": [{"id": ""}]}', b"[" * 100_000],
)  # fmt: skip
async def test_other_services_are_no_model_servers(upstream, body):
    upstream.models = Canned((body,))
    with pytest.raises(BadReply):
        await models(server_at(upstream.url))


async def test_refused(upstream):
    error = {"error": {"message": f"bad {KEY}", "code": "invalid_api_key"}}
    upstream.models = Canned((json.dumps(error).encode(),))
    with pytest.raises(AuthenticationFailed, match=r"bad \[hidden\]"):
        await models(server_at(upstream.url, api_key=KEY))


async def test_no_server_to_ask():
    with pytest.raises(BadSpec, match="base_url"):
        await models(Profile(name="x"))


async def test_dead_port(upstream):
    await upstream.stop()
    with pytest.raises(Unreachable):
        await models(server_at(upstream.url))
    await upstream.start()


async def test_deaf_server_is_given_up_in_time(upstream):
    upstream.models = Canned(then="silent")
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        await models(server_at(upstream.url), seconds=0.05)


def answering(**servers):
    """A probe that knows these servers' models; at all others nothing listens."""

    async def probe(profile):
        if profile.name in servers:
            return servers[profile.name]
        raise Unreachable("nobody", retryable=True)

    return probe


@pytest.mark.parametrize(
    ("setting", "environment", "servers", "spec", "words"),
    [
        ("groq:x", {"OPENAI_API_KEY": KEY}, {"vllm": ["m"]}, "groq:x", "explicitly"),
        (" extractive ", {"OPENAI_API_KEY": KEY}, {}, "extractive", "explicitly"),
        (None, {"DEEPSEEK_API_KEY": KEY}, {"vllm": ["m"]}, "deepseek:deepseek-chat", "'deepseek'"),
        ("auto", {"MISTRAL_API_KEY": KEY, "DASHSCOPE_API_KEY": KEY}, {}, "dashscope:qwen-plus", "'dashscope'"),
        ("", {"OPENAI_API_KEY": "  "}, {"ollama": ["qwen3:8b"]}, "ollama:qwen3:8b", "11434.*'qwen3:8b'"),
        (None, {}, {"ollama": ["a"], "llamacpp": ["b"]}, "llamacpp:b", "8080"),
        (None, {}, {"ollama": ["nomic-embed-text:latest", "llama3"]}, "ollama:llama3", "llama3"),
        (None, {}, {"lmstudio": ["text-embedding-nomic", "BAAI/bge-m3"]}, "extractive", "quotes"),
        (None, {}, {"vllm": []}, "extractive", "quotes"),
        (None, {}, {}, "extractive", "no local model server.*8000.*8080.*1234.*11434"),
        (None, {"OPENAI_BASE_URL": "http://gpu:1/v1"}, {"openai": ["m"]}, "openai:m", "http://gpu:1/v1"),
    ],
)
async def test_choice(setting, environment, servers, spec, words):
    choice = await choose(setting, known_profiles(environment), answering(**servers))
    assert choice.spec == spec
    assert re.search(words, choice.reason)
    assert KEY not in repr(choice)


async def test_own_address_of_a_local_server_is_probed():
    own = {"ollama": Profile(name="ollama", base_url="http://10.0.0.7:11434/v1")}
    choice = await choose(None, known_profiles({}, own), answering(ollama=["m"]))
    assert (choice.spec, "10.0.0.7" in choice.reason) == ("ollama:m", True)


async def test_servers_are_asked_at_the_same_time():
    waiting = asyncio.Barrier(4)

    async def probe(profile):
        await asyncio.wait_for(waiting.wait(), 5)
        return []

    assert (await choose(None, known_profiles({}), probe)).spec == "extractive"


async def test_a_real_server_and_dead_ports():
    upstream = FakeUpstream()
    url = await upstream.start()
    dead = {name: Profile(name=name, base_url="http://127.0.0.1:9/v1") for name in ("vllm", "lmstudio", "ollama")}
    profiles = known_profiles({}, {**dead, "llamacpp": Profile(name="llamacpp", base_url=url)})
    assert (await choose("auto", profiles)).spec == "llamacpp:echo"
    await upstream.stop()


async def test_models_of_ollamas_own_api():
    server = FakeOllama({"qwen3:8b": []})
    url = await server.start()
    profile = Profile(name="ollama", kind="ollama", base_url=url)
    assert await models(profile) == ["echo", "tokens", "paced", "qwen3:8b"]
    assert server.requests[0].path == "/api/tags"
    choice = await choose(None, known_profiles({}, {"ollama": profile}), probe=partial(only, url))
    assert choice.spec == "ollama:echo"
    await server.stop()


async def only(url, profile):
    """The models of the server at `url`; no other is asked."""
    if profile.base_url != url:
        raise Unreachable("not asked")
    return await models(profile)


async def test_a_key_of_anthropic_is_found():
    choice = await choose(None, known_profiles({"ANTHROPIC_API_KEY": KEY}))
    assert choice.spec.startswith("anthropic:claude-")


async def test_models_of_anthropic(upstream):
    profile = Profile.model_validate({"name": "a", "kind": "anthropic", "base_url": upstream.url, "api_key": KEY})
    upstream.models = Canned((json.dumps({"data": [{"type": "model", "id": "claude-x"}], "has_more": False}).encode(),))
    assert await models(profile) == ["claude-x"]
    headers = upstream.requests[0].headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
