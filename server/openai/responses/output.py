"""The items of a response's output while they come into being, and the stream events that tell of each change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from server.openai.responses.item_ids import output_id

Told = tuple[str, dict[str, Any]]
"""The type of a stream event, and its fields but for the number."""


@dataclass
class Place:
    """Where in the output an item stands."""

    response_id: str
    index: int

    def id(self, kind: str) -> str:
        return output_id(kind, self.response_id, self.index)

    def told(self, type: str, item_id: str, **fields: Any) -> Told:
        return f"response.{type}", {"item_id": item_id, "output_index": self.index, **fields}

    def added(self, item: dict[str, Any]) -> Told:
        return "response.output_item.added", {"output_index": self.index, "item": item}

    def done(self, item: dict[str, Any]) -> Told:
        return "response.output_item.done", {"output_index": self.index, "item": item}


@dataclass
class Answer:
    """A message of the assistant, written piece by piece."""

    place: Place
    with_logprobs: bool
    pieces: list[tuple[str, str]] = field(default_factory=list)
    """(step that said it, text)."""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    status: str = "in_progress"
    void: bool = False
    """Said by a step that has run again: no part of the response in the end."""

    @property
    def id(self) -> str:
        return self.place.id("message")

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)

    def part(self) -> dict[str, Any]:
        odds = {"logprobs": self.logprobs} if self.with_logprobs else {"logprobs": []}
        return {"type": "output_text", "text": self.text, "annotations": self.annotations, **odds}

    def item(self) -> dict[str, Any]:
        return self._head([self.part()])

    def open(self) -> Iterator[Told]:
        yield self.place.added(self._head([]))
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield self.place.told("content_part.added", self.id, content_index=0, part=part)

    def say(self, task_id: str, text: str, logprobs: list[dict[str, Any]]) -> Iterator[Told]:
        self.pieces.append((task_id, text))
        self.logprobs += logprobs
        odds = logprobs if self.with_logprobs else []
        yield self.place.told("output_text.delta", self.id, content_index=0, delta=text, logprobs=odds)

    def close(self, status: str, annotations: list[dict[str, Any]]) -> Iterator[Told]:
        self.status, self.annotations = status, annotations
        for n, annotation in enumerate(annotations):
            fields = {"content_index": 0, "annotation_index": n, "annotation": annotation}
            yield self.place.told("output_text.annotation.added", self.id, **fields)
        odds = self.logprobs if self.with_logprobs else []
        yield self.place.told("output_text.done", self.id, content_index=0, text=self.text, logprobs=odds)
        yield self.place.told("content_part.done", self.id, content_index=0, part=self.part())
        yield self.place.done(self.item())

    def _head(self, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "type": "message", "role": "assistant", "status": self.status, "content": content}


@dataclass
class Reasoning:
    """What the model thought (`content`), and what the service tells of the run (`summary`, a part for each line)."""

    place: Place
    summary: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    void: bool = False

    @property
    def id(self) -> str:
        return self.place.id("reasoning")

    def item(self) -> dict[str, Any]:
        thoughts = [{"type": "reasoning_text", "text": "".join(self.thoughts)}] if self.thoughts else []
        summary = [{"type": "summary_text", "text": line} for line in self.summary]
        return {"id": self.id, "type": "reasoning", "summary": summary, "content": thoughts, "encrypted_content": None}

    def open(self) -> Iterator[Told]:
        yield self.place.added(self.item())

    def think(self, text: str) -> Iterator[Told]:
        if not self.thoughts:
            part = {"type": "reasoning_text", "text": ""}
            yield self.place.told("content_part.added", self.id, content_index=0, part=part)
        self.thoughts.append(text)
        yield self.place.told("reasoning_text.delta", self.id, content_index=0, delta=text)

    def note(self, line: str) -> Iterator[Told]:
        where = {"summary_index": len(self.summary)}
        self.summary.append(line)
        empty, part = {"type": "summary_text", "text": ""}, {"type": "summary_text", "text": line}
        yield self.place.told("reasoning_summary_part.added", self.id, **where, part=empty)
        yield self.place.told("reasoning_summary_text.delta", self.id, **where, delta=line)
        yield self.place.told("reasoning_summary_text.done", self.id, **where, text=line)
        yield self.place.told("reasoning_summary_part.done", self.id, **where, part=part)

    def close(self) -> Iterator[Told]:
        if self.thoughts:
            text = "".join(self.thoughts)
            part = {"type": "reasoning_text", "text": text}
            yield self.place.told("reasoning_text.done", self.id, content_index=0, text=text)
            yield self.place.told("content_part.done", self.id, content_index=0, part=part)
        yield self.place.done(self.item())


@dataclass
class Whole:
    """An item that comes all at once: a search that was made, a call for the client, a question for a person."""

    place: Place
    shown: dict[str, Any]
    void: bool = False

    def item(self) -> dict[str, Any]:
        return self.shown

    def search(self) -> Iterator[Told]:
        id = self.shown["id"]
        yield self.place.added({**self.shown, "status": "in_progress", "results": None})
        for step in ("in_progress", "searching", "completed"):
            yield self.place.told(f"file_search_call.{step}", id)
        yield self.place.done(self.shown)

    def ask(self) -> Iterator[Told]:
        yield self.place.added(self.shown)
        yield self.place.done(self.shown)

    def call(self) -> Iterator[Told]:
        id, arguments = self.shown["id"], self.shown["arguments"]
        yield self.place.added({**self.shown, "status": "in_progress", "arguments": ""})
        yield self.place.told("function_call_arguments.delta", id, delta=arguments)
        yield self.place.told("function_call_arguments.done", id, name=self.shown["name"], arguments=arguments)
        yield self.place.done(self.shown)
