"""A response in the background outlives kill -9: it ends, its stream goes on, and nothing is told twice otherwise."""

import threading
from contextlib import suppress

import httpx2
import openai
import pytest

from tests.e2e.live import Server
from tests.e2e.model_server import model_server
from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of

pytestmark = pytest.mark.slow


class FirstHangs:
    """Says half an answer to the first request and then nothing; answers all others at once."""

    def __init__(self):
        self.asked = 0
        self.half = threading.Event()

    def __call__(self, body):
        self.asked += 1
        if self.asked > 1:
            return Canned(stream_of("It was a dark and stormy night."))
        return Canned((event(chunk(ROLE)), event(chunk({"content": "It was a"}))), then="stall")


@pytest.fixture
def hanging(tmp_path):
    first = FirstHangs()
    with model_server(story=first) as upstream:
        running = Server(tmp_path / "data", **upstream.environment)
        yield running
        if running.process.poll() is None:
            running.kill()


def connected(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)


def until_killed(server, **asked):
    """The events of a stream, up to where the server was killed in the middle of the answer."""
    told = []
    with suppress(openai.APIError, httpx2.HTTPError):
        for one in connected(server).responses.create(
            model="chat", input="A story!", stream=True, extra_body={"sandtable": {"backend": "fake:story"}}, **asked
        ):
            told.append(one)
            if "".join(e.delta for e in told if e.type == "response.output_text.delta") == "It was a":
                server.kill()
    assert told[-1].type == "response.output_text.delta"
    return told, told[0].response.id


def test_a_stream_goes_on_after_the_process_was_killed(hanging):
    talk = connected(hanging).conversations.create().id
    told, id = until_killed(hanging, conversation=talk, background=True)
    hanging.start()
    client = connected(hanging)
    rest = list(client.responses.retrieve(id, stream=True, starting_after=told[-1].sequence_number))
    assert [one.sequence_number for one in told + rest] == list(range(len(told) + len(rest)))
    assert rest[-1].type == "response.completed"
    final = rest[-1].response
    assert (final.status, final.output_text) == ("completed", "It was a dark and stormy night.")
    done = [one.item for one in rest if one.type == "response.output_item.done"]
    assert [(item.status, item.content[0].text) for item in done] == [
        ("incomplete", "It was a"),
        ("completed", "It was a dark and stormy night."),
    ]
    again = list(client.responses.retrieve(id, stream=True))
    assert again == told + rest
    assert client.responses.retrieve(id) == final
    assert [item.content[0].text for item in client.conversations.items.list(talk, order="asc")] == [
        "A story!",
        "It was a dark and stormy night.",
    ]
    hanging.kill()
    hanging.start()
    assert list(connected(hanging).responses.retrieve(id, stream=True)) == again


def test_a_response_in_the_foreground_ends_as_failed(hanging):
    _, id = until_killed(hanging)
    hanging.start()
    reply = connected(hanging).responses.retrieve(id)
    assert (reply.status, reply.error.code) == ("failed", "server_error")
    # Its last words may not have been stored yet: nobody was promised that they would be.
    assert reply.output_text in ("", "It was a")
