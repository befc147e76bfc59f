"""What is sent upstream: the OpenAI form, bent to what each server takes."""

import json

import pytest

from backends.base import Message, Request, ToolCall, ToolSpec, complete
from backends.errors import BackendError, CapabilityMissing, RequestRefused
from backends.openai_wire import chat_body, is_strict
from backends.profiles import Flags, Profile
from tests.backends.conftest import ADD, KEY, PARAMETERS, ask

SUB = ToolSpec(name="sub", description="Subtract.", parameters={"type": "object", "properties": {}})
SCHEMA = {
    "title": "My answer",
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
SENT_ADD = {
    "type": "function",
    "function": {"name": "add", "description": "Add two numbers.", "parameters": PARAMETERS},
}


def body(request, extra=None, **flags):
    profile = Profile(name="fake", base_url="http://127.0.0.1:1/v1", extra_body=extra or {}, flags=Flags(**flags))
    return chat_body(request, profile, "m")


def test_plain_request():
    assert body(ask("héllo")) == (
        {
            "model": "m",
            "messages": [{"role": "user", "content": "héllo"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        [],
    )


def test_all_parameters():
    request = ask(
        temperature=0.0, top_p=0.5, max_tokens=9, stop=("a", "b"), seed=0, logprobs=2, json_schema=SCHEMA, tools=(ADD,)
    )
    sent, warnings = body(request, extra={"enable_thinking": False, "top_k": 3})
    assert warnings == []
    assert {
        name: value for name, value in sent.items() if name not in ("model", "messages", "stream", "stream_options")
    } == {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 9,
        "stop": ["a", "b"],
        "seed": 0,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "My_answer", "schema": SCHEMA, "strict": True},
        },
        "tools": [SENT_ADD],
        "enable_thinking": False,
        "top_k": 3,
    }


def test_chosen_logprobs_alone():
    sent, _ = body(ask(logprobs=0))
    assert sent["logprobs"] is True
    assert "top_logprobs" not in sent


def test_other_names_and_parameters_not_taken():
    names = {"max_tokens": "max_completion_tokens", "seed": None, "stream_options": None}
    sent, warnings = body(ask(max_tokens=9, seed=1, temperature=1.0), names=names)
    assert {"model", "messages", "stream", "max_completion_tokens", "temperature"} == sent.keys()
    assert ["'seed'" in warning for warning in warnings] == [True]


async def test_parameters_not_taken_are_told_before_the_finish(connect):
    backend = connect(flags={"names": {"seed": None}})
    deltas = [delta async for delta in backend.stream(ask("hi", seed=1))]
    assert [delta.text for delta in deltas] == ["hi", "", ""]
    assert "'seed'" in deltas[1].warning
    assert deltas[2].finish == "stop"


@pytest.mark.parametrize(
    ("form", "choice", "tools", "sent"),
    [
        ("words", "auto", ["add", "sub"], None),
        ("words", "required", ["add", "sub"], "required"),
        ("words", "add", ["add"], "required"),
        ("full", "add", ["add", "sub"], {"type": "function", "function": {"name": "add"}}),
        ("auto", "auto", ["add", "sub"], None),
        ("words", "none", None, None),
    ],
)
def test_tool_choice(form, choice, tools, sent):
    made, _ = body(ask(tools=(ADD, SUB), tool_choice=choice), tool_choice=form)
    assert made.get("tool_choice") == sent
    assert (tools and [tool["function"]["name"] for tool in made["tools"]]) == tools
    assert ("tools" in made) == (tools is not None)


@pytest.mark.parametrize("form", ["words", "full"])
def test_tool_choice_of_a_tool_not_offered(form):
    with pytest.raises(RequestRefused, match=r"'mul'.*'add'"):
        body(ask(tools=(ADD,), tool_choice="mul"), tool_choice=form)


@pytest.mark.parametrize("choice", ["required", "add"])
def test_tool_choice_that_the_server_cannot_follow(choice):
    with pytest.raises(CapabilityMissing, match="cannot be made to call"):
        body(ask(tools=(ADD,), tool_choice=choice), tool_choice="auto")


def test_schema_for_servers_that_know_only_objects():
    request = Request(
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="hi")), json_schema=SCHEMA
    )
    sent, _ = body(request, json_form="object")
    assert sent["response_format"] == {"type": "json_object"}
    assert [message["role"] for message in sent["messages"]] == ["system", "system", "user"]
    assert json.dumps(SCHEMA) in sent["messages"][1]["content"]
    assert "JSON" in sent["messages"][1]["content"]


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, True),
        ({"type": "string"}, True),
        (PARAMETERS, False),
        ({**SCHEMA, "required": []}, False),
        ({**SCHEMA, "properties": {"a": {"type": "object"}}}, False),
        ({"anyOf": [SCHEMA, {"type": "null"}]}, True),
        ({"type": "array", "items": PARAMETERS}, False),
    ],
)
def test_only_a_strict_schema_is_sent_as_strict(schema, strict):
    assert is_strict(schema) is strict


