import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.asgi_client import BUFFER, AppTransport

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def piece(body, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


def client(app):
    return httpx.AsyncClient(transport=AppTransport(app), base_url="http://127.0.0.1")


async def test_a_piece_is_read_before_the_next_one_is_made():
    read = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(piece(b"first"))
        await read.wait()
        await send(piece(b"second", more=False))

    async with client(app) as http, http.stream("GET", "/") as response, asyncio.timeout(10):
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        read.set()
        assert [piece async for piece in pieces] == [b"second"]


async def test_the_application_learns_that_its_reader_has_gone():
    heard = []

    async def app(scope, receive, send):
        await send(START)
        await send(piece(b"first"))
        while heard[-1:] != ["http.disconnect"]:
            heard.append((await receive())["type"])

    async with client(app) as http, http.stream("GET", "/") as response, asyncio.timeout(10):
        assert await anext(response.aiter_raw()) == b"first"
    assert heard[-1] == "http.disconnect"


async def test_an_application_waits_for_a_slow_reader_and_is_let_go_with_it():
    sent = []

    async def app(scope, receive, send):
        await send(START)
        for number in range(10 * BUFFER):
            await send(piece(b"x"))
            sent.append(number)

    async with client(app) as http, asyncio.timeout(10):
        async with http.stream("GET", "/") as response:
            await anext(response.aiter_raw())
            await asyncio.sleep(0)
            assert len(sent) <= BUFFER + 2
        assert len(sent) == 10 * BUFFER


async def test_scope_and_upload_arrive():
    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await send(START)
        await send(piece(f"{scope['method']} {scope['path']} {scope['query_string'].decode()} ".encode() + body, False))

    async with client(app) as http:
        reply = await http.post("/über", params={"q": "电"}, content=b"z" * 200_000)
    assert reply.text == "POST /über q=%E7%94%B5 " + "z" * 200_000


@pytest.mark.parametrize("sends", [[], [START], [START, piece(b"half")]])
@pytest.mark.parametrize("raises", [False, True])
async def test_an_answer_that_breaks_off_is_an_error(sends, raises):
    async def app(scope, receive, send):
        for message in sends:
            await send(message)
        if raises:
            raise OSError("no room")

    async with client(app) as http:
        with pytest.raises(httpx.RemoteProtocolError, match="no room" if raises else "broke off"):
            await http.get("/")


async def test_an_error_after_the_last_piece_changes_nothing():
    async def app(scope, receive, send):
        await send(START)
        await send(piece(b"all", more=False))
        raise OSError("too late")

    async with client(app) as http:
        assert (await http.get("/")).text == "all"


async def test_giving_up_before_the_answer_ends_the_application():
    ended, begun = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with client(app) as http:
        request = asyncio.create_task(http.get("/"))
        await begun.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert ended.is_set()


@given(bodies=st.lists(st.binary(max_size=20), max_size=3 * BUFFER))
async def test_all_pieces_come_in_order(bodies):
    async def app(scope, receive, send):
        await send(START)
        for body in bodies:
            await send(piece(body))
        await send(piece(b"", more=False))

    async with client(app) as http:
        assert (await http.get("/")).content == b"".join(bodies)
