"""What goes wrong inside is one whole reply: on a connection that stays, with one entry in the log."""

import asyncio
import errno
import logging
import sqlite3
from contextlib import closing

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from server.errors import from_exception, from_validation
from tests.server.conftest import listening, make_store, serving, until

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def break_down(app):
    """A route that fails in each of the ways that none of ours should."""

    @app.get("/healthz/broken")
    async def broken() -> None:
        raise LookupError("a defect")

    @app.get("/healthz/breaks-off")
    async def breaks_off():
        from starlette.responses import StreamingResponse

        async def pieces():
            yield b"the first"
            raise LookupError("a defect")

        return StreamingResponse(pieces())


async def raw(client, request):
    """The bytes that the service answers to `request` until it closes the connection."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def test_after_an_internal_error_the_connection_still_serves(tmp_path, caplog):
    async with listening(tmp_path) as client:
        break_down(client.app)
        ask = "GET /healthz/broken HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n"
        answer = await raw(client, (ask.format("") * 2 + ask.format("Connection: close\r\n")).encode())
    assert answer.count(b"HTTP/1.1 500") == 3
    assert answer.count(b'"code":"internal"') == 3
    assert b"LookupError" in answer
    assert b"a defect" not in answer
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [str(record.exc_info[1]) for record in logged] == ["a defect"] * 3


async def test_a_reply_that_breaks_off_is_not_taken_for_a_whole_one(tmp_path, caplog):
    async with listening(tmp_path) as client:
        break_down(client.app)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/healthz/breaks-off")
        assert (await client.get("/healthz")).status_code == 200
    assert [record.exc_info is not None for record in caplog.records if "unexpected" in record.message] == [True]


async def test_without_a_host_header(tmp_path):
    async with listening(tmp_path) as client:
        answer = await raw(client, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.split(b"\r\n")[0].endswith(b"400 Bad Request")
    assert b"no Host header" in answer


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models", "/v1/files", "/docs", "/openapi.json", "/no"])
async def test_head_is_get_without_a_body(client, path):
    get = await client.get(path)
    head = await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert get.content


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/vector_stores/vs_x", "DELETE, GET, HEAD, POST"),
        ("/v1/files", "GET, HEAD, POST"),
        ("/v1/models", "GET, HEAD"),
        (CHAT, "POST"),
    ],
)
async def test_allow_names_every_method_of_the_path(client, path, allow):
    reply = await client.options(path)
    assert (reply.status_code, reply.headers["allow"]) == (405, allow)
    if allow == "POST":
        head = await client.head(path)
        assert (head.status_code, head.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no body"),
        (b"{", "not valid JSON"),
        (b'{"model": "\xff"}', "byte 11 is not UTF-8"),
        (b'{"model": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"n": ' + b"1" * 5_000 + b"}", "too many digits"),
        (b"[]", "must be a JSON object"),
    ],
    ids=["empty", "cut", "latin-1", "deep", "long number", "list"],
)
async def test_an_unreadable_body_is_explained(client, body, says):
    reply = await client.post(CHAT, content=body, headers=JSON)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "invalid_json", None)
    assert says in error["message"]


def test_a_full_disk_is_told_from_a_defect(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'small.sqlite3'}")
    with engine.connect() as db:
        db.execute(text("create table t (a)"))
        db.execute(text("pragma max_page_count = 2"))
        with pytest.raises(OperationalError) as full:
            db.execute(text("insert into t values (zeroblob(1000000))"))
        db.rollback()
        db.execute(text("pragma query_only = 1"))
        with pytest.raises(OperationalError) as readonly:
            db.execute(text("insert into t values (1)"))
        with pytest.raises(OperationalError) as defect:
            db.execute(text("insert into nowhere values (1)"))
    engine.dispose()
    told = [from_exception(caught.value) for caught in (full, readonly, defect)]
    assert [(e.status, e.code) for e in told] == [
        (507, "disk_full"),
        (500, "data_directory_read_only"),
        (500, "internal"),
    ]
    assert from_exception(full.value.orig).status == 507
    assert from_exception(OSError(errno.ENOSPC, "No space left on device")).code == "disk_full"
    assert from_exception(OSError(errno.EIO, "Input/output error")).code == "internal"
    assert from_exception(sqlite3.Error("without a code")).code == "internal"


async def test_on_a_full_disk_requests_say_so_and_reading_goes_on(client, caplog):
    store = await make_store(client)
    await client.app.state.services.database.write(lambda db: db.execute(text("pragma max_page_count = 1")))
    # Some pages of the database may still have room.
    for _ in range(60):
        reply = await client.post("/v1/vector_stores", json={"metadata": {f"k{n}": "x" * 500 for n in range(16)}})
        if reply.status_code != 200:
            break
    assert (reply.status_code, reply.json()["error"]["code"]) == (507, "disk_full")
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.ERROR] == [None]
    assert (await client.get(f"/v1/vector_stores/{store}")).status_code == 200


def test_what_the_validator_says_reads_as_a_sentence():
    place = {"type": "t", "loc": ("body", "a"), "input": None}
    alternatives = [{**place, "msg": f"Input should be a valid {kind}"} for kind in ("string", "list", "string")]
    assert from_validation(alternatives, {"a": None}).message == (
        "Invalid value for 'a': Input should be a valid string or a valid list."
    )
    own = [{**place, "msg": "Value error, must be even"}]
    assert from_validation(own, {"a": None}).message == "Invalid value for 'a': must be even."


@pytest.mark.slow
async def test_a_locked_database_is_named_and_recovered_from(tmp_path):
    """Another process holds the write lock: requests wait, then fail by name; when it lets go, all is as before."""
    async with serving(tmp_path) as client:
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        with closing(sqlite3.connect(tmp_path / "sandtable.sqlite3", isolation_level=None)) as other:
            other.execute("begin immediate")
            replies = await asyncio.gather(
                client.post("/v1/vector_stores", json={"name": "x"}), client.post("/v1/chat/completions", json=body)
            )
            other.execute("rollback")
        assert {(r.status_code, r.json()["error"]["code"]) for r in replies} == {(503, "database_locked")}
        assert (await client.post("/v1/vector_stores", json={"name": "x"})).status_code == 200

        async def answers():
            return (await client.post("/v1/chat/completions", json=body)).status_code == 200

        await until(answers)
