"""Answers that depart from the common form are understood, as streams of text and of tool calls and as one document."""

import json

import pytest

from backends.base import Completion, Message, ToolCall, Usage, complete
from tests.backends.conftest import ADD, ask, listed
from tests.backends.deviations import (
    ARGUMENTS,
    CONTENT,
    NO_USAGE,
    ON_THE_WIRE,
    SAME_ANSWER,
    TEXT,
    TOOL_CALLS,
    call,
    plain,
    text_chunks,
    tool_chunks,
    without,
)
from tests.fake_upstream import DONE, USAGE, Canned, chunk, event

SAID = Completion(
    message=Message(role="assistant", content=TEXT),
    finish="stop",
    usage=Usage(prompt_tokens=1, completion_tokens=2),
)
CALLED = Completion(
    message=Message(role="assistant", tool_calls=(ToolCall(id="call_1", name="add", arguments=ARGUMENTS),)),
    finish="tool_calls",
    usage=Usage(prompt_tokens=1, completion_tokens=2),
)
KINDS = {"text": (text_chunks, SAID, ()), "tools": (tool_chunks, CALLED, (ADD,))}
JSON = {"content-type": "application/json; charset=utf-8"}


def document(message, finish="stop", **fields):
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}
    return Canned((json.dumps(whole | fields, ensure_ascii=False).encode(),), headers=JSON)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SAME_ANSWER)
async def test_chunks(connect, name, kind):
    chunks, expected, tools = KINDS[kind]
    backend = connect("m", Canned((plain(SAME_ANSWER[name](chunks())),)))
    assert await complete(backend.stream(ask(tools=tools))) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NO_USAGE)
async def test_usage_is_not_made_up(connect, name, kind):
    chunks, expected, tools = KINDS[kind]
    backend = connect("m", Canned((plain(NO_USAGE[name](chunks())),)))
    assert await complete(backend.stream(ask(tools=tools))) == expected.model_copy(update={"usage": None})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ON_THE_WIRE)
async def test_wire(connect, name, kind):
    chunks, expected, tools = KINDS[kind]
    backend = connect("m", Canned(ON_THE_WIRE[name](chunks())))
    assert await complete(backend.stream(ask(tools=tools))) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("headers", [JSON, {}, {"content-type": "text/plain"}], ids=["json", "none", "text"])
async def test_stream_under_another_content_type(connect, kind, headers):
    chunks, expected, tools = KINDS[kind]
    backend = connect("m", Canned((plain(chunks()),), headers=headers))
    assert await complete(backend.stream(ask(tools=tools))) == expected


@pytest.mark.parametrize("then", ["eof", "cut", "stall"])
async def test_connection_lost_after_the_finish_reason(connect, then):
    """Only the usage can be missing then: the answer is whole."""
    pieces = tuple(event(one) for one in text_chunks()[:-1])
    backend = connect("m", Canned(pieces, then=then), read_timeout=0.1)
    assert await complete(backend.stream(ask())) == SAID.model_copy(update={"usage": None})


async def test_connection_left_open_after_done(connect):
    backend = connect("m", Canned((plain(text_chunks()),), then="stall"))
    assert await complete(backend.stream(ask())) == SAID


@pytest.mark.parametrize("name", TOOL_CALLS)
async def test_tool_calls(connect, name):
    chunks, expected = TOOL_CALLS[name]
    backend = connect("m", Canned((plain(chunks),)))
    reply = await complete(backend.stream(ask(tools=(ADD,))))
    calls = reply.message.tool_calls
    assert [(one.name, json.loads(one.arguments), dict(one.extra)) for one in calls] == expected
    assert all(one.id for one in calls)
    assert len({one.id for one in calls}) == len(calls)
    assert reply.finish == "tool_calls"


