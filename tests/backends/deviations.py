"""How servers depart from the common form of a stream: each departure by name, alone, on an otherwise good answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.fake_upstream import DONE, ROLE, USAGE, chunk, event

Chunks = list[dict[str, Any]]

TEXT = "Hello é!"
ARGUMENTS = '{"a": 1, "b": 2}'


def text_chunks() -> Chunks:
    said = [chunk({"content": piece}) for piece in ("Hel", "lo é", "!")]
    return [chunk(ROLE), *said, chunk({}, "stop"), chunk(usage=USAGE)]


def tool_chunks(*deltas: dict[str, Any], finish: str = "tool_calls") -> Chunks:
    """A stream with the tool call deltas given; without any, one call as OpenAI sends it."""
    return [
        chunk(ROLE),
        *(chunk({"tool_calls": [delta]}) for delta in deltas or STANDARD),
        chunk({}, finish),
        chunk(usage=USAGE),
    ]


def call(arguments: Any = ARGUMENTS, name: str | None = "add", **more: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"index": 0, "id": "call_1", "type": "function", "function": function} | more


def more(arguments: str, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "function": {"arguments": arguments}} | fields


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


PIECES = ('{"a"', ': 1, "b', '": 2}')
STANDARD = (call(""), *(more(piece) for piece in PIECES))


def each(change: Callable[[dict[str, Any]], None]) -> Callable[[Chunks], Chunks]:
    def apply(chunks: Chunks) -> Chunks:
        chunks = copy.deepcopy(chunks)
        for one in chunks:
            change(one)
        return chunks

    return apply


def each_choice(change: Callable[[dict[str, Any]], None]) -> Callable[[Chunks], Chunks]:
    return each(lambda one: [change(choice) for choice in one["choices"]] and None)


def last_choice(chunks: Chunks, **fields: Any) -> Chunks:
    """The finish reason's chunk changed, and everything after it left as it is."""
    chunks = copy.deepcopy(chunks)
    chunks[-2]["choices"][0].update(fields)
    return chunks


def drop_null_finish(choice: dict[str, Any]) -> None:
    if choice["finish_reason"] is None:
        del choice["finish_reason"]


