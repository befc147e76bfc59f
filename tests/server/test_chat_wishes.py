"""What a chat completion may ask beyond text: tools, a schema, several choices, log-probabilities, images."""

import asyncio
import json

import pytest
import pytest_asyncio

from tests.backends.test_schema_processes import branching
from tests.fake_upstream import DONE, ROLE, USAGE, Canned, chunk, event, stream_of
from tests.server.conftest import events_of, listening, make_store, put, upstream
from tests.server.test_chat import ask, frames, joined, refusal, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}}},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
SIGNED = {"google": {"thought_signature": "x=="}}
ODDS = [
    {"token": "Par", "logprob": -0.25, "bytes": None, "top_logprobs": [{"token": "Par", "logprob": -0.25}]},
    {"token": "is", "logprob": -0.5, "bytes": None, "top_logprobs": []},
    {"token": "\ufffd", "logprob": -1.5, "bytes": None, "top_logprobs": []},
]


def calling(*calls):
    deltas = [chunk({"tool_calls": [{"index": n, **call}]}) for n, call in enumerate(calls)]
    return Canned((*map(event, [chunk(ROLE), *deltas, chunk({}, "tool_calls"), chunk(usage=USAGE)]), DONE))


def with_odds():
    said = [chunk({"content": piece}) for piece in ("Par", "is", "")]
    for one, odds in zip(said, ODDS, strict=True):
        one["choices"][0]["logprobs"] = {"content": [odds]}
    return Canned((*map(event, [chunk(ROLE), *said, chunk({}, "stop"), chunk(usage=USAGE)]), DONE))


def mends(body):
    """Fits the schema only once it is told what was wrong."""
    told = len(body["messages"]) > 1
    return Canned(stream_of('{"city": "Oslo"}' if told else '{"town": "Oslo"}'))


def by_seed(body):
    return Canned(stream_of(f"seed {body.get('seed')}"))


def second_fails():
    """The first request is answered, all others are refused."""
    return [Canned(stream_of("Fine.")), refusal(400, "no", "invalid_request")]


