"""Responses and conversations with the openai package as it is."""

import json
import time

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.live import Server
from tests.e2e.model_server import model_server
from tests.fake_upstream import DONE, ROLE, USAGE, Canned, chunk, event, stream_of

DOCUMENT = b"The harbour permit 77-B expires on 4 March 2031. Renewal takes nine months."
QUESTION = "When does the harbour permit 77-B expire?"


class City(BaseModel):
    name: str
    people: int


ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}


def said(*deltas, finish="stop"):
    chunks = [chunk(ROLE), *map(chunk, deltas), chunk({}, finish), chunk(usage=USAGE)]
    return Canned((*map(event, chunks), DONE))


def adds(body):
    """Calls `add` twice; answers with what it was told."""
    told = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    if told:
        return Canned(stream_of(f"Sums: {', '.join(told)}."))
    arguments = json.dumps({"a": 1, "b": 2})
    calls = [{"index": n, "id": f"call_{n}", "function": {"name": "add", "arguments": arguments}} for n in range(2)]
    return said({"content": "Let me add."}, {"tool_calls": calls}, finish="tool_calls")


def history(body):
    """Says how many messages it was given, and the last of the user's."""
    return Canned(stream_of(f"{len(body['messages'])}: {body['messages'][-1]['content']}"))


ANSWERS = {
    "adds": adds,
    "history": history,
    "thinker": said({"reasoning_content": "Two plus "}, {"reasoning_content": "two."}, {"content": "Four."}),
    "city": Canned(stream_of(City(name="北京", people=21_800_000).model_dump_json())),
    "cut": said({"content": "It was a dark and"}, finish="length"),
    "breaks": Canned((event(chunk(ROLE)), event(chunk({"content": "Half an"}))), then="cut"),
    "endless": Canned((event(chunk(ROLE)), event(chunk({"content": "Once upon a time"}))), then="stall"),
}


@pytest.fixture(scope="module")
def upstream():
    with model_server(**ANSWERS) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def live(upstream, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("responses") / "data", **upstream.environment)
    yield running
    if running.process.poll() is None:
        running.kill()


