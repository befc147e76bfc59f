"""Connections: time-outs, cancelling, reuse, and many streams at once."""

import asyncio
import socket

import pytest

from backends.base import complete
from backends.errors import BadSpec, IncompleteStream, TimedOut, Unreachable
from backends.lifetime import closing
from backends.openai import OpenAI
from backends.profiles import Profile
from tests.backends.conftest import ask, collect
from tests.backends.deviations import plain, text_chunks
from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of

GOOD = Canned(stream_of("fine"))
SOON = 5.0  # seconds within which what must happen has happened


async def test_nothing_listens(connect, unused_port):
    backend = connect(base_url=f"http://127.0.0.1:{unused_port}/v1")
    with pytest.raises(Unreachable, match=f"127.0.0.1:{unused_port}") as caught:
        await complete(backend.stream(ask()))
    assert caught.value.retryable


@pytest.fixture
def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def test_connecting_takes_too_long(connect):
    """A listener that accepts nobody: once its queue is full, a connection attempt is neither taken nor refused."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        backend = connect(base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", connect_timeout=0.1)
        with pytest.raises(TimedOut, match=r"within 0\.1 s") as caught:
            await complete(backend.stream(ask()))
        assert caught.value.retryable
        for one in waiting:
            one.close()


async def test_answer_does_not_begin(connect):
    backend = connect("m", Canned(then="silent"), read_timeout=0.1)
    with pytest.raises(TimedOut, match=r"did not begin.*0\.1 s") as caught:
        await complete(backend.stream(ask()))
    assert not caught.value.retryable


async def test_answer_stops_coming(connect):
    pieces = (event(chunk(ROLE)), event(chunk({"content": "Hel"})))
    backend = connect("m", Canned(pieces, then="stall"), read_timeout=0.1)
    seen = []
    with pytest.raises(TimedOut, match="in the middle"):
        await collect(backend, ask(), seen)
    assert [delta.text for delta in seen] == ["Hel"]


async def test_closing_the_stream_closes_the_connection(connect, upstream):
    backend = connect("m", Canned((event(chunk({"content": "Hel"})),), then="stall"))
    async with closing(backend.stream(ask())) as deltas:
        assert (await anext(deltas)).text == "Hel"
    await asyncio.wait_for(upstream.left.wait(), SOON)


@pytest.mark.parametrize("then", ["stall", "silent"])
async def test_cancelling_closes_the_connection(connect, upstream, then):
    backend = connect("m", Canned((event(chunk({"content": "Hel"})),), then=then))
    task = asyncio.create_task(complete(backend.stream(ask())))
    await asyncio.wait_for(upstream.asked.wait(), SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(upstream.left.wait(), SOON)


async def test_connections_are_kept(connect, upstream):
    backend = connect()
    for _ in range(5):
        await complete(backend.stream(ask()))
    assert {received.connection for received in upstream.requests} == {1}


async def test_kept_connection_closed_by_the_server_is_replaced(connect, upstream):
    """The second request meets a connection that closes without an answer."""
    backend = connect("m", [GOOD, Canned(then="drop"), GOOD])
    for _ in range(2):
        assert (await complete(backend.stream(ask()))).message.content == "fine"
    assert [received.connection for received in upstream.requests] == [1, 1, 2]


async def test_connection_dropped_twice_is_an_error(connect, upstream):
    with pytest.raises(Unreachable, match="disconnected") as caught:
        await complete(connect("m", Canned(then="drop")).stream(ask()))
    assert caught.value.retryable
    assert len(upstream.requests) == 2


async def test_a_cut_answer_is_not_asked_for_again(connect, upstream):
    with pytest.raises(IncompleteStream):
        await complete(connect("m", Canned((event(chunk(ROLE)),), then="cut")).stream(ask()))
    assert len(upstream.requests) == 1


async def test_streams_at_once_do_not_mix(connect):
    backend = connect()
    texts = [f"{n} 世界 " * 20 for n in range(40)]
    replies = await asyncio.gather(*(complete(backend.stream(ask(text))) for text in texts))
    assert [reply.message.content for reply in replies] == texts


async def test_usable_after_close(connect):
    backend = connect()
    for _ in range(2):
        assert (await complete(backend.stream(ask("once more")))).message.content == "once more"
        await backend.aclose()


async def test_first_pieces_come_before_the_last_is_sent(connect, upstream):
    backend = connect("m", Canned((event(chunk(ROLE)), event(chunk({"content": "Hel"}))), then="stall"))
    async with closing(backend.stream(ask())) as deltas:
        assert (await anext(deltas)).text == "Hel"
        assert not upstream.left.is_set()


def test_one_backend_in_two_event_loops():
    from tests.fake_upstream import FakeUpstream

    async def once(backend, port):
        upstream = FakeUpstream({"m": Canned((plain(text_chunks()),))})
        await upstream.start(port)
        reply = await complete(backend.stream(ask()))
        await backend.aclose()
        await upstream.stop()
        return reply.message.content

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = OpenAI(Profile(name="fake", base_url=f"http://127.0.0.1:{port}/v1"), "m")
    assert [asyncio.run(once(backend, port)) for _ in range(2)] == ["Hello é!", "Hello é!"]


def test_profile_without_a_server():
    with pytest.raises(BadSpec, match="'fake' needs a base_url"):
        OpenAI(Profile(name="fake"), "m")
