"""From the events of a run to those of a response's stream, and to the response itself.

A pure function of the run's events, which are stored: whoever reads them again, after a lost connection or a restart,
gets the same stream with the same numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from agents.events import (
    Artifact,
    End,
    Event,
    Retrieved,
    RunFinished,
    RunInterrupted,
    RunResumed,
    RunStarted,
    StepFinished,
    Token,
)
from agents.marginal_facts import Marginalised
from server.openai.chat_parts import logprobs_of, marginal_of
from server.openai.responses.ends import end_of
from server.openai.responses.facts import asked, called, result
from server.openai.responses.output import Answer, Place, Reasoning, Told, Whole
from server.openai.trace_text import reasoning_of

LAST = frozenset({"response.completed", "response.failed", "response.incomplete"})
"""The types of the last event of a stream."""


class Fold:
    """`shell`: the response before anything has happened; `about`: what its `sandtable` says from the start.
    `include`: what a client wants to see of it, as in the request."""

    def __init__(self, shell: dict[str, Any], about: dict[str, Any], include: frozenset[str]) -> None:
        self.response = copy.deepcopy(shell)
        self._about = dict(about)
        self._results = "file_search_call.results" in include
        self._logprobs = "message.output_text.logprobs" in include
        self._notes = bool(shell["reasoning"].get("summary") or shell["reasoning"].get("generate_summary"))
        self._items: list[Answer | Reasoning | Whole] = []
        self._answer: Answer | None = None
        self._reasoning: Reasoning | None = None
        self._steps = 0
        self._artifacts: list[dict[str, Any]] = []
        self._marginal: dict[str, Any] = {}
        self._number = 0

    def open(self) -> list[dict[str, Any]]:
        """What is told before the run says anything."""
        kinds = ["created", "queued"] if self.response["background"] else ["created"]
        return self._numbered((f"response.{kind}", {"response": self.snapshot()}) for kind in kinds)

    def feed(self, event: Event) -> list[dict[str, Any]]:
        if isinstance(event, Marginalised):
            self._marginal = {"marginal": marginal_of(event)}
        return self._numbered(self._told(event))

    def snapshot(self) -> dict[str, Any]:
        output = [item.item() for item in self._items if not item.void]
        extension = {"steps": self._steps, "artifacts": self._artifacts, **self._marginal}
        return copy.deepcopy({**self.response, "output": output, "sandtable": {**self._about, **extension}})

    def _numbered(self, told: Iterator[Told]) -> list[dict[str, Any]]:
        made = []
        for type, fields in told:
            made.append({"type": type, "sequence_number": self._number, **copy.deepcopy(fields)})
            self._number += 1
        return made

    def _told(self, event: Event) -> Iterator[Told]:
        match event:
            case RunStarted():
                self.response["status"] = "in_progress"
                yield "response.in_progress", {"response": self.snapshot()}
            case RunResumed():
                yield from self._take_back(frozenset(event.void))
            case Token(channel="answer"):
                # Here OpenAI knows no bytes that are not known.
                odds = [{**one, "bytes": one["bytes"] or []} for one in logprobs_of(event)]
                yield from self._say(event.task_id, event.text, odds)
            case Token():
                yield from self._think(event.text)
            case Retrieved():
                yield from self._searched(event)
            case End():
                yield from self._end(event)
            case StepFinished():
                self._steps += 1
            case Artifact():
                self._artifacts.append(event.model_dump(include={"file_id", "filename", "media_type", "bytes"}))
            case _ if self._notes and (line := reasoning_of(event)):
                yield from self._note(line)
            case _:
                pass

    def _say(self, task_id: str, text: str, logprobs: list[dict[str, Any]]) -> Iterator[Told]:
        yield from self._end_thought()
        if self._answer is None:
            self._answer = Answer(self._place(), self._logprobs)
            self._items.append(self._answer)
            yield from self._answer.open()
        yield from self._answer.say(task_id, text, logprobs)

    def _think(self, text: str) -> Iterator[Told]:
        yield from self._begin_thought()
        assert self._reasoning is not None
        yield from self._reasoning.think(text)

    def _note(self, line: str) -> Iterator[Told]:
        yield from self._begin_thought()
        assert self._reasoning is not None
        yield from self._reasoning.note(line.rstrip("\n"))

    def _begin_thought(self) -> Iterator[Told]:
        if self._reasoning is None:
            self._reasoning = Reasoning(self._place())
            self._items.append(self._reasoning)
            yield from self._reasoning.open()

    def _end_thought(self) -> Iterator[Told]:
        if self._reasoning is not None:
            yield from self._reasoning.close()
            self._reasoning = None

    def _searched(self, event: Retrieved) -> Iterator[Told]:
        yield from self._end_thought()
        place = self._place()
        results = [result(hit) for hit in event.hits] if self._results else None
        shown = {
            "id": place.id("file_search_call"),
            "type": "file_search_call",
            "status": "completed",
            "queries": [event.query],
            "results": results,
        }
        item = Whole(place, shown)
        self._items.append(item)
        yield from item.search()

    def _take_back(self, void: frozenset[str]) -> Iterator[Told]:
        """The run goes on after a restart: what unfinished steps said is void, and said again if it stands."""
        yield from self._end_thought()
        answer = self._answer
        if answer is None or void.isdisjoint(task_id for task_id, _ in answer.pieces):
            return
        answer.void, self._answer = True, None
        yield from answer.close("incomplete", [])
        for task_id, text in answer.pieces:
            if task_id not in void:
                yield from self._say(task_id, text, [])

    def _end(self, event: End) -> Iterator[Told]:
        end = end_of(event)
        yield from self._end_thought()
        calls = event.tool_calls if isinstance(event, RunFinished) else ()
        # A run that was cut short may return a draft that it never sent out.
        if self._answer is None and (event.answer or (isinstance(event, RunFinished) and not calls)):
            yield from self._say("", event.answer, [])
        if self._answer is not None:
            notes = [c.model_dump(mode="json") for c in event.citations] if isinstance(event, RunFinished) else []
            yield from self._answer.close("completed" if end.status == "completed" else "incomplete", notes)
        for call in calls:
            item = Whole(place := self._place(), called(call, place.id("function_call")))
            self._items.append(item)
            yield from item.call()
        for question in event.questions if isinstance(event, RunInterrupted) else ():
            item = Whole(place := self._place(), asked(question, place.id("mcp_approval_request")))
            self._items.append(item)
            yield from item.ask()
        self.response |= end.fields
        self._about |= end.about
        yield end.type, {"response": self.snapshot()}

    def _place(self) -> Place:
        return Place(self.response["id"], len(self._items))
