"""Ollama's own API: what is sent, and what is read out of its lines."""

import json

import pytest

from backends.base import Image, Message, Request, TokenLogprob, ToolCall, Usage, complete
from backends.errors import BadSpec, CapabilityMissing, RequestRefused
from backends.lifetime import close
from backends.ollama import Ollama
from backends.ollama_wire import chat_body
from backends.profiles import Profile
from tests.backends.conftest import ADD, PARAMETERS, ask, listed
from tests.fake_ollama import FakeOllama, last, line, ndjson, stream_of

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def body(request, **profile):
    settings = {"name": "fake", "kind": "ollama", "base_url": "http://127.0.0.1:1", **profile}
    return chat_body(request, Profile.model_validate(settings), "m")


@pytest.fixture
async def connect():
    server = FakeOllama()
    url = await server.start()
    made = []

    def make(*pieces, model="m", **profile):
        server.answers["m"] = ndjson(*pieces)
        made.append(Ollama(Profile(name="fake", kind="ollama", base_url=url, **profile), model))
        return made[-1]

    make.server = server
    yield make
    for backend in made:
        await close(backend)
    await server.stop()


def test_plain_request():
    assert body(ask("你好")) == ({"model": "m", "messages": [{"role": "user", "content": "你好"}], "stream": True}, [])


def test_everything_that_can_be_asked():
    request = ask(
        temperature=0.0, top_p=0.5, max_tokens=9, stop=("a",), seed=0, logprobs=2, json_schema=SCHEMA, tools=(ADD,)
    )
    sent, warnings = body(request, extra_body={"think": "high", "options": {"num_ctx": 8192}, "keep_alive": "10m"})
    assert warnings == []
    del sent["model"], sent["messages"], sent["stream"]
    assert sent == {
        "options": {"temperature": 0.0, "top_p": 0.5, "num_predict": 9, "stop": ["a"], "seed": 0, "num_ctx": 8192},
        "tools": [
            {"type": "function", "function": {"name": "add", "description": ADD.description, "parameters": PARAMETERS}}
        ],
        "format": SCHEMA,
        "logprobs": True,
        "top_logprobs": 2,
        "think": "high",
        "keep_alive": "10m",
    }


def test_a_limit_for_answers_that_have_none():
    assert body(ask(), max_tokens=5)[0]["options"] == {"num_predict": 5}
    assert body(ask(max_tokens=3), max_tokens=5)[0]["options"] == {"num_predict": 3}


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("low", "low"), ("high", "high")])
def test_effort_and_penalties(effort, think):
    sent, warnings = body(ask(reasoning_effort=effort, frequency_penalty=0.5, logit_bias={"1": 1.0}))
    assert (sent["think"], sent["options"]) == (think, {"frequency_penalty": 0.5})
    assert ["'logit_bias'" in warning for warning in warnings] == [True]


def test_what_this_server_does_not_take_is_told():
    sent, warnings = body(ask(seed=1), flags={"names": {"seed": None}})
    assert "options" not in sent
    assert ["'seed'" in warning for warning in warnings] == [True]


def test_a_turn_with_tools_pictures_and_thoughts():
    call = ToolCall(id="c1", name="add", arguments='{"a": 1, "b": 2}')
    broken = ToolCall(id="c2", name="add", arguments='{"a": ')
    picture = Image(media_type="image/png", data="iVBORw0KGgo=")
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="look", images=(picture,)),
        Message(role="assistant", reasoning="hm", tool_calls=(call, broken)),
        Message(role="tool", content="3", tool_call_id="c1"),
        Message(role="tool", content="no", tool_call_id="c9"),
    )
    assert body(Request(messages=turns))[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "look", "images": ["iVBORw0KGgo="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [
                {"function": {"name": "add", "arguments": {"a": 1, "b": 2}}},
                {"function": {"name": "add", "arguments": {"INVALID_JSON": '{"a": '}}},
            ],
        },
        {"role": "tool", "content": "3", "tool_name": "add"},
        {"role": "tool", "content": "no"},
    ]


