"""Asking again: when, how often, and after how long."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import Capabilities, Delta, complete
from backends.errors import BackendError, IncompleteStream, RateLimited, RequestRefused, UpstreamFailed
from backends.lifetime import close, closing
from backends.retry import LONGEST_ASKED_PAUSE, LONGEST_PAUSE, Retry, pause
from backends.retry_hints import retry_after, should_retry
from tests.backends.conftest import ask, collect
from tests.fake_upstream import Canned, stream_of

HELLO = (Delta(text="Hel"), Delta(text="lo"), Delta(finish="stop"))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def failing(kind=UpstreamFailed, *, retryable=True, after=None):
    error = kind("no", retryable=retryable)
    error.retry_after = after
    return error


class Flaky:
    """Goes through its tries: each is the deltas to give and then, maybe, the error to raise."""

    name = "flaky:m"
    capabilities = Capabilities(tools=True)

    def __init__(self, *tries):
        self.tries = list(tries)
        self.asked = 0
        self.closed = False

    async def stream(self, request):
        self.asked += 1
        for step in self.tries.pop(0):
            if isinstance(step, BackendError):
                raise step
            yield step

    async def aclose(self):
        self.closed = True


class Naps(list):
    async def __call__(self, seconds):
        self.append(seconds)


def retrying(flaky, naps, retries=2):
    return Retry(flaky, retries=retries, sleep=naps, chance=lambda: 0.0)


async def test_passing_errors_are_waited_out():
    flaky, naps = Flaky([failing()], [failing()], HELLO), Naps()
    deltas = [delta async for delta in retrying(flaky, naps).stream(ask())]
    assert tuple(deltas) == HELLO
    assert naps == [0.25, 0.5]


async def test_the_last_error_is_raised_when_tries_run_out():
    flaky, naps = Flaky([failing()], [failing()], [failing(RateLimited)], HELLO), Naps()
    with pytest.raises(RateLimited):
        await complete(retrying(flaky, naps).stream(ask()))
    assert (flaky.asked, len(naps)) == (3, 2)


async def test_no_retries():
    flaky, naps = Flaky([failing()], HELLO), Naps()
    with pytest.raises(UpstreamFailed):
        await complete(retrying(flaky, naps, retries=0).stream(ask()))
    assert naps == []


async def test_lasting_errors_are_raised_at_once():
    flaky, naps = Flaky([failing(RequestRefused, retryable=False)], HELLO), Naps()
    with pytest.raises(RequestRefused):
        await complete(retrying(flaky, naps).stream(ask()))
    assert (flaky.asked, naps) == (1, [])


async def test_what_was_shown_is_never_said_again():
    flaky, naps = Flaky([HELLO[0], failing(IncompleteStream)], HELLO), Naps()
    seen = []
    with pytest.raises(IncompleteStream):
        await collect(retrying(flaky, naps), ask(), seen)
    assert (seen, flaky.asked, naps) == ([HELLO[0]], 1, [])


async def test_the_server_says_how_long():
    flaky, naps = Flaky([failing(RateLimited, after=7.5)], [failing(after=3600)], HELLO), Naps()
    await complete(retrying(flaky, naps).stream(ask()))
    assert naps == [7.5, 60.0]


async def test_it_is_the_backend_it_wraps():
    flaky = Flaky(HELLO)
    retry = retrying(flaky, Naps())
    assert (retry.name, retry.capabilities) == (flaky.name, flaky.capabilities)
    await close(retry)
    assert flaky.closed


async def test_over_http(connect, upstream):
    """A server that is loading its model, then slow, then there."""
    answer = [Canned((b"{}",), 503), Canned((b"{}",), 429, {"retry-after-ms": "1500"}), Canned(stream_of("fine"))]
    naps = Naps()
    reply = await complete(retrying(connect("m", answer), naps).stream(ask()))
    assert reply.message.content == "fine"
    assert naps == [0.25, 1.5]
    assert len(upstream.requests) == 3


async def test_out_of_funds_is_not_retried(connect, upstream):
    answer = Canned((b'{"error": {"message": "pay", "code": "insufficient_quota"}}',), 429)
    with pytest.raises(RateLimited, match="pay"):
        await complete(retrying(connect("m", answer), Naps()).stream(ask()))
    assert len(upstream.requests) == 1


async def test_closing_reaches_the_inner_stream(connect, upstream):
    retry = retrying(connect(), Naps())
    async with closing(retry.stream(ask("some longer text"))) as deltas:
        await anext(deltas)
    with pytest.raises(StopAsyncIteration):
        await anext(deltas)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_pause_grows_to_its_limit_and_is_never_nothing(attempt, chance):
    seconds = pause(attempt, None, chance)
    assert 0.25 <= seconds <= LONGEST_PAUSE
    assert pause(attempt + 1, None, chance) >= seconds


@given(st.integers(0, 10), st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_what_the_server_asks_is_kept_up_to_the_cap(attempt, asked, chance):
    assert pause(attempt, asked, chance) == min(asked, LONGEST_ASKED_PAUSE)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30.0),
        ({"retry-after": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:15 -0000"}, 10.0),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(("value", "told"), [("true", True), (" False", False), ("maybe", None), ("", None)])
def test_should_retry(value, told):
    assert should_retry({"x-should-retry": value}) is told
