"""Anthropic's Messages API: what is sent, and what is read out of its events."""

import json

import pytest

from backends.anthropic import Anthropic
from backends.anthropic_wire import message_body
from backends.base import Image, Message, Request, ToolCall, Usage, complete
from backends.errors import BadReply, CapabilityMissing, RequestRefused
from backends.lifetime import close
from backends.profiles import Profile
from tests import fake_anthropic as api
from tests.backends.conftest import ADD, PARAMETERS, ask, listed
from tests.fake_upstream import Canned

STRICT = {
    "type": "object",
    "properties": {"maximum": {"type": "integer"}},
    "required": ["maximum"],
    "additionalProperties": False,
}
FLAGS = {"images": True, "logprobs": False, "tools": True, "json_form": "schema"}


def body(request, **profile):
    settings = {"name": "fake", "kind": "anthropic", "base_url": "http://127.0.0.1:1/v1", "flags": FLAGS, **profile}
    return message_body(request, Profile.model_validate(settings), "m")


@pytest.fixture
async def connect():
    server = api.FakeAnthropic()
    url = await server.start()
    made = []

    def make(*pieces):
        server.answers["m"] = Canned(pieces)
        profile = {"name": "fake", "kind": "anthropic", "base_url": url, "api_key": "sk-ant-1", "flags": FLAGS}
        made.append(Anthropic(Profile.model_validate(profile), "m"))
        return made[-1]

    make.server = server
    yield make
    for backend in made:
        await close(backend)
    await server.stop()


def said(*blocks, reason="end_turn", **usage):
    events = (api.start(), *(event for block in blocks for event in block), api.finish(reason, **usage), api.STOP)
    return tuple(map(api.event, events))


def test_plain_request():
    assert body(ask("你好")) == (
        {"model": "m", "max_tokens": 8192, "messages": [{"role": "user", "content": "你好"}], "stream": True},
        [],
    )


def test_everything_that_can_be_asked():
    request = ask(temperature=0.0, top_p=0.5, max_tokens=9, stop=("a",), seed=1, json_schema=STRICT, tools=(ADD,))
    sent, warnings = body(request, extra_body={"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}})
    assert ["'seed'" in warning for warning in warnings] == [True]
    del sent["model"], sent["messages"], sent["stream"]
    assert sent == {
        "max_tokens": 9,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop_sequences": ["a"],
        "tools": [{"name": "add", "description": ADD.description, "input_schema": PARAMETERS}],
        "output_config": {"format": {"type": "json_schema", "schema": STRICT}, "effort": "low"},
        "thinking": {"type": "adaptive"},
    }


def test_the_profile_may_set_the_limit():
    assert body(ask(), max_tokens=500)[0]["max_tokens"] == 500
    assert body(ask(max_tokens=7), max_tokens=500)[0]["max_tokens"] == 7


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {**STRICT, "properties": {"a": {"type": "integer", "minimum": 1}}},
        {**STRICT, "properties": {"a": {"type": "object", "properties": {}}}},
        {**STRICT, "properties": {"a": {"$ref": "https://x.test/s"}}},
    ],
)
def test_schemas_that_are_not_enforced_are_asked_for_in_words(schema):
    request = Request(messages=(Message(role="system", content="Be brief."), *ask().messages), json_schema=schema)
    sent, warnings = body(request)
    assert "output_config" not in sent
    assert sent["system"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert json.dumps(schema) in sent["system"]
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", None), ("required", {"type": "any"}), ("add", {"type": "tool", "name": "add"})],
)
def test_tool_choice(choice, sent):
    assert body(ask(tools=(ADD,), tool_choice=choice))[0].get("tool_choice") == sent


def test_one_call_at_a_time_and_effort():
    sent, warnings = body(ask(tools=(ADD,), parallel_tool_calls=False, reasoning_effort="low", json_schema=STRICT))
    assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert sent["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": STRICT}}
    assert warnings == []