def test_a_picture_by_its_address_is_refused():
    message = Message(role="user", content="look", images=(Image(url="https://x.test/a.png"),))
    with pytest.raises(RequestRefused, match="data:image/png;base64"):
        body(Request(messages=(message,)))


@pytest.mark.parametrize("choice", ["required", "add"])
def test_a_tool_cannot_be_forced(choice):
    with pytest.raises(CapabilityMissing, match=f"'auto', not '{choice}'") as caught:
        body(ask(tools=(ADD,), tool_choice=choice))
    assert caught.value.code == "tools"


def test_no_tools_for_choice_none():
    assert "tools" not in body(ask(tools=(ADD,), tool_choice="none"))[0]


async def test_text_thoughts_and_counts(connect):
    said = [line({"thinking": "h"}), line({"thinking": "m"}), *stream_of("Hello 北京")]
    reply = await complete(connect(*said).stream(ask()))
    assert reply.message == Message(role="assistant", content="Hello 北京", reasoning="hm")
    assert (reply.finish, reply.usage) == ("stop", Usage(prompt_tokens=1, completion_tokens=2))


async def test_tool_calls_in_one_line_or_several(connect):
    one = {"function": {"name": "add", "arguments": {"a": 1, "b": 2}}}
    two = {"id": "call_7", "function": {"index": 0, "name": "sub", "arguments": {"city": "北京"}}}
    none = {"function": {"name": "now", "arguments": {}}}
    pieces = [line({"tool_calls": [one, two]}), line({"tool_calls": [one]}), line({"tool_calls": [none]}), last()]
    reply = await complete(connect(*pieces).stream(ask(tools=(ADD,))))
    calls = reply.message.tool_calls
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("add", {"a": 1, "b": 2}), ("sub", {"city": "北京"}), ("add", {"a": 1, "b": 2}), ("now", {}),
    ]  # fmt: skip
    assert calls[1].id == "call_7"
    assert len({call.id for call in calls}) == 4
    assert reply.finish == "tool_calls"


async def test_log_probabilities(connect):
    first = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.5}]}
    pieces = [line({"content": "a"}, logprobs=[first]), last()]
    reply = await complete(connect(*pieces).stream(ask(logprobs=1)))
    assert reply.logprobs == (TokenLogprob(token="a", logprob=-0.1, top=(("b", -2.5),)),)


async def test_log_probabilities_that_do_not_come_are_told(connect):
    deltas = await listed(connect(*stream_of("a")), ask(logprobs=0))
    assert ["log-prob" in delta.warning for delta in deltas if delta.warning] == [True]


@pytest.mark.parametrize(
    ("end", "finish", "warned"),
    [
        (last("length"), "length", False),
        (last(""), "stop", False),
        (line(done=True), "stop", False),
        (last("unload"), "stop", True),
    ],
)
async def test_why_it_ended(connect, end, finish, warned):
    deltas = await listed(connect(line({"content": "a"}), end), ask())
    assert deltas[-1].finish == finish
    assert any(delta.warning for delta in deltas) == warned


async def test_counts_that_are_not_there_are_not_made_up(connect):
    reply = await complete(connect(line({"content": "a"}), last(prompt_eval_count=None)).stream(ask()))
    assert reply.usage is None


async def test_lines_after_the_last_and_no_line_end(connect):
    pieces = (*stream_of("ab"), line({"content": "more"}).rstrip(b"\n"))
    assert (await complete(connect(*pieces).stream(ask()))).message.content == "ab"
    whole = line({"content": "ab"}, done=True, done_reason="stop").rstrip(b"\n")
    assert (await complete(connect(whole).stream(ask()))).message.content == "ab"


async def test_unknown_model(connect):
    with pytest.raises(RequestRefused, match="'nobody' not found"):
        await complete(connect(model="nobody").stream(ask()))


def test_profile_without_a_server():
    with pytest.raises(BadSpec, match="base_url"):
        Ollama(Profile(name="fake", kind="ollama"), "m")