SAME_ANSWER: dict[str, Callable[[Chunks], Chunks]] = {
    "nothing": lambda chunks: chunks,
    "no role": lambda chunks: chunks[1:],
    "content null": lambda chunks: [chunk({"role": "assistant", "content": None}), *chunks[1:]],
    "role only": lambda chunks: [chunk({"role": "assistant"}), *chunks[1:]],
    "delta null": lambda chunks: [*chunks[:-2], last_choice(chunks, delta=None)[-2], chunks[-1]],
    "no id": each(lambda one: one.pop("id")),
    "no object": each(lambda one: one.pop("object")),
    "no created": each(lambda one: one.pop("created")),
    "no model": each(lambda one: one.pop("model")),
    "no choice index": each_choice(lambda choice: choice.pop("index")),
    "choice index null": each_choice(lambda choice: choice.update(index=None)),
    "no finish key until the end": each_choice(drop_null_finish),
    "choices null in the usage chunk": lambda chunks: [*chunks[:-1], chunks[-1] | {"choices": None}],
    "unknown fields": each(lambda one: one.update(x_foo={"a": 1}, timings={}, error=None)),
    "error null": each(lambda one: one.update(error=None)),
    "chunks without anything": lambda chunks: [{}, *chunks, {"object": "ping"}],
    "a second choice": lambda chunks: [
        chunks[0],
        {
            **chunk({"content": "other"}),
            "choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}],
        },
        *chunks[1:],
    ],
    "finish in the last piece": lambda chunks: [
        *chunks[:-3],
        {
            **chunks[-3],
            "choices": [{**chunks[-3]["choices"][0], "finish_reason": chunks[-2]["choices"][0]["finish_reason"]}],
        },
        chunks[-1],
    ],
    "finish upper case": lambda chunks: last_choice(
        chunks, finish_reason=chunks[-2]["choices"][0]["finish_reason"].upper()
    ),
    "usage in the last delta": lambda chunks: [*chunks[:-2], chunks[-2] | {"usage": USAGE}],
    "usage in the last choice": lambda chunks: last_choice(chunks, usage=USAGE)[:-1],
    "usage under x_groq": lambda chunks: [*chunks[:-2], chunks[-2] | {"x_groq": {"usage": USAGE}}],
    "usage in every chunk": each(lambda one: one.update(usage=USAGE)),
    "usage growing": lambda chunks: [
        chunks[0] | {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
        *chunks[1:],
    ],
    "usage null before it comes": lambda chunks: [one | {"usage": None} for one in chunks[:-1]] + chunks[-1:],
    "usage null after it came": lambda chunks: [*chunks, chunk(usage=None)],
    "usage without completion": lambda chunks: [*chunks[:-1], chunk(usage=without(USAGE, "completion_tokens"))],
}

NO_USAGE: dict[str, Callable[[Chunks], Chunks]] = {
    "no usage": lambda chunks: chunks[:-1],
    "usage null": lambda chunks: [one | {"usage": None} for one in chunks],
    "usage of the total only": lambda chunks: [*chunks[:-1], chunk(usage={"total_tokens": 3})],
    "usage in words": lambda chunks: [*chunks[:-1], chunk(usage={"prompt_tokens": "1", "completion_tokens": "2"})],
}


def plain(chunks: Chunks) -> bytes:
    return b"".join(map(event, chunks)) + DONE


def escaped(one: dict[str, Any]) -> bytes:
    """With the characters beyond ASCII as JSON escapes."""
    return b"data: " + json.dumps(one).encode() + b"\n\n"


def sliced(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[at : at + size] for at in range(0, len(data), size))


ON_THE_WIRE: dict[str, Callable[[Chunks], tuple[bytes, ...]]] = {
    "CRLF": lambda chunks: (plain(chunks).replace(b"\n", b"\r\n"),),
    "CRLF cut in two": lambda chunks: tuple(
        part for half in plain(chunks).replace(b"\n", b"\r\n").split(b"\r") for part in (half, b"\r")
    )[:-1],
    "CR": lambda chunks: (plain(chunks).replace(b"\n", b"\r"),),
    "comments": lambda chunks: (
        b": OPENROUTER PROCESSING\n\n:\n\n",
        *(event(one) + b": keep-alive\n\n" for one in chunks),
        DONE,
    ),
    "blank lines to keep alive": lambda chunks: (b"\n", b"\n\n\n", plain(chunks)),
    "event, id and retry lines": lambda chunks: tuple(
        b"event: message\nid: 1\nretry: 10\n" + event(one) for one in chunks
    ),
    "no space after data:": lambda chunks: (plain(chunks).replace(b"data: ", b"data:"),),
    "pieces of 3 bytes": lambda chunks: sliced(plain(chunks), 3),
    "one piece": lambda chunks: (plain(chunks),),
    "escapes": lambda chunks: (*map(escaped, chunks), DONE),
    "no [DONE]": lambda chunks: tuple(map(event, chunks)),
    "no blank line at the end": lambda chunks: (plain(chunks).rstrip(b"\n"),),
    "byte order mark": lambda chunks: (b"\xef\xbb\xbf" + plain(chunks),),
    "data after [DONE]": lambda chunks: (plain(chunks), event(chunk({"content": "more"}))),
    "data on several lines": lambda chunks: tuple(
        b"".join(b"data: " + line.encode() + b"\n" for line in json.dumps(one, indent=1).split("\n")) + b"\n"
        for one in chunks
    ),
}

# Deltas, and the calls they stand for: (name, arguments, extra fields).
ADD = ("add", {"a": 1, "b": 2}, {})
TOOL_CALLS: dict[str, tuple[Chunks, list[tuple[str, Any, dict[str, Any]]]]] = {
    "in pieces": (tool_chunks(), [ADD]),
    "whole, without index": (tool_chunks(without(call(), "index")), [ADD]),
    "in pieces, without index": (
        tool_chunks(without(call(""), "index"), *(without(more(piece), "index") for piece in PIECES)),
        [ADD],
    ),
    "arguments as an object": (tool_chunks(call({"a": 1, "b": 2})), [ADD]),
    "no arguments": (tool_chunks(call(None)), [("add", {}, {})]),
    "id and name with every piece": (tool_chunks(*(call(piece) for piece in PIECES)), [ADD]),
    "name with every piece, no id": (tool_chunks(*(call(piece, id="") for piece in PIECES)), [ADD]),
    "name in two pieces": (tool_chunks(call("", "a"), call("", "dd"), *(more(piece) for piece in PIECES)), [ADD]),
    "finished call sent again": (tool_chunks(*STANDARD, call()), [ADD]),
    "no type": (tool_chunks(without(call(""), "type"), *STANDARD[1:]), [ADD]),
    "id empty": (tool_chunks(call("", id=""), *STANDARD[1:]), [ADD]),
    "id null": (tool_chunks(call("", id=None), *STANDARD[1:]), [ADD]),
    "id after the name": (tool_chunks(call("", id=""), call("", None), *STANDARD[1:]), [ADD]),
    "finish stop": (tool_chunks(finish="stop"), [ADD]),
    "finish function_call": (tool_chunks(finish="function_call"), [ADD]),
    "old function_call": (
        [
            chunk({"function_call": {"name": "add", "arguments": ""}}),
            *(chunk({"function_call": {"arguments": piece}}) for piece in PIECES),
            chunk({}, "function_call"),
            chunk(usage=USAGE),
        ],
        [ADD],
    ),
    "two calls": (
        tool_chunks(call("", "add"), more(ARGUMENTS), call("", "sub", index=1, id="call_2"), more('{"c": 3}', index=1)),
        [ADD, ("sub", {"c": 3}, {})],
    ),
    "two calls, pieces mixed": (
        tool_chunks(
            call("", "add"),
            call("", "sub", index=1, id="call_2"),
            more('{"c"', index=1),
            more(ARGUMENTS),
            more(": 3}", index=1),
        ),
        [ADD, ("sub", {"c": 3}, {})],
    ),
    "two calls, both index 0": (
        tool_chunks(call(), call('{"c": 3}', "sub", id="call_2")),
        [ADD, ("sub", {"c": 3}, {})],
    ),
    "two calls, both index 0 and no id": (
        tool_chunks(call(id=""), call('{"c": 3}', "sub", id="")),
        [ADD, ("sub", {"c": 3}, {})],
    ),
    "two calls, one id": (tool_chunks(call(), call('{"c": 3}', "sub", index=1)), [ADD, ("sub", {"c": 3}, {})]),
    "two calls without index, finish stop": (
        tool_chunks(without(call(), "index"), without(call('{"c": 3}', "sub", id="call_2"), "index"), finish="stop"),
        [ADD, ("sub", {"c": 3}, {})],
    ),
    "thought signature": (
        tool_chunks(call(extra_content={"google": {"thought_signature": "c2ln"}})),
        [("add", {"a": 1, "b": 2}, {"extra_content": {"google": {"thought_signature": "c2ln"}}})],
    ),
}

# The deltas before the finish, and the text and the thoughts they stand for.
CONTENT: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "reasoning_content": ([{"reasoning_content": "hm"}, {"reasoning_content": "m"}, {"content": TEXT}], TEXT, "hmm"),
    "reasoning": ([{"reasoning": "hm"}, {"reasoning": "m"}, {"content": TEXT}], TEXT, "hmm"),
    "reasoning under both names": ([{"reasoning": "hm", "reasoning_content": "hm"}, {"content": TEXT}], TEXT, "hm"),
    "reasoning null": ([{"reasoning": None, "reasoning_content": None, "content": TEXT}], TEXT, ""),
    "content in parts": (
        [
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}]},
            {"content": [{"type": "text", "text": "Hello "}, {"type": "text", "text": "é!"}]},
        ],
        TEXT,
        "hmm",
    ),
    "refusal": ([{"refusal": "I will "}, {"refusal": "not."}], "I will not.", ""),
    "emoji cut between its surrogates": ([{"content": "a\ud83d"}, {"content": "\ude00b"}], "a😀b", ""),
    "half an emoji": ([{"content": "a\ud83d"}, {"content": "b"}], "a\ufffdb", ""),
    "half an emoji at the end": ([{"content": "a\ud83d"}], "a\ufffd", ""),
    "CJK": ([{"content": "北"}, {"content": "京"}, {"content": "👩‍👩‍👧"}], "北京👩‍👩‍👧", ""),
    "nothing": ([{"content": ""}], "", ""),
}