@pytest.mark.parametrize("name", CONTENT)
async def test_content(connect, name):
    deltas, text, reasoning = CONTENT[name]
    chunks = [*map(chunk, deltas), chunk({}, "stop")]
    # Escaped: a half of a surrogate pair has no other form.
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks) + DONE
    reply = await complete(connect("m", Canned((body,))).stream(ask()))
    assert (reply.message.content, reply.message.reasoning, reply.finish) == (text, reasoning, "stop")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("eos", "stop"), ("max_tokens", "length"), ("sensitive", "content_filter"), ("SAFETY", "content_filter")],
)
async def test_finish_reasons(connect, said, meant):
    backend = connect("m", Canned((plain([chunk({"content": "x"}), chunk({}, said)]),)))
    assert (await complete(backend.stream(ask()))).finish == meant


async def test_unknown_finish_reason_is_a_stop_with_a_warning(connect):
    backend = connect("m", Canned((plain([chunk({"content": "x"}), chunk({}, "tired")]),)))
    deltas = await listed(backend, ask())
    assert deltas[-1].finish == "stop"
    assert ["tired" in delta.warning for delta in deltas if delta.warning] == [True]


async def test_empty_finish_reason_needs_done(connect):
    chunks = [chunk({"content": "x"}, ""), chunk({}, "")]
    backend = connect("m", Canned((plain(chunks),)))
    assert (await complete(backend.stream(ask()))).finish == "stop"


async def test_announced_tool_calls_that_never_came(connect):
    deltas = await listed(connect("m", Canned((plain([chunk({}, "tool_calls")]),))), ask(tools=(ADD,)))
    assert deltas[-1].finish == "stop"
    assert "sent none" in deltas[-2].warning


async def test_length_is_kept_beside_tool_calls(connect):
    chunks = tool_chunks(call('{"a": 1'), finish="length")
    reply = await complete(connect("m", Canned((plain(chunks),))).stream(ask(tools=(ADD,))))
    assert (reply.finish, reply.message.tool_calls[0].arguments) == ("length", '{"a": 1')


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": TEXT},
        {"content": TEXT, "refusal": None, "tool_calls": None},
        {"content": [{"type": "text", "text": TEXT}]},
    ],
    ids=["plain", "no role", "parts"],
)
async def test_one_document(connect, message):
    assert await complete(connect("m", document(message)).stream(ask())) == SAID


@pytest.mark.parametrize(
    "made",
    [call(), call({"a": 1, "b": 2}), without(call(), "type"), without(call(), "index")],
    ids=["plain", "arguments as an object", "no type", "no index"],
)
async def test_one_document_with_a_tool_call(connect, made):
    backend = connect("m", document({"content": None, "tool_calls": [made]}, "tool_calls"))
    assert await complete(backend.stream(ask(tools=(ADD,)))) == CALLED


async def test_one_document_without_the_usual_fields(connect):
    whole = Canned((b'\n {"choices": [{"message": {"content": "x"}}]}',), headers=JSON)
    reply = await complete(connect("m", whole).stream(ask()))
    assert (reply.message.content, reply.finish, reply.usage) == ("x", "stop", None)


async def test_stream_of_one_whole_message(connect):
    one = {"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}], "usage": USAGE}
    assert await complete(connect("m", Canned((event(one), DONE))).stream(ask())) == SAID


async def test_usage_details(connect):
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 3},
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    reply = await complete(connect("m", Canned((plain([*text_chunks(), chunk(usage=usage)]),))).stream(ask()))
    assert reply.usage == Usage(prompt_tokens=9, completion_tokens=5, reasoning_tokens=3, cached_tokens=4)


async def test_logprobs(connect):
    token = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "Ho", "logprob": -1}]}
    one = chunk({"content": "Hi"})
    one["choices"][0]["logprobs"] = {"content": [token, {"token": "?", "logprob": None}]}
    backend = connect("m", Canned((plain([one, chunk({}, "stop")]),)))
    reply = await complete(backend.stream(ask(logprobs=1)))
    assert [entry.model_dump() for entry in reply.logprobs] == [
        {"token": "Hi", "logprob": -0.5, "top": (("Ho", -1.0),)}
    ]
    assert (await complete(backend.stream(ask()))).logprobs == ()


async def test_logprobs_that_do_not_come_are_told(connect):
    deltas = await listed(connect(), ask(logprobs=0))
    assert ["log-probabilities" in delta.warning for delta in deltas if delta.warning] == [True]
