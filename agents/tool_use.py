"""How a pipeline uses tools: which it offers, one call from the model's wish to what the model is told, a person asked.

What a tool says is data: it goes into the prompt inside a fence that it cannot close.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from agents.errors import CollectionRequired, SandboxRequired, UnknownTool
from agents.events import Artifact
from agents.pipeline import Options
from agents.sources import fence, fit, unfenced
from agents.tool_asks import Asking
from backends.base import ToolCall
from retrieval.base import Hit
from tools.base import Tool
from tools.errors import BadArguments, Fault
from tools.perform import Outcome, checked, perform

if TYPE_CHECKING:
    from agents.run import Run

AFTER_REFUSAL = "Do not make it again: go on without it, or say what is missing."
Approve = Literal["none", "all"] | tuple[str, ...]


class ToolOptions(Options):
    """Of every pipeline that calls tools. Where `tools` is in the context of a validation, names are held to it."""

    tools: tuple[str, ...] | None = Field(
        None,
        description="Names of the tools that the model may call; null: all there are, those that search only with a "
        "collection, those that run code only where there is a sandbox.",
    )
    approve: Approve = Field(
        "none",
        description='A person is asked before these tools are called: "all", or a list of names. Tools that always ask '
        "a person do so whatever is said here.",
    )
    k: int = Field(5, ge=1, le=50, description="How many passages a search returns.")

    @field_validator("tools", "approve")
    @classmethod
    def _are_tools(cls, value: Any, info: ValidationInfo) -> Any:
        known = (info.context or {}).get("tools")
        if known is not None and isinstance(value, tuple):
            _refuse_unknown(value, known)
        return value


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"there is no tool {name!r}; there are {', '.join(known)}")


class Done(BaseModel):
    """One call and what came of it; a value of a graph's state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call: ToolCall
    text: str
    """What the tool said, or what was wrong."""
    hits: tuple[Hit, ...] = ()
    fault: Fault | None = None
    note: str = ""
    """What else the model should know of it."""
    round: int = 1
    """Of the model's replies that called tools."""


def offered(run: Run, options: ToolOptions) -> dict[str, Tool]:
    """The tools that the model may call, by name. Raises UnknownTool, CollectionRequired, SandboxRequired."""
    there, searching, reach = run.deps.tools, run.deps.retriever is not None, run.deps.reach
    named = options.approve if isinstance(options.approve, tuple) else ()
    try:
        _refuse_unknown((*(options.tools or ()), *named), tuple(there))
    except ValueError as error:
        raise UnknownTool(str(error)) from None
    if options.tools is None:
        can_run = reach.sandbox is not None
        return {
            name: tool
            for name, tool in there.items()
            if not tool.lacks_documents(run.deps.reach, searching) and (can_run or not tool.needs_sandbox)
        }
    chosen = {name: there[name] for name in options.tools}
    for name, tool in chosen.items():
        if lacking := tool.lacks_documents(reach, searching):
            raise CollectionRequired(f"the tool {name!r} searches documents, and the run was given no {lacking}")
        if tool.needs_sandbox and reach.sandbox is None:
            raise SandboxRequired(f"the tool {name!r} runs code, which cannot be done here: {reach.no_sandbox}")
    return chosen


async def use(run: Run, call: ToolCall, tools: dict[str, Tool], options: ToolOptions) -> Done:
    """Make one call, after asking a person where one has to be asked; to be called once in a step of a graph.

    Everything that the model can react to is a Done. Raises LimitReached, and LangGraph's GraphInterrupt when a person
    has to answer: the step then runs again with the answer.
    """
    tool = tools.get(call.name)
    if tool is None:
        wrong = f"there is no tool {call.name!r}; there are {', '.join(tools) or 'none'}"
        return await _note(run, call, Outcome(wrong, fault="unknown_tool"))
    try:
        await checked(tool, call.arguments)
    except BadArguments as error:
        return await _note(run, call, Outcome(str(error), fault="bad_arguments"))
    note = ""
    if tool.needs_approval or options.approve == "all" or call.name in options.approve:
        wanted = call
        call, refusal = await _approved(run, call, tool)
        if refusal is not None:
            return Done(call=call, text=refusal, fault="denied")
        if call != wanted:
            note = f"A person changed the arguments to {call.arguments}. "

    async def act(key: str) -> Outcome:
        asking = Asking(run)
        retriever = run if run.deps.retriever is not None else None
        context = replace(run.deps.reach, key=key, retriever=retriever, k=options.k, now=run.began, ask=asking)
        outcome = await perform(tool, call.arguments, context)
        if asking.ended is not None:
            raise asking.ended
        for made in outcome.artifacts:
            run.emit(Artifact, **asdict(made))
        return outcome

    outcome = await run.call(call, act)
    hits = tuple(fit(outcome.hits, tool.max_chars))
    if len(hits) < len(outcome.hits):
        note += f"{len(outcome.hits)} passages were found; these are the first {len(hits)}."
    return Done(call=call, text=outcome.text, hits=hits, fault=outcome.fault, note=note)


async def _note(run: Run, call: ToolCall, outcome: Outcome) -> Done:
    """A call that no tool sees is one in the trace and before the run's limits all the same."""

    async def told(_key: str) -> Outcome:
        return outcome

    outcome = await run.call(call, told)
    return Done(call=call, text=outcome.text, fault=outcome.fault)


async def _approved(run: Run, call: ToolCall, tool: Tool) -> tuple[ToolCall, str | None]:
    """The call as a person agreed to it; or what the model is told if the person did not."""
    details: dict[str, Any] = {
        "tool": call.name,
        "arguments": json.loads(call.arguments.strip() or "{}"),
        "purpose": tool.spec.description.partition("\n\n")[0],
        "call_id": call.id,
    }
    while True:
        approval = await run.approve(f"call {call.name}", details)
        if not approval.approved:
            return (
                call,
                f"A person refused this call{': ' if approval.comment else ''}{approval.comment}. {AFTER_REFUSAL}",
            )
        if approval.edit is None:
            return call, None
        edited = json.dumps(dict(approval.edit), ensure_ascii=False)
        try:
            await checked(tool, edited)
        except BadArguments as error:
            details = {**details, "problem": f"the changed arguments do not fit: {error}"}
        else:
            return call.model_copy(update={"arguments": edited}), None


def as_data(done: Done, numbers: Sequence[int]) -> str:
    """What the model is told of a call, fenced. `numbers`: of its passages as sources."""
    if done.fault == "denied":
        return unfenced(done.text)  # What a person says may be followed.
    note = f"{unfenced(done.note)}\n" if done.note else ""
    if done.hits:
        return note + fence(done.hits, numbers)
    failed = "" if done.fault is None else ' failed="true"'
    name = html.escape(done.call.name[:64])
    return f'{note}<tool_result tool="{name}"{failed}>\n{unfenced(done.text)}\n</tool_result>'