TOOL_TURNS = (
    Message(role="user", content="1+2?"),
    Message(
        role="assistant",
        reasoning="I add.",
        tool_calls=(ToolCall(id="c1", name="add", arguments="{}", extra={"extra_content": {"google": {"s": "x"}}}),),
    ),
    Message(role="tool", content="3", tool_call_id="c1"),
    Message(role="assistant", tool_calls=(ToolCall(id="c2", name="add"),)),
    Message(role="tool", content="4", tool_call_id="c2"),
    Message(role="assistant", content="4", reasoning="Done."),
)
SENT_TURNS = [
    {"role": "user", "content": "1+2?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "add", "arguments": "{}"},
                "extra_content": {"google": {"s": "x"}},
            }
        ],
    },
    {"role": "tool", "content": "3", "tool_call_id": "c1"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c2", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
    },
    {"role": "tool", "content": "4", "tool_call_id": "c2"},
    {"role": "assistant", "content": "4"},
]


def test_tool_turns_with_what_the_provider_wants_back():
    assert body(Request(messages=TOOL_TURNS))[0]["messages"] == SENT_TURNS


def test_thoughts_go_back_where_the_provider_wants_them():
    sent = body(Request(messages=TOOL_TURNS), echo_reasoning=True)[0]["messages"]
    assert [message.get("reasoning_content") for message in sent] == [None, "I add.", None, " ", None, None]


def test_no_thoughts_are_made_up_for_a_model_that_has_none():
    turns = tuple(message.model_copy(update={"reasoning": ""}) for message in TOOL_TURNS)
    assert body(Request(messages=turns), echo_reasoning=True)[0]["messages"] == SENT_TURNS


async def test_what_arrives_upstream(connect, upstream):
    await complete(connect(headers={"X-Team": "blue"}).stream(ask("你好 😀")))
    received = upstream.requests[0]
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["x-team"] == "blue"
    assert received.headers["content-type"] == "application/json"
    assert received.body["messages"] == [{"role": "user", "content": "你好 😀"}]


async def test_half_an_emoji_in_a_schema_can_be_sent(connect, upstream):
    tool = ToolSpec(name="t", description="d", parameters={"type": "object", "title": "a\ud83d"})
    await complete(connect().stream(ask(tools=(tool,))))
    assert upstream.requests[0].body["tools"][0]["function"]["parameters"]["title"] == "a\ufffd"


async def test_no_key_no_authorization(connect, upstream):
    await complete(connect(api_key=None).stream(ask()))
    assert "authorization" not in upstream.requests[0].headers


@pytest.mark.parametrize(
    ("flags", "fields", "word"),
    [
        ({"tools": False}, {"tools": (ADD,)}, "tools"),
        ({"json_form": "none"}, {"json_schema": SCHEMA}, "json_schema"),
        ({"logprobs": False}, {"logprobs": 0}, "logprobs"),
    ],
)
async def test_what_the_profile_denies_is_refused_before_anything_is_sent(connect, upstream, flags, fields, word):
    with pytest.raises(CapabilityMissing, match=f"'{word}'.*\\(1\\).*\\(2\\).*\\(3\\)"):
        await complete(connect(flags=flags).stream(ask(**fields)))
    assert upstream.requests == []


async def test_tools_with_choice_none_need_no_tools(connect):
    backend = connect(flags={"tools": False})
    assert (await complete(backend.stream(ask(tools=(ADD,), tool_choice="none")))).message.content == "hi"


async def test_error_names_are_ours(connect):
    with pytest.raises(BackendError, match="no model 'nobody'"):
        await complete(connect("nobody").stream(ask()))