ANSWERS = {
    "calls": calling(CALL, {**CALL, "id": "call_2"}),
    "signs": calling({**CALL, "extra_content": SIGNED}),
    "odds": with_odds(),
    "seeded": by_seed,
    "second-fails": second_fails(),
    "json": Canned(stream_of('{"city": "Oslo"}')),
    "mends": mends,
    "fences": Canned(stream_of('Here it is:\n```json\n{"city": "北京"}\n```\n')),
    "branches": Canned(stream_of('{"x": 5}')),
    "never": Canned(stream_of("I would rather talk.")),
    "cut-json": Canned((*map(event, [chunk(ROLE), chunk({"content": '{"city": "Os'}), chunk({}, "length")]), DONE)),
    "endless": Canned((event(chunk(ROLE)), event(chunk({"content": "Once upon a time"}))), then="stall"),
    "silent-odds": Canned(stream_of("No odds.")),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake():
    async with upstream(**ANSWERS) as server:
        able = {"images": True, "tool_choice": "full", "tools": True, "json_form": "schema", "logprobs": True}
        doubtful = {**server.profiles["fake"], "flags": {"tool_choice": "full"}}
        server.profiles = {"fake": {**server.profiles["fake"], "flags": able}, "doubtful": doubtful}
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(fake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wishes")
    script = folder / "script.jsonl"
    lines = [{"match": "add", "tool_calls": [{"name": "add", "arguments": {"a": 1}}]}, {"match": "", "text": "Sum: 3."}]
    script.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    async with listening(folder / "data", backend="fake:echo", backends=fake.profiles) as client:
        client.script = f"scripted:{script}"
        client.store = await make_store(client)
        await put(client, client.store, "a.txt", "Norway leads.")
        yield client


async def test_tools_reach_the_backend_and_its_calls_the_client(client, fake):
    reply = await whole(client, "add", backend="fake:calls", tools=[ADD], tool_choice="required")
    (choice,) = reply["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [CALL, {**CALL, "id": "call_2"}]
    sent = fake.requests[-1].body
    assert (sent["tools"], sent["tool_choice"]) == ([ADD], "required")
    (end,) = [e for e in (await events_of(client, reply["sandtable"]["run_id"]))["data"] if e["type"] == "run_finished"]
    assert [call["name"] for call in end["tool_calls"]] == ["add", "add"]


async def test_calls_stream_as_openai_streams_them(client):
    chunks, done = await frames(client, ask("add", backend="fake:calls", tools=[ADD]))
    assert done
    deltas = [call for c in chunks for call in c["choices"][0]["delta"].get("tool_calls") or ()]
    assert deltas == [
        {"index": 0, **CALL, "function": {"name": "add", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a": 1}'}},
        {"index": 1, **CALL, "id": "call_2", "function": {"name": "add", "arguments": ""}},
        {"index": 1, "function": {"arguments": '{"a": 1}'}},
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks][-1] == "tool_calls"


async def test_a_round_of_calls_and_results(client, fake):
    messages = [
        {"role": "user", "content": "How much is it?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "Let me add."},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "3"}]},
    ]
    reply = await whole(client, messages, backend=client.script, tools=[ADD])
    assert (reply["choices"][0]["message"]["content"], reply["choices"][0]["finish_reason"]) == ("Sum: 3.", "stop")
    assert "tool_calls" not in reply["choices"][0]["message"]
    await whole(client, [*messages, {"role": "assistant", "content": "3"}, {"role": "user", "content": "Sure?"}])
    sent = fake.requests[-1].body["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["tool_calls"] == [CALL]
    assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "content": "3"}


async def test_what_a_provider_wants_back_with_a_call_makes_the_round(client, fake):
    reply = await whole(client, "add", backend="fake:signs", tools=[ADD])
    said = reply["choices"][0]["message"]
    assert said["tool_calls"] == [{**CALL, "extra_content": SIGNED}]
    turn = {"role": "assistant", "content": None, "tool_calls": said["tool_calls"]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "3"}
    await whole(client, [{"role": "user", "content": "add"}, turn, result], tools=[ADD])
    assert fake.requests[-1].body["messages"][1]["tool_calls"] == said["tool_calls"]


@pytest.mark.parametrize(
    ("choice", "tools", "sent"),
    [
        ("auto", ["add", "sub"], None),
        ("none", None, None),
        ({"type": "function", "function": {"name": "sub"}}, ["add", "sub"], {"function": {"name": "sub"}}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "add"}}]},
            },
            ["add"],
            "required",
        ),
    ],
)
async def test_every_choice_of_tools(client, fake, choice, tools, sent):
    sub = {"type": "function", "function": {"name": "sub", "strict": False}}
    await whole(client, "Hi", tools=[ADD, sub], tool_choice=choice)
    body = fake.requests[-1].body
    assert [tool["function"]["name"] for tool in body.get("tools") or ()] == (tools or [])
    assert body.get("tool_choice") == ({"type": "function", **sent} if isinstance(sent, dict) else sent)


async def test_one_call_at_a_time(client, fake):
    reply = await whole(client, "add", backend="fake:calls", tools=[ADD], parallel_tool_calls=False)
    assert fake.requests[-1].body["parallel_tool_calls"] is False
    assert [call["id"] for call in reply["choices"][0]["message"]["tool_calls"]] == ["call_1"]


@pytest.mark.parametrize(
    ("format", "title"),
    [
        ({"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}, "place"),
        ({"type": "json_object"}, "answer"),
    ],
)
async def test_a_schema_reaches_the_backend(client, fake, format, title):
    reply = await whole(client, "Where?", backend="fake:json", response_format=format)
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"city": "Oslo"}
    sent = fake.requests[-1].body["response_format"]["json_schema"]
    assert sent["name"] == title
    assert sent["strict"] == (title == "place")


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(client, fake):
    format = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
    reply = await whole(client, "Where?", backend="fake:mends", response_format=format)
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"city": "Oslo"}
    assert "asked again" in reply["choices"][0]["message"]["reasoning_content"]
    assert "'town' was unexpected" in fake.requests[-1].body["messages"][-1]["content"]
    chunks, done = await frames(client, ask("Where?", backend="fake:fences", response_format=format))
    assert done
    assert joined(chunks, "content") == '{"city": "北京"}'
    refused = await client.post(
        "/v1/chat/completions", json=ask("Where?", backend="fake:never", response_format=format)
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "backend_bad_structured_output")


@pytest.mark.slow
async def test_a_schema_that_takes_for_ever_to_check_holds_nobody_up(client):
    format = {"type": "json_schema", "json_schema": {"name": "place", "schema": branching(40)}}
    asking = asyncio.create_task(
        client.post("/v1/chat/completions", json=ask("Where?", backend="fake:branches", response_format=format))
    )
    answered = 0
    while not asking.done():
        assert (await client.get("/v1/models")).status_code == 200
        answered += 1
    reply = (await asking).json()
    assert reply["error"]["code"] == "backend_refused"
    assert "2 seconds of computing" in reply["error"]["message"]
    assert answered > 1
    offered = {"type": "function", "function": {"name": "f", "parameters": {"$ref": "#/$defs/d0", **branching(40)}}}
    refused = await client.post("/v1/chat/completions", json=ask("Hi", tools=[offered]))
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools")


async def test_a_schema_does_not_stand_in_the_way_of_calls_or_of_a_cut(client):
    format = {"type": "json_object"}
    reply = await whole(client, "add", backend="fake:calls", tools=[ADD], response_format=format)
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    reply = await whole(client, "Where?", backend="fake:cut-json", response_format=format)
    assert (reply["choices"][0]["message"]["content"], reply["choices"][0]["finish_reason"]) == (
        '{"city": "Os',
        "length",
    )


@pytest.mark.slow
async def test_a_limit_ends_the_answer_with_what_there_is(client):
    limits = {"limits": {"seconds": 0.3}}
    reply = await whole(client, "Story!", backend="fake:endless", sandtable=limits)
    (choice,) = reply["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Once upon a time", "length")
    assert reply["sandtable"]["limit"] == "seconds"
    chunks, done = await frames(client, ask("Story!", backend="fake:endless", sandtable=limits))
    assert done
    assert (chunks[-1]["choices"][0]["finish_reason"], chunks[-1]["sandtable"]["limit"]) == ("length", "seconds")


async def test_more_sampling_reaches_the_backend(client, fake):
    asked = {"frequency_penalty": 0.5, "presence_penalty": -1, "reasoning_effort": "low", "logit_bias": {"7": -100}}
    await whole(client, "Hi", **asked)
    assert {name: fake.requests[-1].body.get(name) for name in asked} == asked


async def test_several_choices_with_seeds_of_their_own(client):
    reply = await whole(client, "Hi", backend="fake:seeded", n=3, seed=7)
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2]
    assert [choice["message"]["content"] for choice in reply["choices"]] == ["seed 7", "seed 6", "seed 5"]
    assert reply["usage"]["total_tokens"] == 3 * USAGE["total_tokens"]
    assert len({run["run_id"] for run in reply["sandtable"]["runs"]}) == 3
    assert reply["sandtable"]["steps"] == 3


