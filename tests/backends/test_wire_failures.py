"""What goes wrong upstream is the same typed error in every wire format, and never half an answer taken for a whole."""

import asyncio
import json

import pytest

from backends.base import complete
from backends.errors import (
    AuthenticationFailed,
    BadReply,
    ContextLengthExceeded,
    IncompleteStream,
    RateLimited,
    RequestRefused,
    TimedOut,
    UpstreamFailed,
)
from backends.lifetime import close, closing
from backends.load import client
from backends.profiles import Profile
from backends.retry import Retry
from tests.backends.conftest import KEY, ask, collect
from tests.backends.wires import WIRES
from tests.fake_upstream import Canned

SOON = 5.0  # seconds within which what must happen has happened
JSON = {"content-type": "application/json"}


@pytest.fixture(params=WIRES)
def wire(request):
    return WIRES[request.param]


@pytest.fixture
async def connect(wire):
    """Make a backend whose model `m` gives `answer`; the server is its `upstream`."""
    server = wire.server()
    url = await server.start()
    made = []

    def make(answer, **fields):
        server.answers["m"] = answer
        settings = {"name": "fake", "kind": wire.kind, "base_url": url, "api_key": KEY, **fields}
        made.append(client(Profile.model_validate(settings), "m"))
        return made[-1]

    make.upstream = server
    yield make
    for backend in made:
        await close(backend)
    await server.stop()


STATUSES = {
    400: (RequestRefused, False, "invalid_request_error"),
    401: (AuthenticationFailed, False, "authentication_error"),
    403: (AuthenticationFailed, False, "permission_error"),
    404: (RequestRefused, False, "not_found_error"),
    413: (RequestRefused, False, "request_too_large"),
    429: (RateLimited, True, "rate_limit_error"),
    500: (UpstreamFailed, True, "api_error"),
    503: (UpstreamFailed, True, "unavailable"),
    504: (TimedOut, True, "timeout_error"),
    529: (UpstreamFailed, True, "overloaded_error"),
}


@pytest.mark.parametrize("status", STATUSES)
async def test_status(connect, wire, status):
    kind, retryable, name = STATUSES[status]
    answer = Canned((json.dumps(wire.error(name, "boom 北京")).encode(),), status, JSON)
    with pytest.raises(kind, match=f"{status}.*boom 北京") as caught:
        await complete(connect(answer).stream(ask()))
    assert (type(caught.value), caught.value.retryable, caught.value.status) == (kind, retryable, status)


async def test_the_server_says_how_long_to_wait(connect, wire):
    answer = Canned((json.dumps(wire.error("rate_limit_error", "slow down")).encode(),), 429, {"retry-after": "7"})
    with pytest.raises(RateLimited) as caught:
        await complete(connect(answer).stream(ask()))
    assert caught.value.retry_after == 7.0


async def test_too_long_for_the_model(connect, wire):
    words = "prompt is too long: 210000 tokens > 200000 maximum"
    answer = Canned((json.dumps(wire.error("invalid_request_error", words)).encode(),), 400, JSON)
    with pytest.raises(ContextLengthExceeded, match="210000"):
        await complete(connect(answer).stream(ask()))


IN_THE_STREAM = {
    "overloaded_error": (UpstreamFailed, True),
    "rate_limit_error": (RateLimited, True),
    "api_error": (UpstreamFailed, True),
    "invalid_request_error": (RequestRefused, False),
}


@pytest.mark.parametrize("name", IN_THE_STREAM)
async def test_error_inside_the_stream(connect, wire, name):
    kind, retryable = IN_THE_STREAM[name]
    if wire.kind == "ollama":  # which says no more than words
        kind, retryable = UpstreamFailed, True
    seen = []
    with pytest.raises(kind, match="boom") as caught:
        await collect(connect(Canned((*wire.begun, wire.error_in_stream(name, "boom")))), ask(), seen)
    assert (type(caught.value), caught.value.retryable) == (kind, retryable)
    assert [delta.text for delta in seen] == ["Hel"]