def test_what_the_api_does_not_have_is_told():
    warnings = body(ask(frequency_penalty=1.0, presence_penalty=1.0, logit_bias={"1": 2.0}))[1]
    names = ("frequency_penalty", "presence_penalty", "logit_bias")
    assert [repr(name) in warning for name, warning in zip(names, warnings, strict=True)] == [True] * 3


def test_tool_choice_of_none_and_of_a_stranger():
    sent = body(ask(tools=(ADD,), tool_choice="none", parallel_tool_calls=False))[0]
    assert (len(sent["tools"]), sent["tool_choice"]) == (1, {"type": "none"})
    without = body(ask(tools=(ADD,), tool_choice="none"), flags={**FLAGS, "tools": False})[0]
    assert "tools" not in without
    with pytest.raises(RequestRefused, match=r"'sub'.*'add'"):
        body(ask(tools=(ADD,), tool_choice="sub"))


PICTURE = Image(media_type="image/png", data="iVBORw0KGgo=")
CALL = ToolCall(id="toolu_1", name="add", arguments='{"a": 1, "b": 2}')


def test_turns():
    turns = (
        Message(role="user", content="look", images=(PICTURE, Image(url="https://x.test/a.png"))),
        Message(role="assistant", content="I add.", tool_calls=(CALL, CALL.model_copy(update={"id": "toolu_2"}))),
        Message(role="tool", content="3", tool_call_id="toolu_1"),
        Message(role="tool", content=" ", tool_call_id="toolu_2", images=(PICTURE,)),
        Message(role="user", content="and?"),
        Message(role="assistant", content=""),
        Message(role="system", content="Last rule."),
        Message(role="system", content="Very last rule."),
    )
    sent = body(Request(messages=turns))[0]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE.data}}
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "add", "input": {"a": 1, "b": 2}} for n in (1, 2)]
    assert sent["system"] == "Last rule.\n\nVery last rule."
    assert sent["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                image,
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "I add."}, *calls]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [image]},
            ],
        },
        {"role": "user", "content": "and?"},
    ]


def test_a_result_without_its_call():
    with pytest.raises(RequestRefused, match="tool_call_id"):
        body(Request(messages=(Message(role="tool", content="3"),)))


async def test_headers(connect):
    await complete(connect(*api.stream_of("x")).stream(ask()))
    received = connect.server.requests[0]
    assert (received.path, received.headers["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert received.headers["x-api-key"] == "sk-ant-1"
    assert "authorization" not in received.headers


async def test_text_and_counts(connect):
    pieces = said(api.text(0, "Hel", "lo 北京"), cache_read_input_tokens=5, input_tokens=3)
    reply = await complete(connect(*pieces).stream(ask()))
    assert reply.message == Message(role="assistant", content="Hello 北京")
    assert reply.usage == Usage(prompt_tokens=8, completion_tokens=2, cached_tokens=5)


async def test_counts_with_what_was_written_to_the_cache_and_thought(connect):
    details = {"output_tokens_details": {"thinking_tokens": 1}}
    pieces = said(api.text(0, "x"), cache_creation_input_tokens=4, **details)
    reply = await complete(connect(*pieces).stream(ask()))
    assert reply.usage == Usage(prompt_tokens=5, completion_tokens=2, reasoning_tokens=1)


TOOL_TURN = (
    api.thinking(0, "Let me ", "add."),
    api.text(1, "I add."),
    api.tool_use(2, "add", '{"a": 1', ', "b": 2}'),
)


async def test_thoughts_and_calls(connect):
    reply = await complete(connect(*said(*TOOL_TURN, reason="tool_use")).stream(ask(tools=(ADD,))))
    message = reply.message
    assert (message.content, message.reasoning, message.tool_calls) == ("I add.", "Let me add.", (CALL,))
    assert reply.finish == "tool_calls"


async def test_signed_thoughts_go_back_unchanged(connect):
    turn = (await complete(connect(*said(*TOOL_TURN, reason="tool_use")).stream(ask(tools=(ADD,))))).message
    stored = Message.model_validate_json(turn.model_dump_json())
    assert body(Request(messages=(stored,)))[0]["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me add.", "signature": "c2ln"},
                {"type": "text", "text": "I add."},
                {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": 2}},
            ],
        }
    ]


