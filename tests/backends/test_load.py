"""Specs, profiles and presets."""

import json

import pytest
from pydantic import SecretStr, ValidationError

from backends.base import complete
from backends.errors import BadSpec, RequestRefused
from backends.extractive import Extractive
from backends.lifetime import close
from backends.load import load
from backends.presets import PRESETS, known_profiles
from backends.profiles import Profile
from backends.retry import Retry
from tests.backends.conftest import KEY, ask
from tests.fake_upstream import Canned


async def no_quotes(question, sources):
    return []


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("deepseek:deepseek-chat", "deepseek:deepseek-chat"),
        ("deepseek", "deepseek:deepseek-chat"),
        (" ollama:qwen3:8b ", "ollama:qwen3:8b"),
        ("siliconflow:Qwen/Qwen3-8B", "siliconflow:Qwen/Qwen3-8B"),
        ("extractive", "extractive"),
        ("extractive:", "extractive"),
    ],
)
def test_specs(spec, name):
    profiles = known_profiles({"DEEPSEEK_API_KEY": KEY, "SILICONFLOW_API_KEY": KEY})
    assert load(spec, profiles, quote=no_quotes).name == name


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nobody:m", "no backend 'nobody'.*deepseek, extractive.*scripted"),
        ("", "no backend ''"),
        ("DeepSeek:m", "no backend 'DeepSeek'"),
        ("ollama", "'ollama:MODEL'"),
        ("ollama: ", "'ollama:MODEL'"),
        ("deepseek:m", "set DEEPSEEK_API_KEY"),
        ("dashscope:m", "DASHSCOPE_API_KEY or QWEN_API_KEY"),
        ("extractive:m", "no models"),
        ("scripted:a\0b", "control character"),
        ("ollama:a\nb", "control character"),
        ("ollama:\ud800", "surrogate"),
    ],
)
def test_bad_specs(spec, words):
    with pytest.raises(BadSpec, match=words):
        load(spec, known_profiles({}), quote=no_quotes)


def test_extractive_needs_a_quoter():
    with pytest.raises(BadSpec, match="quotes"):
        load("extractive", {})


async def test_own_profile_is_retried_and_closed(upstream):
    profile = Profile(name="mine", base_url=upstream.url, model="echo", retries=1)
    backend = load("mine", {"mine": profile})
    assert isinstance(backend, Retry)
    assert (await complete(backend.stream(ask("你好")))).message.content == "你好"
    await close(backend)


async def test_number_of_retries_is_the_profiles(upstream):
    upstream.answers["m"] = Canned((b"{}",), 503, {"retry-after": "0"})
    backend = load("mine:m", {"mine": Profile(name="mine", base_url=upstream.url, retries=3)})
    with pytest.raises(Exception, match="503"):
        await complete(backend.stream(ask()))
    assert len(upstream.requests) == 4
    await close(backend)


def test_own_profiles_of_the_other_kinds(tmp_path):
    path = tmp_path / "s.json"
    path.write_text('["x"]')
    profiles = known_profiles({}, {"demo": Profile(name="demo", kind="scripted", model=str(path))})
    assert load("demo", profiles).name == f"scripted:{path}"
    quotes = {"quotes": Profile(name="quotes", kind="extractive")}
    assert isinstance(load("quotes", quotes, quote=no_quotes), Extractive)


def test_keys_come_from_the_given_environment():
    profiles = known_profiles({"GOOGLE_API_KEY": "second", "GEMINI_API_KEY": " first\n", "GROQ_API_KEY": " "})
    assert profiles["gemini"].api_key == SecretStr("first")
    assert profiles["groq"].api_key is None
    assert profiles.keys() == PRESETS.keys()


def test_openai_elsewhere_needs_no_key():
    profiles = known_profiles({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"})
    assert profiles["openai"].base_url == "http://127.0.0.1:9/v1"
    assert load("openai:m", profiles).name == "openai:m"


def test_what_cannot_be_a_key_is_passed_over_and_told(caplog):
    profiles = known_profiles({"GEMINI_API_KEY": "你的密钥", "GOOGLE_API_KEY": KEY, "GROQ_API_KEY": "a\nb"})
    assert profiles["gemini"].api_key == SecretStr(KEY)
    assert profiles["groq"].api_key is None
    assert [name in caplog.text for name in ("GEMINI_API_KEY", "GROQ_API_KEY", "你的密钥")] == [True, True, False]


def test_bad_address_for_openai():
    with pytest.raises(BadSpec, match=r"OPENAI_BASE_URL.*http"):
        known_profiles({"OPENAI_BASE_URL": "gpu:8000"})


def test_own_profile_stands_before_the_preset():
    own = Profile(name="ollama", base_url="http://10.0.0.7:11434/v1")
    assert known_profiles({}, {"ollama": own})["ollama"] == own


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base_url": "ftp://x/v1"}, "http"),
        ({"base_url": "api.test/v1"}, "http"),
        ({"base_url": f"https://user:{KEY}@x/v1"}, "no user"),
        ({"base_url": f"https://x/v1?key={KEY}"}, "query"),
        ({"api_key": f"{KEY}\nX-Evil: 1"}, "api_key"),
        ({"api_key": f"{KEY}é"}, "api_key"),
        ({"headers": {"X-A": f"{KEY}\r\n"}}, "headers.X-A"),
        ({"extra_body": {"stream": False}}, "'stream'"),
        ({"extra_body": {"n": 2, "model": "x"}}, "'model', 'n'"),
        ({"name": "a:b"}, "name"),
        ({"kind": "magic"}, "kind"),
        ({"kind": "ollama", "base_url": "http://x:11434/v1/"}, "root.*11434.*kind 'openai'"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"api_key": [KEY]}, "api_key"),
        ({"retries": -1}, "retries"),
        ({"read_timeout": 0}, "read_timeout"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_profiles_are_refused_without_showing_secrets(fields, words):
    with pytest.raises(ValidationError, match=words) as caught:
        Profile.model_validate({"name": "x", **fields})
    assert KEY not in str(caught.value)


def test_secrets_show_in_no_repr():
    profile = Profile.model_validate({"name": "x", "base_url": "http://x/v1", "api_key": KEY, "headers": {"A": KEY}})
    shown = f"{profile!r} {profile} {profile.model_dump()} {profile.model_dump_json()} {load('x:m', {'x': profile})!r}"
    assert KEY not in shown
    assert json.loads(profile.model_dump_json())["api_key"] == "**********"


@pytest.mark.parametrize(
    ("spec", "path"),
    [("ollama:m", "/api/chat"), ("anthropic:m", "/v1/messages"), ("vllm:m", "/v1/chat/completions")],
)
async def test_each_kind_speaks_its_own_form(upstream, spec, path):
    name = spec.partition(":")[0]
    known = known_profiles({"ANTHROPIC_API_KEY": KEY})[name]
    url = upstream.url.removesuffix("/v1") if known.kind == "ollama" else upstream.url
    backend = load(spec, {name: known.model_copy(update={"base_url": url, "retries": 0})})
    with pytest.raises(RequestRefused, match="no model 'm'"):
        await complete(backend.stream(ask()))
    assert upstream.requests[0].path == path
    await close(backend)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.key_names])
def test_nothing_of_a_hosted_provider_has_to_be_tried_out(name):
    assert known_profiles({})[name].in_doubt() == frozenset()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_usable(name):
    preset = PRESETS[name]
    backend = load(f"{name}:m", known_profiles({variable: KEY for variable in preset.key_names}))
    assert backend.name == f"{name}:m"
    assert (preset.model is None) == (not preset.key_names)
