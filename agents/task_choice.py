"""Which expert carries out a task: candidates by downloads, and the model's choice among the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from agents import hugginggpt_prompts as prompts
from agents.events import Thought
from agents.experts.facts import Routed
from agents.spending import estimate
from agents.structured import ask_json
from agents.task_experts.listing import NoRegistry, candidates
from backends.base import Message
from backends.errors import BadStructuredOutput
from tools.registry.entry import Entry

if TYPE_CHECKING:
    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run
    from agents.task_plan import Task

DESCRIBED = 100
"""Characters of a description that the model is shown, as in the authors' code."""


class Choice(BaseModel):
    """A value of a graph's state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: int
    entry: Entry | None = None
    reason: str
    """Why this one; or why there is none."""


async def chosen(run: Run, options: HuggingGPTOptions, task: Task) -> Choice:
    try:
        best = await candidates(run, options, task.task, task.id)
    except NoRegistry as error:
        return Choice(task=task.id, reason=str(error))
    if not best:
        return Choice(task=task.id, reason=f"no expert for {task.task} can be called here")
    best = within(best, options.candidate_tokens)
    entry, method, reason = best[0], "only", "the only one there is"
    if options.choose == "first" and len(best) > 1:
        method, reason = "downloads", "the first of the list"
    elif len(best) > 1:
        entry, method, reason = await _by_model(run, task, best)
    run.emit(
        Routed, method=method, experts=tuple(one.id for one in best), features="downloads",
        gates=(tuple(float(one.downloads) for one in best),), chosen=((entry.id,),), weights=((1.0,),), capacity=1,
        overflow=(0,) * len(best),
    )  # fmt: skip
    run.emit(Thought, text=f"Task {task.id}, {task.task}: {entry.id}, {reason}")
    return Choice(task=task.id, entry=entry, reason=reason)


def within(entries: Sequence[Entry], tokens: int) -> list[Entry]:
    """As many of the first as their descriptions fit into the budget; one in any case."""
    kept: list[Entry] = []
    for entry in entries:
        tokens -= estimate(f"- {entry.id}: {_line(entry)}\n")
        if kept and tokens < 0:
            break
        kept.append(entry)
    return kept


async def _by_model(run: Run, task: Task, entries: Sequence[Entry]) -> tuple[Entry, str, str]:
    """The expert, who chose it, and why."""
    by_id = {entry.id: entry for entry in entries}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"id": {"type": "string", "enum": list(by_id)}, "reason": {"type": "string"}},
        "required": ["id", "reason"],
        "additionalProperties": False,
    }
    try:
        given = await ask_json(
            run,
            Message(role="system", content=prompts.choose(task, entries, [_line(entry) for entry in entries])),
            Message(role="user", content=task.line()),
            fits=schema,
            question=task.line(),
            subject={"stage": "choose", "task": str(task.id)},
            temperature=0.0,
        )
    except BadStructuredOutput as error:
        first = entries[0]
        run.warn("no_choice", f"task {task.id}: {first.id} is taken, the first, because the model chose none: {error}")
        return first, "downloads", "the first of the list, because the model chose none"
    return by_id[given["id"]], "model", " ".join(str(given["reason"]).split())[:500]


def _line(entry: Entry) -> str:
    return f"{entry.line(DESCRIBED)} ({entry.downloads:,} downloads)"
