"""Which backends are kept, and when one is closed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backends.base import Delta, Message, Request
from backends.errors import BadSpec
from backends.scripted import Scripted
from server.backend_choice import MOST_LOADED, Backends
from server.settings import load_settings
from server.shared_backend import Shared

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
