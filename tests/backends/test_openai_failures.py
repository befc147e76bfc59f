"""What goes wrong upstream is a typed error that repeats the server's words, never a key, and never half an answer."""

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
from tests.backends.conftest import ADD, KEY, ask, collect, listed
from tests.backends.deviations import plain, text_chunks, tool_chunks
from tests.fake_upstream import DONE, ROLE, Canned, chunk, event

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


def refused(status, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Canned(
        (data,), status=status, headers=JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    )


def said(message="boom", **fields):
    return {"error": {"message": message, **fields}}


LONG = "This model's maximum context length is 2048 tokens. However, your prompt has 4096."

# name -> answer, error, retryable, words of the message
STATUSES = {
    "401": (refused(401, said("no such key")), AuthenticationFailed, False, "no such key"),
    "403": (refused(403, said("not for you")), AuthenticationFailed, False, "not for you"),
    "402": (refused(402, said("Insufficient Balance")), RequestRefused, False, "Insufficient Balance"),
    "404": (refused(404, said("no model 'm'", code="model_not_found")), RequestRefused, False, "no model 'm'"),
    "408": (refused(408, said()), TimedOut, True, "408"),
    "409": (refused(409, said()), RequestRefused, True, "409"),
    "413": (refused(413, said("too large")), RequestRefused, False, "too large"),
    "429": (refused(429, said("slow down", type="rate_limit")), RateLimited, True, "slow down"),
    "429 quota": (refused(429, said("pay", code="insufficient_quota")), RateLimited, False, "pay"),
    "429 Zhipu quota": (refused(429, said("余额不足", code="1113")), RateLimited, False, "余额不足"),
    "500": (refused(500, said()), UpstreamFailed, True, "boom"),
    "501": (refused(501, said("not here")), UpstreamFailed, False, "not here"),
    "503 loading": (refused(503, said("Loading model", code=503)), UpstreamFailed, True, "Loading model"),
    "504": (refused(504, said()), TimedOut, True, "504"),
    "529": (refused(529, said(type="overloaded_error")), UpstreamFailed, True, "529"),
    "x-should-retry false": (refused(503, said(), x_should_retry="false"), UpstreamFailed, False, "boom"),
    "x-should-retry true": (refused(400, said(), x_should_retry="true"), RequestRefused, True, "boom"),
    "x-should-retry without funds": (
        refused(429, said(code="insufficient_quota"), x_should_retry="true"),
        RateLimited,
        False,
        "boom",
    ),
    "redirect": (refused(307, b"", location="http://else.test/v1"), RequestRefused, False, "http://else.test/v1"),
    "context, OpenAI": (refused(400, said("x", code="context_length_exceeded")), ContextLengthExceeded, False, "x"),
    "context, llama.cpp": (
        refused(400, said("too big", type="exceed_context_size_error", n_ctx=512)),
        ContextLengthExceeded,
        False,
        "too big",
    ),
    "context, vLLM": (refused(400, said(LONG, param="input_tokens")), ContextLengthExceeded, False, "2048"),
    "context, DashScope": (
        refused(400, said("Range of input length should be [1, 30720]")),
        ContextLengthExceeded,
        False,
        "30720",
    ),
    "tokens per minute": (refused(429, said("too many tokens per minute")), RateLimited, True, "per minute"),
    "string": (refused(400, {"error": "plain words"}), RequestRefused, False, "plain words"),
    "list": (refused(400, [said("google style", status="INVALID_ARGUMENT")]), RequestRefused, False, "google style"),
    "detail": (refused(422, {"detail": "bad body"}), RequestRefused, False, "bad body"),
    "details": (
        refused(422, {"detail": [{"loc": ["body", "n"], "msg": "not a number"}]}),
        RequestRefused,
        False,
        "body.n: not a",
    ),
    "code and message": (
        refused(400, {"code": 20012, "message": "no such model"}),
        RequestRefused,
        False,
        "no such model",
    ),
    "metadata": (refused(502, said("provider", metadata={"raw": "deep"})), UpstreamFailed, True, "provider (deep)"),
    "HTML": (
        Canned((b"<html><title>502 Bad &amp; sad</title></html>",), 502, HTML),
        UpstreamFailed,
        True,
        "502 Bad & sad",
    ),
    "HTML without title": (
        Canned((b"<!DOCTYPE html><style>p{}</style><p>down\n</p>",), 500, HTML),
        UpstreamFailed,
        True,
        "page: down",
    ),
    "plain text": (Canned((b"upstream   gone\n\x1b[2J",), 500), UpstreamFailed, True, "upstream gone"),
    "no body": (Canned((), 500), UpstreamFailed, True, "Internal Server Error"),
    "odd JSON": (refused(400, {"oops": 1}), RequestRefused, False, "oops"),
    "broken JSON": (refused(500, b'{"error": '), UpstreamFailed, True, '{"error":'),
    "long": (refused(400, said("y" * 9999)), RequestRefused, False, "y…"),
    "trace": (refused(500, said(), x_siliconcloud_trace_id="t-77"), UpstreamFailed, True, "t-77"),
}


@pytest.mark.parametrize("name", STATUSES)
async def test_status(connect, name):
    answer, kind, retryable, words = STATUSES[name]
    with pytest.raises(kind) as caught:
        await complete(connect("m", answer).stream(ask()))
    error = caught.value
    assert (type(error), error.retryable, error.status) == (kind, retryable, answer.status)
    assert words in str(error)
    assert len(str(error)) < 700
    assert str(error).isprintable()


# name -> answer, error, retryable; the text variants say "Hel" first where the failure comes later
HEL = (event(chunk(ROLE)), event(chunk({"content": "Hel"})))
IN_THE_ANSWER = {
    "200 with an error": (refused(200, said(type="server_error")), UpstreamFailed, True),
    "200 with an error in a list": (refused(200, [said(code=429)]), RateLimited, True),
    "200 with code and message": (refused(200, {"code": 500, "message": "boom", "data": None}), UpstreamFailed, True),
    "200 with HTML": (Canned((b"<html>Log in</html>",), headers=HTML), BadReply, True),
    "200 with words": (Canned((b"It works!\n",), headers={}), BadReply, True),
    "200 with comments": (Canned((b": keep-alive\n\n",)), IncompleteStream, True),
    "200 with nothing": (Canned(()), IncompleteStream, True),
    "200 with blank lines": (Canned((b"\n\n",)), IncompleteStream, True),
    "200 without choices": (refused(200, {"object": "chat.completion"}), BadReply, True),
    "200 with choices null": (refused(200, {"choices": None}), BadReply, True),
    "half a document": (Canned((b'{"choices": [',), headers=JSON, then="eof"), BadReply, True),
    "cut document": (Canned((b'{"choices": [',), headers=JSON, then="cut"), IncompleteStream, True),
    "choices of the wrong type": (Canned((event({"choices": {"a": 1}}),)), BadReply, True),
    "delta of the wrong type": (Canned((event({"choices": [{"delta": "Hel"}]}),)), BadReply, True),
    "event that is a list": (Canned((event([1]),)), BadReply, True),
    "event that is not JSON": (Canned((*HEL, b"data: {oops\n\n")), BadReply, True),
    "deep nesting": (Canned((b"data: " + b"[" * 100_000 + b"\n\n",)), BadReply, True),
    "error in the stream": (Canned((*HEL, event(said(code=503)))), UpstreamFailed, True),
    "rate limit in the stream": (Canned((*HEL, event(said(type="rate_limit_error")))), RateLimited, True),
    "refusal in the stream": (Canned((*HEL, event(said(type="invalid_request_error")))), RequestRefused, False),
    "context in the stream": (
        Canned((*HEL, event(said(code="context_length_exceeded")))),
        ContextLengthExceeded,
        False,
    ),
    "words as error in the stream": (Canned((*HEL, event({"error": "overloaded"}))), UpstreamFailed, True),
    "error event": (Canned((*HEL, b"event: error\n" + event({"message": "boom"}))), UpstreamFailed, True),
    "error beside choices": (Canned((*HEL, event(chunk({}, "stop") | said()))), UpstreamFailed, True),
    "cut connection": (Canned(HEL, then="cut"), IncompleteStream, True),
    "end without finish": (Canned(HEL, then="eof"), IncompleteStream, True),
    "whole body without finish": (Canned(HEL), IncompleteStream, True),
    "[DONE] without finish": (Canned((*HEL, DONE)), IncompleteStream, True),
    "empty finish without [DONE]": (Canned((event(chunk({"content": "x"}, "")),)), IncompleteStream, True),
    "cut inside a line": (Canned((*HEL, b'data: {"choices": [{"del'), then="eof"), IncompleteStream, True),
    "network_error": (Canned((*HEL, event(chunk({}, "network_error")))), UpstreamFailed, True),
    "no resource": (Canned((*HEL, event(chunk({}, "insufficient_system_resource")))), UpstreamFailed, True),
    "abort": (Canned((*HEL, event(chunk({}, "abort")))), UpstreamFailed, True),
    "endless line": (Canned((b"data: " + b"x" * (9 << 20),)), BadReply, False),
    "call without a name": (
        Canned((plain(tool_chunks({"index": 0, "function": {"arguments": "{}"}})),)),
        BadReply,
        False,
    ),
    "call of the wrong form": (Canned((plain(tool_chunks({"index": 0, "function": "add"})),)), BadReply, False),
    "cut before the calls end": (Canned(tuple(map(event, tool_chunks()[:3])), then="cut"), IncompleteStream, True),
}


@pytest.mark.parametrize("name", IN_THE_ANSWER)
async def test_failure_in_the_answer(connect, name):
    answer, kind, retryable = IN_THE_ANSWER[name]
    with pytest.raises(kind) as caught:
        await listed(connect("m", answer), ask(tools=(ADD,)))
    assert (type(caught.value), caught.value.retryable) == (kind, retryable)
    assert len(str(caught.value)) < 700


async def test_pieces_before_the_failure_are_given(connect):
    seen = []
    with pytest.raises(IncompleteStream):
        await collect(connect("m", Canned(HEL, then="cut")), ask(), seen)
    assert [delta.text for delta in seen] == ["Hel"]


@pytest.mark.parametrize("at", range(1, len(plain(text_chunks())), 7))
def test_no_cut_is_taken_for_a_whole_answer(at):
    """Wherever the stream breaks: an error, or the whole text with its finish reason."""
    from backends.openai_reply import ReplyReader

    reader = ReplyReader("fake")
    deltas = reader.feed(plain(text_chunks())[:at])
    try:
        deltas += reader.end()
    except (IncompleteStream, BadReply):
        return
    assert "".join(delta.text for delta in deltas) == "Hello é!"


@pytest.mark.parametrize(
    "headers",
    [{"retry-after": "7"}, {"retry-after-ms": "7000"}, {"retry-after": "1", "retry-after-ms": "7000"}],
    ids=["seconds", "milliseconds", "both"],
)
async def test_retry_after(connect, headers):
    answer = Canned((b"{}",), 429, JSON | headers)
    with pytest.raises(RateLimited) as caught:
        await complete(connect("m", answer).stream(ask()))
    assert caught.value.retry_after == 7.0


ECHOES_THE_KEY = {
    "refusal": refused(401, said(f"Incorrect API key provided: {KEY}. code", code=KEY)),
    "masked": refused(401, said("Incorrect API key provided: sk-test-****cdef.")),
    "bearer": refused(400, said(f"bad header Bearer {KEY}")),
    "HTML": Canned((f"<html>{KEY}</html>".encode(),), 500, HTML),
    "stream": Canned((event(said(f"key {KEY}")),)),
    "not JSON": Canned((f"data: {{{KEY}\n\n".encode(),)),
    "header": refused(400, said("bad team secret-team-token")),
    "finish": Canned((event(chunk({}, "stop", error={"message": f"{KEY}{KEY}"})),)),
}


@pytest.mark.parametrize("name", ECHOES_THE_KEY)
async def test_keys_are_not_repeated(connect, name, caplog):
    caplog.set_level("DEBUG")
    backend = connect("m", ECHOES_THE_KEY[name], headers={"X-Team": "secret-team-token"})
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await complete(backend.stream(ask()))
    error = caught.value
    shown = f"{error} {error!r} {error.code} {backend.name} {backend!r} {vars(backend)!r} {caplog.text}"
    for secret in (KEY, "cdef", "secret-team-token"):
        assert secret not in shown
    assert "[hidden]" in str(caught.value)
