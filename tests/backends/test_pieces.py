"""Laws of what is put together from pieces: the cuts do not matter."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadReply
from backends.openai_reply import ReplyReader
from backends.sse import MAX_EVENT_BYTES, Event, EventReader
from backends.tool_calls import ToolCallAssembler
from backends.unicode import SurrogateJoiner
from tests.backends.deviations import plain, text_chunks, tool_chunks

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LINE = TEXT.filter(lambda text: not set(text) & set("\r\n"))
NEWLINE = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def cut(draw, data):
    """The bytes or text in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def read(pieces):
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


@settings(deadline=None)
@given(st.data(), st.lists(st.tuples(LINE, st.lists(LINE, min_size=1, max_size=3))), NEWLINE)
def test_events_do_not_depend_on_cuts_or_line_ends(data, sent, newline):
    lines = []
    for name, parts in sent:
        lines += [f"event: {name}", ": comment", *(f"data: {part}" for part in parts), ""]
    body = "".join(line + newline for line in lines).encode()
    assert read(data.draw(cut(body))) == [Event(name, "\n".join(parts)) for name, parts in sent]


@settings(deadline=None)
@given(st.binary(max_size=200), st.data())
def test_any_bytes_can_be_read(body, data):
    assert read(data.draw(cut(body))) == read([body])


def test_an_event_has_a_limit():
    reader = EventReader()
    for _ in range(MAX_EVENT_BYTES >> 20):
        reader.feed(b"data: " + b"x" * ((1 << 20) - 6) + b"\n")
    with pytest.raises(BadReply, match="8 MiB"):
        reader.feed(b"data: more of it" * 1000)


@settings(deadline=None, max_examples=50)
@given(st.data(), st.sampled_from([text_chunks, tool_chunks]))
def test_answers_do_not_depend_on_cuts(data, chunks):
    body = plain(chunks())
    reader = ReplyReader("fake")
    pieces = data.draw(cut(body))
    deltas = [delta for piece in pieces for delta in reader.feed(piece)] + reader.end()
    whole = ReplyReader("fake")
    assert deltas == whole.feed(body) + whole.end()


@pytest.mark.slow
@settings(deadline=None)
@given(st.data(), TEXT)
def test_surrogate_halves_are_joined(data, text):
    units = text.encode("utf-16-le")
    halves = [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]
    joiner = SurrogateJoiner()
    assert "".join(map(joiner.feed, halves)) + joiner.end() == text
    pieces = ["".join(piece) for piece in data.draw(cut(halves))]
    assert "".join(map(joiner.feed, pieces)) + joiner.end() == text


@settings(deadline=None)
@given(st.lists(st.text(max_size=5) | st.sampled_from(["\ud83d", "\ude00"]), max_size=8))
def test_joined_text_can_always_be_sent(pieces):
    joiner = SurrogateJoiner()
    ("".join(map(joiner.feed, pieces)) + joiner.end()).encode()


ARGUMENTS = st.dictionaries(TEXT, st.integers() | TEXT, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False)
)
NAME = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


@settings(deadline=None)
@given(st.data(), st.lists(st.tuples(NAME, ARGUMENTS), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_calls_do_not_depend_on_cuts(data, calls, with_index, always_named):
    """Any number of calls, their arguments in any pieces, by index or one after the other."""
    assembler = ToolCallAssembler()
    for n, (name, arguments) in enumerate(calls):
        pieces = [""] + [piece for piece in data.draw(cut(arguments)) if piece]
        for at, piece in enumerate(pieces):
            named = at == 0 or always_named
            fields = {"id": f"call_{n}", "function": {"name": name, "arguments": piece}} if named else {}
            assembler.add({"function": {"arguments": piece}} | fields | ({"index": n} if with_index else {}))
    assert [(call.id, call.name, call.arguments) for call in assembler.calls()] == [
        (f"call_{n}", name, arguments) for n, (name, arguments) in enumerate(calls)
    ]
