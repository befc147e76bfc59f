"""Replies from a script, in Python and from files."""

import asyncio
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import Message, Request, ToolCall, Usage, complete
from backends.errors import BadSpec, CapabilityMissing, ScriptExhausted
from backends.load import load
from backends.script_file import MOST_BYTES
from backends.scripted import Reply, Scripted
from tests.backends.conftest import ADD, ask, listed


async def said(backend, text="hi", **fields):
    return (await complete(backend.stream(ask(text, **fields)))).message.content


async def test_in_order():
    backend = Scripted(["one", Reply(text="two")])
    assert [await said(backend), await said(backend)] == ["one", "two"]


async def test_running_out_names_the_prompt():
    backend = Scripted(["one"], name="scripted:x.jsonl")
    await said(backend)
    with pytest.raises(ScriptExhausted, match=r"'scripted:x.jsonl' has no reply left: 1 used.*'What is .* end\?'"):
        await said(backend, "What is\n" + "so long " * 200 + "end?")


async def test_by_match_any_number_of_times_and_in_any_order():
    backend = Scripted([Reply(text="Paris", match="France|法国"), "else", Reply(text="Rome", match="(?i)italy")])
    prompts = ["Capital of ITALY?", "法国的首都？", "what?", "Capital of Italy?"]
    assert [await said(backend, prompt) for prompt in prompts] == ["Rome", "Paris", "else", "Rome"]
    with pytest.raises(ScriptExhausted, match="2 by match"):
        await said(backend, "what?")


async def test_by_what_the_system_message_says():
    backend = Scripted([Reply(text="330", match="tall", told="notes:\\n.*look"), Reply(text="300", match="tall")])
    user = Message(role="user", content="How tall?")
    asked = [
        Request(messages=(user,)),
        Request(messages=(Message(role="system", content="Your notes:\n1. look"), user)),
    ]
    assert [(await complete(backend.stream(request))).message.content for request in asked] == ["300", "330"]


async def test_by_the_number_of_results():
    backend = Scripted([Reply(text="call", match="tall", results=0), Reply(text="330", match="tall", results=2)])
    user, tool = Message(role="user", content="How tall?"), Message(role="tool", content="330", tool_call_id="c")
    earlier = (user, tool, tool)
    for _ in range(2):
        assert (await complete(backend.stream(Request(messages=(*earlier, user))))).message.content == "call"
        assert (await complete(backend.stream(Request(messages=(*earlier, user, tool, tool))))).message.content == "330"
    with pytest.raises(ScriptExhausted):
        await complete(backend.stream(Request(messages=(user, tool))))


async def test_function():
    backend = Scripted(lambda request: request.messages[-1].content.upper())
    assert await said(backend, "loud") == "LOUD"


async def test_all_fields():
    call = ToolCall(id="c", name="add", arguments='{"a": 1}')
    reply = Reply(text="so", reasoning="hm", tool_calls=(call,), usage=Usage(prompt_tokens=3))
    completion = await complete(Scripted([reply]).stream(ask(tools=(ADD,))))
    assert completion.message.model_dump(include={"content", "reasoning", "tool_calls"}) == {
        "content": "so",
        "reasoning": "hm",
        "tool_calls": (call.model_dump(),),
    }
    assert (completion.finish, completion.usage) == ("tool_calls", Usage(prompt_tokens=3))


async def test_finish_can_be_set():
    assert (await complete(Scripted([Reply(text="x", finish="length")]).stream(ask()))).finish == "length"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_pieces_are_small_and_give_the_text(text):
    deltas = asyncio.run(listed(Scripted([text]), ask()))
    assert "".join(delta.text for delta in deltas) == text
    assert all(len(delta.text.strip()) <= 8 for delta in deltas)


async def test_concurrent_runs_get_different_replies():
    backend = Scripted([str(n) for n in range(50)])
    replies = await asyncio.gather(*(said(backend) for _ in range(50)))
    assert sorted(replies, key=int) == [str(n) for n in range(50)]


async def test_logprobs_are_not_made_up():
    with pytest.raises(CapabilityMissing, match="'logprobs'"):
        await said(Scripted(["x"]), logprobs=0)


ENTRIES = [
    "plain",
    {"text": "北京", "match": "首都", "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    {
        "tool_calls": [
            {"name": "add", "arguments": {"a": 1}},
            {"id": "x", "name": "sub", "arguments": "{}"},
            {"name": "now"},
        ]
    },
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ENTRIES),
        "\ufeff" + json.dumps(ENTRIES, indent=2, ensure_ascii=False),
        "\n".join(json.dumps(entry, ensure_ascii=False) for entry in ENTRIES) + "\n\n",
        "\r\n".join(map(json.dumps, ENTRIES)),
    ],
    ids=["json", "indented with mark", "lines", "CRLF lines"],
)
async def test_file(tmp_path, text):
    path = tmp_path / "script file.json"
    path.write_bytes(text.encode())
    backend = load(f"scripted:{path}", {})
    assert backend.name == f"scripted:{path}"
    assert await said(backend) == "plain"
    assert await said(backend, "中国的首都？") == "北京"
    calls = (await complete(backend.stream(ask()))).message.tool_calls
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("call_0", "add", '{"a": 1}'),
        ("x", "sub", "{}"),
        ("call_2", "now", "{}"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'"ok"\n{oops\n', "line 2"),
        (b'["ok", 5]', "entry 2"),
        (b'"ok"\n\n{"txt": "x"}', "line 3.*txt"),
        (b'[{"text": 7}]', "entry 1.*text"),
        (b'[{"match": "("}]', "entry 1.*regular expression"),
        (b'[{"told": "("}]', "entry 1.*regular expression"),
        (b'[{"tool_calls": ["add"]}]', "entry 1.*tool_calls.0"),
        (b'[{"tool_calls": [{"arguments": {}}]}]', r"entry 1.*tool_calls.0.name"),
        (b'["', "not JSON"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_bad_file(tmp_path, text, words):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(text)
    with pytest.raises(BadSpec, match=f"{words}") as caught:
        load(f"scripted:{path}", {})
    assert "bad.jsonl" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "words"), [("scripted", "FILE"), ("scripted:", "FILE"), ("scripted:/no/such", "No such")]
)
def test_no_file(spec, words):
    with pytest.raises(BadSpec, match=words):
        load(spec, {})


def test_a_directory_is_not_a_script(tmp_path):
    with pytest.raises(BadSpec, match="directory"):
        load(f"scripted:{tmp_path}", {})


def test_what_is_no_regular_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for file in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(BadSpec, match="not a regular file"):
            load(f"scripted:{file}", {})
    with pytest.raises(BadSpec, match="cannot read"):
        load(f"scripted:{'x' * 5000}", {})


def test_a_script_has_a_largest_size(tmp_path):
    path = tmp_path / "long.json"
    path.write_bytes(b'"x"\n')
    with path.open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BadSpec, match="16 MiB"):
        load(f"scripted:{path}", {})


def test_a_script_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(BadSpec, match="not JSON"):
        load(f"scripted:{path}", {})
