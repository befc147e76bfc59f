"""Chat completions with the openai package as it is: its helpers for tools, schemas, choices and streams."""

import json

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.live import server
from tests.e2e.model_server import model_server
from tests.fake_upstream import DONE, ROLE, USAGE, Canned, chunk, event, stream_of

PIXEL = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ASK = [{"role": "user", "content": "How warm is it in Oslo and in 北京?"}]


class Weather(BaseModel):
    """The weather of a city."""

    city: str
    celsius: float


class Both(BaseModel):
    places: list[Weather]


REPORT = Both(places=[Weather(city="Oslo", celsius=-3), Weather(city="北京", celsius=5.5)])


def weather(body):
    """Calls the tool for both cities; answers once it has what the tool said."""
    told = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    if told:
        return Canned(stream_of(f"It is {' and '.join(told)}."))
    calls = [
        {
            "index": n,
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": "Weather", "arguments": place.model_dump_json()},
        }
        for n, place in enumerate(REPORT.places)
    ]
    said = [chunk(ROLE), *(chunk({"tool_calls": [call]}) for call in calls), chunk({}, "tool_calls")]
    return Canned((*map(event, said), event(chunk(usage=USAGE)), DONE))


def with_odds():
    said = [chunk({"content": piece}) for piece in ("Par", "is")]
    for one in said:
        token = one["choices"][0]["delta"]["content"]
        odds = {"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": token, "logprob": -0.5}]}
        one["choices"][0]["logprobs"] = {"content": [odds]}
    return Canned((*map(event, [chunk(ROLE), *said, chunk({}, "stop"), chunk(usage=USAGE)]), DONE))


ANSWERS = {"weather": weather, "odds": with_odds(), "report": Canned(stream_of(REPORT.model_dump_json()))}


@pytest.fixture(scope="module")
def upstream():
    with model_server(**ANSWERS) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def client(upstream, tmp_path_factory):
    with (
        server(tmp_path_factory.mktemp("chat") / "data", **upstream.environment) as live,
        openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        yield client


def backend(name):
    return {"sandtable": {"backend": f"fake:{name}"}}


TOOLS = [openai.pydantic_function_tool(Weather)]


def test_a_round_of_tool_calls(client, upstream):
    first = client.chat.completions.create(model="chat", messages=ASK, tools=TOOLS, extra_body=backend("weather"))
    (choice,) = first.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert [json.loads(call.function.arguments)["city"] for call in choice.message.tool_calls] == ["Oslo", "北京"]
    assert upstream.requests[-1].body["tools"][0]["function"]["strict"] is True
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{json.loads(call.function.arguments)['celsius']} °C"}
        for call in choice.message.tool_calls
    ]
    messages = [*ASK, choice.message.to_dict(), *results]
    second = client.chat.completions.create(model="chat", messages=messages, tools=TOOLS, extra_body=backend("weather"))
    assert second.choices[0].message.content == "It is -3.0 °C and 5.5 °C."
    assert second.choices[0].finish_reason == "stop"


def test_tool_calls_through_the_stream_helper(client):
    with client.chat.completions.stream(
        model="chat", messages=ASK, tools=TOOLS, extra_body=backend("weather")
    ) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    assert [e.parsed_arguments for e in done] == REPORT.places
    assert [call.function.parsed_arguments for call in final.choices[0].message.tool_calls] == REPORT.places


def test_a_schema_through_the_parse_helper(client, upstream):
    done = client.chat.completions.parse(model="chat", messages=ASK, response_format=Both, extra_body=backend("report"))
    assert done.choices[0].message.parsed == REPORT
    sent = upstream.requests[-1].body["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("Both", True)
    with client.chat.completions.stream(
        model="chat", messages=ASK, response_format=Both, extra_body=backend("report")
    ) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == REPORT


def test_choices_and_log_probabilities(client):
    asked = {"model": "chat", "messages": ASK, "n": 3, "logprobs": True, "top_logprobs": 1}
    reply = client.chat.completions.create(**asked, extra_body=backend("odds"))
    assert [choice.message.content for choice in reply.choices] == ["Paris"] * 3
    assert [one.token for one in reply.choices[2].logprobs.content] == ["Par", "is"]
    assert reply.choices[0].logprobs.content[0].top_logprobs[0].logprob == -0.5
    assert reply.usage.total_tokens == 9
    with client.chat.completions.stream(**asked, extra_body=backend("odds")) as stream:
        final = stream.get_final_completion()
    assert [choice.logprobs.content for choice in final.choices] == [
        choice.logprobs.content for choice in reply.choices
    ]


def test_images_go_to_a_backend_that_takes_them_only(client, upstream):
    parts = [{"type": "text", "text": "A dot?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    messages = [{"role": "user", "content": parts}]
    reply = client.chat.completions.create(model="chat", messages=messages)
    assert reply.choices[0].message.content == "A dot?"
    assert upstream.requests[-1].body["messages"][0]["content"] == parts
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="chat", messages=messages, extra_body={"sandtable": {"backend": "extractive"}}
        )
    assert (refused.value.code, refused.value.param) == ("capability_missing", "messages")


def test_a_pipeline_that_has_no_use_for_a_wish_says_so(client):
    client.vector_stores.create(name="empty")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="rag:empty", messages=ASK, tools=TOOLS)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "tools")
    assert "'chat'" in refused.value.message
