"""The runs of an evaluation: side by side, each answer kept in a file as it comes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.eval_cost import priced, used
from server.cli.eval_tests import outputs_of
from server.cli.eval_trials import judged
from server.cli.failure import CommandFailed
from server.cli.progress import progress

if TYPE_CHECKING:
    from agents.tasks.base import Item, Task
    from server.cli.api import Api
    from server.cli.options import Where


@dataclass(frozen=True)
class Evaluation:
    task: Task
    pipeline: str
    backend: str | None
    collection: str | None
    options: Mapping[str, Any]
    """Of the task and the caller, for every item."""

    def name(self) -> str:
        """Of its file: readable, and different for different settings."""
        settings = json.dumps([self.backend, self.collection, self.options], sort_keys=True, default=str)
        return f"{self.task.name}-{self.pipeline}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}.jsonl"


@dataclass
class Kept:
    path: Path
    price: Callable[[Mapping[str, Any]], float | None]
    """What an answer costs today."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By item id, at today's prices; the file has what the service said."""

    def hold(self, answer: Mapping[str, Any]) -> None:
        self.answers[answer["id"]] = {**answer, "cost": self.price(answer)}

    def add(self, answer: dict[str, Any]) -> None:
        self.hold(answer)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(answer, ensure_ascii=False) + "\n")

    def has(self, evaluation: Evaluation, item: Item) -> bool:
        """Whether the item is answered as it is asked today: its question, say, may have changed with the data."""
        return self.answers.get(item.id, {}).get("asked") == _digest(_body(evaluation, item))


def kept_answers(where: Where, evaluation: Evaluation, fresh: bool) -> Kept:
    """What the same command has kept, at today's prices; failed runs do not count and are tried again."""
    from server.cli.options import settings_for

    settings = settings_for(where.config, data_dir=where.data_dir)
    path = settings.data_dir / "eval" / evaluation.name()
    path.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        path.unlink(missing_ok=True)
    kept = Kept(path, partial(priced, prices=settings.prices, ours=where.url is None))
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # The last line of a command that was killed.
            if answer.get("error") is None:
                kept.hold(answer)
    return kept


async def answer_all(
    api: Api, evaluation: Evaluation, items: Sequence[Item], kept: Kept, at_once: int, *, quiet: bool
) -> None:
    """Ask what is not answered yet. Raises CommandFailed if the service refuses the command as such."""
    await side_by_side(partial(_answer, api), evaluation, items, kept, at_once, quiet=quiet)


async def side_by_side(
    ask: Callable[[Evaluation, Item], Awaitable[dict[str, Any]]],
    evaluation: Evaluation,
    items: Sequence[Item],
    kept: Kept,
    at_once: int,
    *,
    quiet: bool,
) -> None:
    """Keep what `ask` makes of each item that has no answer yet. Raises what it raises."""
    left = [item for item in items if not kept.has(evaluation, item)]
    gate, done = asyncio.Semaphore(at_once), len(items) - len(left)
    with progress(len(items), quiet, "items") as tell:
        tell(done)

        async def one(item: Item) -> None:
            nonlocal done
            async with gate:
                kept.add({"asked": _digest(_body(evaluation, item)), **await ask(evaluation, item)})
            done += 1
            tell(done)

        try:
            async with asyncio.TaskGroup() as group:
                for item in left:
                    group.create_task(one(item))
        except ExceptionGroup as failed:
            # All for one reason, since it concerns the command: the first says it.
            raise failed.exceptions[0] from None


def _body(evaluation: Evaluation, item: Item) -> dict[str, Any]:
    """The request."""
    of_item = item.options.get(evaluation.pipeline, {})
    extension: dict[str, Any] = {"options": {**of_item, **evaluation.options, **judged(evaluation, item)}}
    if evaluation.backend is not None:
        extension["backend"] = evaluation.backend
    if evaluation.collection is not None:
        extension["collection"] = evaluation.collection
    if item.persona is not None:
        extension["persona"] = item.persona
    messages = [*item.turns, {"role": "user", "content": item.question}]
    body = {"model": evaluation.pipeline, "messages": messages, "sandtable": extension}
    if item.tools:
        body["tools"] = list(item.tools)
    return body


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:16]


async def _answer(api: Api, evaluation: Evaluation, item: Item) -> dict[str, Any]:
    try:
        reply = await api.call("POST", "/v1/chat/completions", json=_body(evaluation, item))
    except CommandFailed as error:
        if error.status in (400, 401, 403, 404) and error.code not in OF_THE_ITEM:
            raise
        return {"id": item.id, "error": error.message, "code": error.code}
    about, message = reply["sandtable"], reply["choices"][0]["message"]
    answer = _calls(message) if message.get("tool_calls") else message["content"] or ""
    trace = await _trace(api, about["run_id"])
    return {
        "id": item.id,
        "backend": about["backend"],
        "answer": answer,
        "outputs": await outputs_of(api, evaluation.task, item, (answer, *trace["trials"])),
        "run_id": about["run_id"],
        "limit": about.get("limit"),
        "seconds": about["seconds"],
        "cost": about["cost"],
        "tokens": (reply["usage"] or {}).get("total_tokens"),
        "error": None,
        **trace,
    }


def _calls(message: Mapping[str, Any]) -> str:
    """Those of the client's tools, as JSON; arguments that are no JSON object stay text."""
    made = []
    for call in message["tool_calls"]:
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        with suppress(ValueError):
            arguments = json.loads(arguments or "{}")
        made.append({"name": name, "arguments": arguments})
    return json.dumps(made, ensure_ascii=False)


OF_THE_ITEM = frozenset(
    {"script_exhausted", "not_recorded", "context_length_exceeded", "backend_refused", "invalid_question"}
)
"""Refusals that concern one question, not the command."""


async def _trace(api: Api, run_id: str) -> dict[str, Any]:
    """Calls of the model and their usage, the answers that the pipeline weighed at its end, and those of its trials."""
    calls, finalists, trials, after = list[Any](), list[str](), dict[int, str](), 0
    while True:
        page = await api.call("GET", f"/v1/runs/{run_id}/events", params={"after": after, "limit": 10_000})
        for event in page["data"]:
            if event["type"] == "llm_called":
                said = event["completion"]
                calls.append({"backend": event["backend"], "usage": said["usage"], "cached": said["cached"]})
            if event["type"] == "step_finished" and "finalists" in event["update"]:
                finalists = event["update"]["finalists"]
            if event["type"] == "trial":
                trials[event["number"]] = event["answer"]
            after = event["seq"]
        if not page["has_more"]:
            return {
                "calls": len(calls), "usage": used(calls), "finalists": finalists, "trials": list(trials.values()),
            }  # fmt: skip
