"""Which backends are kept, and when one is closed."""

import re
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from backends.base import Delta, Message, Request
from backends.errors import BadSpec
from backends.scripted import Scripted
from server.backend_choice import MOST_LOADED, Backends, profiles
from server.settings import Settings, load_settings
from server.shared_backend import Shared
from tests.conftest import ROOT

ASKED = Request(messages=(Message(role="user", content="hi"),))


class Closing(Scripted):
    """Counts how often it was closed."""

    closed = 0

    async def aclose(self):
        self.closed += 1


@pytest.fixture
async def backends():
    def no_embedder():
        raise AssertionError("no test here embeds")

    with ThreadPoolExecutor(1) as threads:
        made = Backends(load_settings(backend="ollama:own"), no_embedder, threads)
        yield made
        await made.aclose()


async def test_of_the_backends_that_callers_name_the_last_used_are_kept(backends):
    own, first, second = [await backends.get(spec) for spec in (None, "ollama:first", "ollama:second")]
    for number in range(MOST_LOADED - 2):
        assert await backends.get("ollama:first") is first
        await backends.get(f"ollama:{number}")
    assert await backends.get("ollama:first") is first
    assert await backends.get("ollama:second") is not second
    assert await backends.get("auto") is own


async def test_a_spec_is_text(backends):
    for spec in ("ollama:\ud800", "scripted:a\0b", "\x1b[31m:m"):
        with pytest.raises(BadSpec, match="control character or half"):
            await backends.get(spec)


async def test_a_dropped_backend_is_closed_when_its_last_stream_ends():
    inner = Closing(["one two three"])
    shared = Shared(inner)
    stream = shared.stream(ASKED)
    assert isinstance(await anext(stream), Delta)
    await shared.drop()
    assert inner.closed == 0
    assert "".join([delta.text async for delta in stream]) == " two three"
    assert inner.closed == 1


async def test_a_dropped_backend_that_is_idle_is_closed_at_once():
    inner = Closing(["one"])
    shared = Shared(inner)
    assert [delta async for delta in shared.stream(ASKED)]
    assert inner.closed == 0
    await shared.drop()
    assert inner.closed == 1


def made(text="", **environment):
    """The profiles of a configuration file."""
    return profiles(Settings.model_validate({"backends": tomllib.loads(text)}), environment)


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("", "ollama", "http://127.0.0.1:11434"),
        ('[ollama]\nbase_url = "http://10.0.0.7:11434"', "ollama", "http://10.0.0.7:11434"),
        ('[ollama]\nbase_url = "http://10.0.0.7:11434/v1"', "openai", "http://10.0.0.7:11434/v1"),
        ('[ollama]\nkind = "openai"', "openai", "http://127.0.0.1:11434/v1"),
        ('[ollama]\nkind = "openai"\nbase_url = "http://x/api"', "openai", "http://x/api"),
    ],
)
def test_ollama_by_its_own_api_unless_the_profile_asks_for_the_other(text, kind, url):
    profile = made(text)["ollama"]
    assert (profile.kind, profile.base_url) == (kind, url)


def test_flags_of_a_well_known_provider_are_joined_with_those_given():
    flags = made("[deepseek.flags]\nlogprobs = false")["deepseek"].flags
    assert (flags.logprobs, flags.json_form, flags.echo_reasoning) == (False, "object", True)


def test_nothing_is_known_of_a_server_that_took_the_place_of_openais():
    assert made()["openai"].in_doubt() == frozenset()
    assert made('[openai]\nbase_url = "http://127.0.0.1:9/v1"')["openai"].in_doubt()
    assert made('[openai]\nmodel = "m"')["openai"].in_doubt() == frozenset()


def test_a_parameter_that_is_not_taken_can_be_said_in_toml():
    flags = made('[mine]\nbase_url = "http://x/v1"\nflags = { names = { seed = false, stop = "ends" } }')["mine"].flags
    assert flags.names == {"seed": None, "stop": "ends"}


def test_the_profiles_of_the_configuration_page():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    told = {name: fields for block in blocks for name, fields in block.get("backends", {}).items()}
    assert {"mine", "claude", "ollama"} <= told.keys()
    made_of_them = profiles(Settings.model_validate({"backends": told}), {"ANTHROPIC_API_KEY": "sk-x"})
    assert made_of_them["claude"].in_doubt() == frozenset()


def test_a_profile_of_each_kind():
    text = """
        [mine]
        kind = "anthropic"
        base_url = "http://127.0.0.1:9/v1"
        api_key_env = "MY_KEY"
        max_tokens = 100
    """
    profile = made(text, MY_KEY="sk-own-secret")["mine"]
    assert profile.request_headers()["x-api-key"] == "sk-own-secret"
    assert "secret" not in repr(profile)
    assert profile.max_tokens == 100
    assert profile.in_doubt()
