"""Pictures in messages: the forms in which they come, and the form in which a server of OpenAI's form gets them."""

import base64

import pytest
from pydantic import ValidationError

from backends.base import Image, Message, Request, ToolCall, complete
from backends.errors import CapabilityMissing
from backends.images import MOST_BYTES, image_of, url_of

DOT = base64.b64encode(b"\x89PNG not really").decode()
PNG = f"data:image/png;base64,{DOT}"


@pytest.mark.parametrize("url", [PNG, "https://example.test/a.png", "http://127.0.0.1/a?b=c"])
def test_there_and_back(url):
    assert url_of(image_of(url)) == url


def test_data_urls_as_people_write_them():
    image = image_of(f"DATA:image/JPG;charset=utf-8;base64,{DOT[:4]}\n {DOT[4:]}", "low")
    assert image == Image(media_type="image/jpeg", data=DOT, detail="low")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "data: URL or an http"),
        ("file:///etc/passwd", "data: URL or an http"),
        ("https://", "data: URL or an http"),
        ("data:image/png,abc", "base64,"),
        ("data:image/svg+xml;base64,AAAA", "image/svg.*image/png"),
        ("data:;base64,AAAA", "image/png"),
        ("data:image/png;base64,a", "not base64"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,ünö", "not base64"),
    ],
)
def test_what_is_no_picture(url, words):
    with pytest.raises(ValueError, match=words):
        image_of(url)


def test_a_picture_has_a_largest_size():
    data = base64.b64encode(bytes(MOST_BYTES + 1)).decode()
    with pytest.raises(ValueError, match="20 MiB"):
        image_of(f"data:image/png;base64,{data}")


@pytest.mark.parametrize(
    "fields",
    [{}, {"data": DOT}, {"data": DOT, "media_type": "image/png", "url": "https://x"},
     {"url": "https://x", "media_type": "image/png"}, {"data": DOT, "media_type": "image/bmp"}],
)  # fmt: skip
def test_a_picture_is_data_with_a_type_or_an_address(fields):
    with pytest.raises(ValidationError):
        Image(**fields)


LOOK = Request(messages=(Message(role="user", content="What is it?", images=(image_of(PNG), image_of("https://x/y"))),))


async def test_sent_as_parts_after_the_text(connect, upstream):
    upstream.answers["m"] = upstream.answers["tokens"]
    await complete(connect("m", flags={"images": True}).stream(LOOK))
    assert upstream.requests[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://x/y"}},
    ]


async def test_detail_and_no_text(connect, upstream):
    upstream.answers["m"] = upstream.answers["tokens"]
    message = Message(role="user", images=(image_of(PNG, "high"),))
    await complete(connect("m", flags={"images": True}).stream(Request(messages=(message,))))
    part = {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}
    assert upstream.requests[0].body["messages"][0]["content"] == [part]


async def test_not_sent_to_a_server_of_which_nobody_said_that_it_reads_pictures(connect, upstream):
    with pytest.raises(CapabilityMissing, match=r"'images'.*\(3\).*flags"):
        await complete(connect().stream(LOOK))
    assert upstream.requests == []


async def test_pictures_of_tools_follow_the_last_result(connect, upstream):
    upstream.answers["m"] = upstream.answers["tokens"]
    call = ToolCall(id="a", name="draw")
    turns = (
        Message(role="user", content="draw two"),
        Message(role="assistant", tool_calls=(call, call.model_copy(update={"id": "b"}))),
        Message(role="tool", content="first", tool_call_id="a", images=(image_of(PNG),)),
        Message(role="tool", content="second", tool_call_id="b", images=(image_of("https://x/y"),)),
    )
    await complete(connect("m", flags={"images": True}).stream(Request(messages=turns)))
    sent = upstream.requests[0].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [message["content"] for message in sent[2:4]] == ["first", "second"]
    assert [part["image_url"]["url"] for part in sent[4]["content"]] == [PNG, "https://x/y"]