@pytest.fixture
def client(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def store(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused") as client:
        file = client.files.create(file=("permits.txt", DOCUMENT), purpose="assistants")
        store = client.vector_stores.create(name="harbour")
        client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, attributes={"year": 2031}, poll_interval_ms=50
        )
        return store.id


def by(backend, **more):
    return {"sandtable": {"backend": backend, **more}}


def test_a_plain_response(client):
    reply = client.responses.create(model="chat", input="Hello 世界", instructions="Be kind.", metadata={"a": "b"})
    assert (reply.status, reply.output_text, reply.object) == ("completed", "Hello 世界", "response")
    assert (reply.instructions, reply.metadata, reply.error) == ("Be kind.", {"a": "b"}, None)
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens == 3
    assert reply.completed_at >= reply.created_at
    assert reply.sandtable["backend"] == "fake:echo"
    assert client.responses.retrieve(reply.id) == reply
    (item,) = client.responses.input_items.list(reply.id).data
    assert (item.role, item.content[0].text) == ("user", "Hello 世界")
    client.responses.delete(reply.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(reply.id)


def test_a_stream_has_typed_events_in_order(client):
    told = list(client.responses.create(model="chat", input="Hello", stream=True))
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert [event.type for event in told if event.type != "response.output_text.delta"] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(event.delta for event in told if event.type == "response.output_text.delta") == "Hello"
    assert told[-1].response.output_text == "Hello"
    with client.responses.stream(model="chat", input="Hello") as stream:
        assert stream.get_final_response().output_text == "Hello"
    again = list(client.responses.retrieve(told[0].response.id, stream=True))
    assert again == told
    assert list(client.responses.retrieve(told[0].response.id, stream=True, starting_after=3)) == told[4:]


def test_thoughts_are_a_reasoning_item(client):
    with client.responses.stream(model="chat", input="2+2?", extra_body=by("fake:thinker")) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.output[0].content[0].text == "Two plus two."
    assert kinds.count("response.reasoning_text.delta") == 2
    assert final.output_text == "Four."


def test_a_round_of_function_calls_by_previous_response(client, upstream):
    first = client.responses.create(model="chat", input="1+2, twice?", tools=[ADD], extra_body=by("fake:adds"))
    assert [item.type for item in first.output] == ["message", "function_call", "function_call"]
    assert upstream.requests[-1].body["tools"][0]["function"]["strict"] is True
    calls = [item for item in first.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "3"} for call in calls]
    second = client.responses.create(
        model="chat", input=results, previous_response_id=first.id, tools=[ADD], extra_body=by("fake:adds")
    )
    assert second.output_text == "Sums: 3, 3."
    sent = upstream.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
    assert sent[1]["content"] == "Let me add."
    # The same without a stored response: the client sends all items back.
    items = [{"role": "user", "content": "1+2, twice?"}, *first.output, *results]
    third = client.responses.create(model="chat", input=items, store=False, tools=[ADD], extra_body=by("fake:adds"))
    assert third.output_text == "Sums: 3, 3."
    assert upstream.requests[-1].body["messages"] == sent
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(third.id)


def test_function_calls_stream(client):
    with client.responses.stream(model="chat", input="1+2?", tools=[ADD], extra_body=by("fake:adds")) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        final = stream.get_final_response()
    assert [json.loads(event.arguments) for event in done] == [{"a": 1, "b": 2}] * 2
    assert [item.call_id for item in final.output if item.type == "function_call"] == ["call_0", "call_1"]


def test_a_schema_through_the_parse_helper(client, upstream):
    reply = client.responses.parse(model="chat", input="北京?", text_format=City, extra_body=by("fake:city"))
    assert reply.output_parsed == City(name="北京", people=21_800_000)
    assert upstream.requests[-1].body["response_format"]["json_schema"]["strict"] is True


def test_file_search_answers_with_citations(client, store):
    tool = {"type": "file_search", "vector_store_ids": [store], "max_num_results": 3}
    asked = {"model": "chat", "input": QUESTION, "tools": [tool], "extra_body": by("extractive")}
    reply = client.responses.create(**asked, include=["file_search_call.results"])
    search = next(item for item in reply.output if item.type == "file_search_call")
    assert (search.status, search.queries) == ("completed", [QUESTION])
    assert search.results[0].filename == "permits.txt"
    assert "4 March 2031" in reply.output_text
    message = next(item for item in reply.output if item.type == "message")
    note = message.content[0].annotations[0]
    assert (note.type, note.filename) == ("file_citation", "permits.txt")
    bare = client.responses.create(**asked)
    assert next(item for item in bare.output if item.type == "file_search_call").results is None
    seen = client.responses.retrieve(bare.id, include=["file_search_call.results"])
    assert next(item for item in seen.output if item.type == "file_search_call").results
    other = {**tool, "filters": {"type": "eq", "key": "year", "value": 1999}}
    none = client.responses.create(**{**asked, "tools": [other]})
    assert "4 March" not in none.output_text
    told = [event.type for event in client.responses.create(**asked, stream=True)]
    assert told.index("response.file_search_call.completed") < told.index("response.output_text.delta")
    assert "response.output_text.annotation.added" in told


def test_an_answer_cut_short_is_incomplete(client):
    reply = client.responses.create(model="chat", input="Story!", max_output_tokens=5, extra_body=by("fake:cut"))
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert reply.output_text == "It was a dark and"
    limited = by("fake:endless", limits={"seconds": 0.3})
    told = list(client.responses.create(model="chat", input="Story!", stream=True, extra_body=limited))
    assert told[-1].type == "response.incomplete"
    assert told[-1].response.incomplete_details.reason == "max_output_tokens"
    assert told[-1].response.sandtable["limit"] == "seconds"
    assert told[-1].response.output_text == "Once upon a time"


def test_a_response_that_fails(client):
    with pytest.raises(openai.InternalServerError) as failed:
        client.responses.create(model="chat", input="Hi", extra_body=by("fake:breaks"))
    assert failed.value.code == "backend_incomplete_stream"
    told = list(client.responses.create(model="chat", input="Hi", stream=True, extra_body=by("fake:breaks")))
    assert told[-1].type == "response.failed"
    assert (told[-1].response.status, told[-1].response.error.code) == ("failed", "server_error")
    assert client.responses.retrieve(told[-1].response.id).status == "failed"


def finished(client, id):
    for _ in range(400):
        reply = client.responses.retrieve(id)
        if reply.status not in ("queued", "in_progress"):
            return reply
        time.sleep(0.02)
    raise AssertionError(reply.status)


def test_in_the_background(client):
    reply = client.responses.create(model="chat", input="Hello", background=True)
    assert (reply.status, reply.output, reply.background) == ("queued", [], True)
    assert finished(client, reply.id).output_text == "Hello"


def test_a_stream_goes_on_where_it_was_left(client):
    told = []
    with client.responses.create(model="chat", input="Hello there", background=True, stream=True) as stream:
        for event in stream:
            told.append(event)
            if event.type == "response.output_text.delta":
                break
    id = told[0].response.id
    assert [event.type for event in told[:3]] == ["response.created", "response.queued", "response.in_progress"]
    rest = list(client.responses.retrieve(id, stream=True, starting_after=told[-1].sequence_number))
    assert [event.sequence_number for event in told + rest] == list(range(len(told) + len(rest)))
    assert rest[-1].response.output_text == "Hello there"
    assert list(client.responses.retrieve(id, stream=True)) == told + rest


def test_cancelling_keeps_what_there_is(client):
    told = []
    with client.responses.create(
        model="chat", input="Story!", background=True, stream=True, extra_body=by("fake:endless")
    ) as stream:
        for event in stream:
            told.append(event)
            if event.type == "response.output_text.delta":
                cancelled = client.responses.cancel(told[0].response.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "Once upon a time")
    assert (told[-1].type, told[-1].response.status) == ("response.incomplete", "cancelled")
    assert client.responses.cancel(cancelled.id).status == "cancelled"
    plain = client.responses.create(model="chat", input="Hi")
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(plain.id)


def test_a_conversation_grows_by_its_responses(client, upstream):
    items = [{"role": "user", "content": "I am Ann."}, {"role": "assistant", "content": "Hello, Ann."}]
    talk = client.conversations.create(items=items, metadata={"topic": "names"})
    reply = client.responses.create(
        model="chat", conversation=talk.id, input="Who am I?", extra_body=by("fake:history")
    )
    assert reply.output_text == "3: Who am I?"
    assert reply.conversation.id == talk.id
    later = client.responses.create(
        model="chat", conversation={"id": talk.id}, input="And now?", background=True, extra_body=by("fake:history")
    )
    assert finished(client, later.id).output_text == "5: And now?"
    listed = list(client.conversations.items.list(talk.id, order="asc", limit=2))
    assert [item.role for item in listed] == ["user", "assistant"] * 3
    assert listed[3].id == reply.output[0].id
    assert client.conversations.items.retrieve(listed[0].id, conversation_id=talk.id) == listed[0]
    assert client.conversations.items.delete(listed[0].id, conversation_id=talk.id).id == talk.id
    (added,) = client.conversations.items.create(talk.id, items=[{"role": "user", "content": "More."}]).data
    newest = client.conversations.items.list(talk.id, limit=1)
    assert (newest.data[0].id, newest.has_more) == (added.id, True)
    assert client.conversations.update(talk.id, metadata={"topic": "ann"}).metadata == {"topic": "ann"}
    assert client.conversations.retrieve(talk.id).metadata == {"topic": "ann"}
    assert client.conversations.delete(talk.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(talk.id)
    with pytest.raises(openai.NotFoundError) as gone:
        client.responses.create(model="chat", conversation=talk.id, input="Hi")
    assert gone.value.param == "conversation"


def test_one_response_at_a_time_on_a_conversation(client):
    talk = client.conversations.create()
    first = client.responses.create(
        model="chat", conversation=talk.id, input="Story!", background=True, extra_body=by("fake:endless")
    )
    with pytest.raises(openai.ConflictError) as locked:
        client.responses.create(model="chat", conversation=talk.id, input="Hi")
    assert (locked.value.code, locked.value.param) == ("conversation_locked", "conversation")
    client.responses.cancel(first.id)
    assert client.responses.create(model="chat", conversation=talk.id, input="Hi").output_text == "Hi"
    assert [item.role for item in client.conversations.items.list(talk.id)] == ["assistant", "user"]