async def test_thoughts_of_a_turn_that_was_changed_stay_here(connect):
    turn = (await complete(connect(*said(*TOOL_TURN, reason="tool_use")).stream(ask(tools=(ADD,))))).message
    changed = turn.model_copy(update={"content": "I do not add.", "tool_calls": ()})
    assert body(Request(messages=(changed,)))[0]["messages"] == [{"role": "assistant", "content": "I do not add."}]


async def test_redacted_thoughts_go_back_too(connect):
    redacted = api.block(0, "redacted_thinking", data="ZW5j")
    turn = (await complete(connect(*said(redacted, api.text(1, "Yes."))).stream(ask()))).message
    assert (turn.content, turn.reasoning) == ("Yes.", "")
    assert body(Request(messages=(turn,)))[0]["messages"][0]["content"] == [
        {"type": "redacted_thinking", "data": "ZW5j"},
        {"type": "text", "text": "Yes."},
    ]


@pytest.mark.parametrize(
    ("blocks", "arguments"),
    [
        ([api.tool_use(0, "add")], "{}"),
        ([api.tool_use(0, "add", "{}")], "{}"),
        ([api.block(0, "tool_use", id="t", name="add", input={"a": "北京"})], '{"a": "北京"}'),
        ([api.tool_use(0, "add", '{"a": 1')], '{"a": 1'),
    ],
)
async def test_arguments(connect, blocks, arguments):
    reply = await complete(connect(*said(*blocks, reason="tool_use")).stream(ask(tools=(ADD,))))
    assert [call.arguments for call in reply.message.tool_calls] == [arguments]


async def test_several_calls_keep_their_order(connect):
    blocks = [api.tool_use(n, name, json.dumps({"n": n}), id=f"toolu_{n}") for n, name in enumerate(("b", "a", "b"))]
    reply = await complete(connect(*said(*blocks, reason="tool_use")).stream(ask(tools=(ADD,))))
    assert [(call.id, call.name, call.arguments) for call in reply.message.tool_calls] == [
        ("toolu_0", "b", '{"n": 0}'), ("toolu_1", "a", '{"n": 1}'), ("toolu_2", "b", '{"n": 2}'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "finish", "warned"),
    [
        ("end_turn", "stop", False),
        ("stop_sequence", "stop", False),
        ("max_tokens", "length", False),
        ("model_context_window_exceeded", "length", False),
        ("refusal", "content_filter", False),
        ("pause_turn", "stop", True),
        ("tool_use", "stop", False),
    ],
)
async def test_why_it_ended(connect, reason, finish, warned):
    deltas = await listed(connect(*said(api.text(0, "x"), reason=reason)), ask())
    assert deltas[-1].finish == finish
    assert any(delta.warning for delta in deltas) == warned


async def test_kinds_that_we_do_not_read_are_passed_over(connect):
    search = api.block(0, "web_search_tool_result", tool_use_id="s", content=[])
    cited = api.block(1, "text", {"type": "citations_delta", "citation": {}}, {"type": "text_delta", "text": "x"})
    pieces = said(search, cited, [{"type": "some_new_event", "data": 1}])
    assert (await complete(connect(*pieces).stream(ask()))).message.content == "x"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_start", "content_block": None},
        {"type": "content_block_delta", "index": "0", "delta": {}},
        {"type": "message_delta"},
    ],
)
async def test_events_out_of_form(connect, event):
    with pytest.raises(BadReply):
        await complete(connect(api.event(api.start()), api.event(event)).stream(ask()))


async def test_a_server_that_does_not_stream(connect):
    message = {
        "type": "message",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    reply = await complete(connect(json.dumps(message).encode()).stream(ask()))
    assert (reply.message.content, reply.message.reasoning) == ("Hello", "hm")
    assert reply.usage == Usage(prompt_tokens=1, completion_tokens=2)


async def test_it_reports_no_log_probabilities(connect):
    with pytest.raises(CapabilityMissing, match="'logprobs'"):
        await complete(connect(*api.stream_of("x")).stream(ask(logprobs=0)))
