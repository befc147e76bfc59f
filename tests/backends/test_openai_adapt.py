"""Refusals that only ask for another form of the same request are followed."""

import json

import pytest

from backends.base import Request, complete
from backends.errors import RequestRefused
from tests.backends.conftest import ask
from tests.backends.deviations import plain, text_chunks
from tests.backends.test_openai_request import TOOL_TURNS
from tests.fake_upstream import Canned


def picky(field, words, wanted=None):
    """A server that refuses `field` in these words, and wants `wanted` instead."""

    def answer(received):
        if field in received or (wanted and wanted not in received):
            return Canned((json.dumps({"error": {"message": words}}).encode(),), 400)
        return Canned((plain(text_chunks()),))

    return answer


USE_THE_NEW_NAME = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."


@pytest.mark.parametrize(
    ("answer", "lost", "gained"),
    [
        (picky("stream_options", "Extra inputs are not permitted: stream_options"), {"stream_options"}, set()),
        (picky("max_tokens", USE_THE_NEW_NAME), {"max_tokens"}, {"max_completion_tokens"}),
    ],
)
async def test_refusals_that_change_nothing_are_followed_and_remembered(connect, upstream, answer, lost, gained):
    backend = connect("m", answer)
    for _ in range(2):
        assert (await complete(backend.stream(ask(max_tokens=5)))).message.content == "Hello é!"
    first, second, third = (received.body.keys() for received in upstream.requests)
    assert first - second == lost
    assert second - first == gained
    assert third == second


async def test_old_name_where_the_new_one_is_refused(connect, upstream):
    answer = picky("max_completion_tokens", "unknown field max_completion_tokens")
    backend = connect("m", answer, flags={"names": {"max_tokens": "max_completion_tokens"}})
    await complete(backend.stream(ask(max_tokens=5)))
    assert upstream.requests[-1].body["max_tokens"] == 5


async def test_thoughts_are_added_where_a_refusal_asks_for_them(connect, upstream):
    def answer(received):
        lacking = [
            one for one in received["messages"] if one["role"] == "assistant" and not one.get("reasoning_content")
        ]
        words = b'{"error": {"message": "Missing `reasoning_content` field in the assistant message"}}'
        return Canned((words,), 400) if lacking else Canned((plain(text_chunks()),))

    backend = connect("m", answer)
    await complete(backend.stream(Request(messages=TOOL_TURNS)))
    sent = upstream.requests[-1].body["messages"]
    assert [one.get("reasoning_content") for one in sent if one["role"] == "assistant"] == [" ", " ", " "]


async def test_a_server_that_refuses_everything_is_asked_a_few_times_only(connect, upstream):
    words = b'{"error": {"message": "stream_options, max_tokens, max_completion_tokens, reasoning_content: no"}}'
    with pytest.raises(RequestRefused, match="stream_options"):
        await complete(connect("m", Canned((words,), 400)).stream(ask(max_tokens=5)))
    assert len(upstream.requests) <= 4