@pytest.mark.parametrize("then", ["cut", "eof", "whole"])
async def test_an_answer_without_its_end_is_no_answer(connect, wire, then):
    seen = []
    with pytest.raises(IncompleteStream) as caught:
        await collect(connect(Canned(wire.begun, then=then)), ask(), seen)
    assert caught.value.retryable
    assert [delta.text for delta in seen] == ["Hel"]


async def test_no_cut_is_taken_for_a_whole_answer(connect, wire):
    """Wherever the body breaks off: an error, or the whole text with its finish reason."""
    body = b"".join(wire.whole("Hello é! 北京"))
    cuts = range(1, len(body), 11)
    backend = connect([Canned((body[:at],), then="eof") for at in cuts])
    for _ in cuts:
        try:
            reply = await complete(backend.stream(ask()))
        except (IncompleteStream, BadReply):
            continue
        assert reply.message.content == "Hello é! 北京"


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_the_cuts_of_the_network_do_not_matter(connect, wire, size):
    body = b"".join(wire.whole("Hello é! 北京 👩‍👩‍👧"))
    answer = Canned(tuple(body[at : at + size] for at in range(0, len(body), size)))
    assert (await complete(connect(answer).stream(ask()))).message.content == "Hello é! 北京 👩‍👩‍👧"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>Log in</html>", BadReply), (b"It works!\n", BadReply), (b"", IncompleteStream), (b"[1]", BadReply),
     (b"\n\n", IncompleteStream), (b"[" * 100_000, BadReply)],
)  # fmt: skip
async def test_other_services_are_not_taken_for_the_model(connect, body, kind):
    with pytest.raises(kind):
        await complete(connect(Canned((body,))).stream(ask()))


async def test_answer_does_not_begin(connect):
    with pytest.raises(TimedOut, match=r"did not begin.*0\.1 s"):
        await complete(connect(Canned(then="silent"), read_timeout=0.1).stream(ask()))


async def test_answer_stops_coming(connect, wire):
    seen = []
    with pytest.raises(TimedOut, match="in the middle"):
        await collect(connect(Canned(wire.begun, then="stall"), read_timeout=0.1), ask(), seen)
    assert [delta.text for delta in seen] == ["Hel"]


async def test_closing_the_stream_closes_the_connection(connect, wire):
    async with closing(connect(Canned(wire.begun, then="stall")).stream(ask())) as deltas:
        assert (await anext(deltas)).text == "Hel"
    await asyncio.wait_for(connect.upstream.left.wait(), SOON)


async def test_cancelling_closes_the_connection(connect, wire):
    task = asyncio.create_task(complete(connect(Canned(wire.begun, then="stall")).stream(ask())))
    await asyncio.wait_for(connect.upstream.asked.wait(), SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(connect.upstream.left.wait(), SOON)


async def test_connections_are_kept(connect, wire):
    backend = connect(Canned(wire.whole("fine")))
    for _ in range(3):
        await complete(backend.stream(ask()))
    assert {received.connection for received in connect.upstream.requests} == {1}


async def test_retried_until_it_is_there(connect, wire):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    busy = Canned((b"{}",), 529, {"retry-after-ms": "1500"})
    backend = connect([busy, Canned((b"{}",), 500), Canned(wire.whole("fine"))])
    reply = await complete(Retry(backend, sleep=sleep, chance=lambda: 0.0).stream(ask()))
    assert reply.message.content == "fine"
    assert waits == [1.5, 0.5]


async def test_the_key_is_sent_and_never_shown(connect, wire, caplog):
    caplog.set_level("DEBUG")
    answer = Canned((json.dumps(wire.error("authentication_error", f"bad key {KEY}")).encode(),), 401, JSON)
    backend = connect(answer)
    with pytest.raises(AuthenticationFailed) as caught:
        await complete(backend.stream(ask()))
    sent = connect.upstream.requests[0].headers
    assert sent[wire.auth_header].removeprefix("Bearer ") == KEY
    assert KEY not in f"{caught.value!r} {caught.value.code} {backend.name} {backend!r} {vars(backend)!r} {caplog.text}"
    assert "[hidden]" in str(caught.value)
