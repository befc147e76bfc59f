"""What a run has already been told from outside, so that a step that runs again does not ask a second time.

LangGraph runs a step again that had not finished when the process ended, or that stopped to wait for a person. Its
task id stays the same, and the trace has every call that did finish: the trace is the journal. A call is found by the
step it belongs to and by what was asked; of equal calls of one step the first answer goes to whoever asks first.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from agents.events import Event, LLMCalled, Retrieved, ToolCalled
from backends.base import Completion, Request, ToolCall
from retrieval.base import Hit, Rerank
from tools.perform import Outcome


class Journal:
    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._found: defaultdict[tuple[str, str], deque[Any]] = defaultdict(deque)
        self._retrieved: defaultdict[str, list[Hit]] = defaultdict(list)
        self.told = tuple(events)
        """All of it, for a step that has to know what was said inside of it."""
        for event in self.told:
            match event:
                case LLMCalled():
                    self._found[event.task_id, _asked(event.request)].append(event.completion)
                case ToolCalled():
                    self._found[event.task_id, _called(event.call)].append(self._outcome(event))
                case Retrieved():
                    self._retrieved[event.task_id] += event.hits
                    self._found[event.task_id, _searched(event.query, event.k, event.where, event.rerank)].append(
                        event.hits
                    )
                case _:
                    pass

    def completion(self, task_id: str, request: Request) -> Completion | None:
        found: Completion | None = self._take(task_id, _asked(request))
        return found

    def outcome(self, task_id: str, call: ToolCall) -> Outcome | None:
        found: Outcome | None = self._take(task_id, _called(call))
        return found

    def hits(
        self, task_id: str, query: str, k: int, where: Any | None, rerank: Rerank | None = None
    ) -> list[Hit] | None:
        found = self._take(task_id, _searched(query, k, where, rerank))
        return None if found is None else list(found)

    def _outcome(self, event: ToolCalled) -> Outcome:
        by_id = {hit.chunk_id: hit for hit in self._retrieved[event.task_id]}
        return Outcome(event.output, tuple(by_id[id] for id in event.chunk_ids if id in by_id), event.fault)

    def _take(self, task_id: str, key: str) -> Any:
        left = self._found.get((task_id, key))
        return left.popleft() if left else None


def _asked(request: Request) -> str:
    # Not by `max_tokens`: what is left of a run's limit is another number the second time.
    return f"ask {request.model_copy(update={'max_tokens': None}).model_dump_json()}"


def _called(call: ToolCall) -> str:
    return f"call {call.id} {call.name} {call.arguments}"


def _searched(query: str, k: int, where: Any | None, rerank: Rerank | None) -> str:
    by = rerank and rerank.model_dump()
    return f"search {json.dumps([query, k, where, by], sort_keys=True, default=str)}"