@pytest.mark.parametrize("usage", [False, True])
async def test_several_choices_stream_by_index(client, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    chunks, done = await frames(client, ask("Hi", backend="fake:seeded", n=12, seed=7, **options))
    assert done
    told = [c["choices"][0] for c in chunks if c["choices"]]
    for index in range(12):
        own = [choice for choice in told if choice["index"] == index]
        assert own[0]["delta"]["role"] == "assistant"
        assert "".join(choice["delta"].get("content") or "" for choice in own) == f"seed {7 - index}"
        assert [c["finish_reason"] for c in own if c["finish_reason"]] == ["stop"]
    assert len(chunks[-1]["sandtable"]["runs"]) == 12
    assert [c["usage"]["total_tokens"] for c in chunks if c.get("usage")] == ([36] if usage else [])


async def test_one_choice_that_fails_fails_all(client):
    reply = await client.post("/v1/chat/completions", json=ask("Hi", backend="fake:second-fails", n=3))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "backend_refused")


def odds(choices):
    return [one for choice in choices for one in (choice["logprobs"] or {"content": []})["content"]]


async def test_log_probabilities_whole_and_streamed(client, fake):
    fields = {"backend": "fake:odds", "logprobs": True, "top_logprobs": 1}
    reply = await whole(client, "Where?", **fields)
    told = odds(reply["choices"])
    assert [one["token"] for one in told] == ["Par", "is", "\ufffd"]
    assert told[0]["top_logprobs"] == [{"token": "Par", "logprob": -0.25, "bytes": list(b"Par")}]
    assert (told[1]["bytes"], told[2]["bytes"]) == (list(b"is"), None)
    assert fake.requests[-1].body["top_logprobs"] == 1
    chunks, _ = await frames(client, ask("Where?", **fields))
    assert odds(c["choices"][0] for c in chunks) == told
    assert joined(chunks, "content") == "Paris"


async def test_log_probabilities_that_do_not_come_are_told(client):
    reply = await whole(client, "Where?", backend="fake:silent-odds", logprobs=True)
    assert reply["choices"][0]["logprobs"]["content"] == []
    assert "log-probabilities" in reply["choices"][0]["message"]["reasoning_content"]


async def test_images_reach_a_backend_that_takes_them(client, fake):
    data = f"data:image/png;base64,{PIXEL}"
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": data, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": "A dot."}]
    await whole(client, [*messages, {"role": "user", "content": parts[1:2]}])
    sent = fake.requests[-1].body["messages"]
    assert sent[0]["content"] == parts
    assert sent[2]["content"] == parts[1:2]
    refused = await client.post("/v1/chat/completions", json=ask(messages[:1], backend=client.script))
    assert refused.json()["error"]["code"] == "capability_missing"


async def test_what_a_server_turns_out_not_to_do_is_said_with_the_field(client):
    reply = await client.post("/v1/chat/completions", json=ask("add", backend="doubtful:echo", tools=[ADD]))
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "capability_missing", "tools")
