"""Toolformer at inference: the model calls tools in the middle of its text, and goes on from what they said.

Source: Schick et al. 2023, Toolformer (arXiv:2302.04761), its decoding with calls; the filter of its training data
is `agents.toolformer_filter`.

    write -> call -> write -> ... -> END
     \\-> write           it stopped at an arrow outside of a call

The model stops at the arrow of `[Tool(arguments) →`; the call is read, made with a tool of the run, and the result put
into the text, which the model then goes on with. The paper's model was trained for this and starts a call when its
token is among the ten most probable; here any backend is told how in its prompt. As in the paper one call a text is
made, unless `max_calls` says otherwise. What a result says is never read as a call, and nothing is evaluated.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents.pipeline import Pipeline, State
from agents.retro_chunks import joint
from agents.run import Run
from agents.spending import estimate
from agents.tool_use import ToolOptions, offered, use
from agents.toolformer_arguments import ORDER, as_json, in_order
from agents.toolformer_marks import Mark, as_result, rendered
from agents.toolformer_prompt import USER, fresh, instructions, prefix, turns
from agents.toolformer_reading import STOPS, seen
from backends.base import Completion, FinishReason, ToolCall, ToolSpec

if TYPE_CHECKING:
    from agents.toolformer_text import Call
    from tools.base import Tool


class ToolformerOptions(ToolOptions):
    max_calls: int = Field(1, ge=1, le=50, description="Calls that are made at most; the paper has one for each text.")
    show: Literal["text", "calls"] = Field(
        "text", description="What the reader gets: the text without its calls, or with them and their results."
    )
    go_on: Literal["auto", "turns", "prefix"] = Field(
        "auto",
        description="How the model is sent its text so far: as a turn of its own, with a request to go on; or as the "
        "beginning of one plain text that it continues, which takes a bare language model (`hf:`, `table:`). auto: "
        "prefix where the backend can.",
    )
    examples: tuple[str, ...] = Field(
        (), max_length=20, description="Worked texts of your own with calls in them, in place of those for each tool."
    )


class ToolformerState(State, total=False):
    text: str
    """All that is written, with the calls and their results."""
    marks: list[Mark]
    """The calls in it that are over."""
    shown: int
    """How much of the text its reader may see: not the beginning of a call."""
    start: int
    """Where the call begins that is to be made."""
    wanted: ToolCall | None
    calls: int
    """How many were made."""
    free: bool
    """It writes without stops, as it has arrows outside of calls."""
    used: int
    """Tokens written."""
    over: bool


async def write(state: ToolformerState, runtime: Runtime[Run]) -> ToolformerState:
    run, options = runtime.context, runtime.context.options(ToolformerOptions)
    text, marks, calls = state.get("text", ""), state.get("marks", []), state.get("calls", 0)
    tools = offered(run, options)
    names = {name.casefold(): name for name in tools}
    closing = calls >= options.max_calls
    # Of two kinds of stops nobody says which one ended a text: with stops of the caller there are none of ours.
    stops = () if closing or state.get("free") or run.deps.sampling.stop else STOPS
    _show(run, options, text[: state.get("shown", 0)], marks, over=False)
    completion = await _ask(run, options, state, tools, stops)
    if completion is None:
        return _finished(run, options, text, marks, "length")
    reply = completion.message.content
    piece = _piece(text, marks, reply, as_prefix=_as_prefix(run, options))
    if reply.strip() and not piece.strip():
        run.warn("repeated", "what the model went on with is in the text already; it is left out")
    text += piece
    # Some texts take a second to read: not on the event loop.
    found = await asyncio.to_thread(
        seen, text, marks, lambda name: name.casefold() in names,
        closing=closing, stopped=bool(stops) and completion.finish == "stop", cut=completion.finish == "length",
    )  # fmt: skip
    for code, message in found.notes:
        run.warn(code, message)
    used = state.get("used", 0) + _tokens(completion)
    if found.call is None and not found.again:
        return _finished(run, options, found.text, found.marks, completion.finish)
    _show(run, options, found.text[: found.shown_to], found.marks, over=False)
    update: ToolformerState = {
        "text": found.text, "marks": found.marks, "shown": found.shown_to, "used": used, "wanted": None,
    }  # fmt: skip
    if found.call is None:
        return {**update, "free": True}
    wanted = _tool_call(found.call, tools, names, calls + 1)
    return {**update, "wanted": wanted, "start": found.call.start}


async def call(state: ToolformerState, runtime: Runtime[Run]) -> ToolformerState:
    run, options, wanted = runtime.context, runtime.context.options(ToolformerOptions), state["wanted"]
    if wanted is None:
        return {}
    done = await use(run, wanted, offered(run, options), options)
    said = as_result(f"{done.note}{done.text}")
    result = said if done.fault is None or done.fault == "denied" else f"failed: {said}"
    text = f"{state['text']} → {result}]"
    mark: Mark = {
        "start": state["start"],
        "end": len(text),
        "result": result,
        "kind": "made" if done.fault is None else "failed",
    }
    marks = [one for one in state["marks"] if one["start"] < state["start"]]
    # The outer call, in whose arguments it stands, is not over.
    shown = len(text) if state["shown"] == state["start"] else state["shown"]
    calls = state.get("calls", 0) + 1
    return {"text": text, "marks": [*marks, mark], "shown": shown, "wanted": None, "calls": calls}


async def after_write(state: ToolformerState) -> Literal["write", "call", "__end__"]:
    if state.get("over"):
        return "__end__"
    return "write" if state.get("wanted") is None else "call"


async def _ask(
    run: Run, options: ToolformerOptions, state: ToolformerState, tools: dict[str, Tool], stops: tuple[str, ...]
) -> Completion | None:
    """None: the caller's `max_tokens`, which is for the whole text, is used up."""
    text, calls, most = state.get("text", ""), state.get("calls", 0), run.deps.sampling.max_tokens
    left = None if most is None else most - state.get("used", 0)
    if left is not None and left <= 0:
        return None
    plain = _as_prefix(run, options)
    closing = calls >= options.max_calls
    system = instructions(tools, options.max_calls, options.examples, closing=closing)
    form = prefix if plain else turns
    return await run.ask(
        *form(system, state["history"], state["question"], text),
        question=state["question"],
        subject={"stage": "write", "calls": str(calls)},
        # Sent to no server: for the trace, so that a replay knows them.
        tools=tuple(_spec(tool) for tool in tools.values()),
        tool_choice="none",
        plain=plain,
        stop=(*run.deps.sampling.stop, *stops, *((USER,) if plain else ())),
        max_tokens=left,
    )


def _finished(
    run: Run, options: ToolformerOptions, text: str, marks: list[Mark], finish: FinishReason
) -> ToolformerState:
    run.finish = "stop" if finish == "tool_calls" else finish
    _show(run, options, text, marks, over=True)
    return {"answer": run.said, "citations": [], "text": text, "marks": marks, "wanted": None, "over": True}


def _show(run: Run, options: ToolformerOptions, text: str, marks: list[Mark], *, over: bool) -> None:
    """Send what of the text can be read now and is not sent yet: all of it after a restart."""
    shown = rendered(text, [m for m in marks if m["end"] <= len(text)], marked=options.show == "calls", over=over)
    run.say(shown[len(run.said) :])
    run.draft(shown)


def _tool_call(found: Call, tools: dict[str, Tool], names: dict[str, str], number: int) -> ToolCall:
    name = names.get(found.name.casefold(), found.name)
    parameters = tools[name].spec.parameters if name in tools else {}
    return ToolCall(id=f"call_{number}", name=name, arguments=as_json(found, parameters))


def _piece(text: str, marks: list[Mark], reply: str, *, as_prefix: bool) -> str:
    if not text:
        return reply.lstrip()
    if as_prefix:
        return reply
    added = fresh(text, reply)
    call = next((mark for mark in marks if mark["end"] == len(text)), None)
    # A call between blanks is between words, whatever their script: one in Chinese text stands without blanks.
    before = text if call is None else text[: call["start"]]
    return joint(before if before[-1:].strip() else "a", added) + added


def _as_prefix(run: Run, options: ToolformerOptions) -> bool:
    return options.go_on == "prefix" or (options.go_on == "auto" and run.deps.backend.capabilities.causal)


def _spec(tool: Tool) -> ToolSpec:
    parameters = {**tool.spec.parameters, ORDER: in_order(tool.spec.parameters)}
    return tool.spec.model_copy(update={"parameters": parameters})


def _tokens(completion: Completion) -> int:
    usage = completion.usage
    return estimate(completion.message.content) if usage is None else usage.completion_tokens


graph = StateGraph(ToolformerState, context_schema=Run)
graph.add_node(write)
graph.add_node(call)
graph.add_edge("__start__", "write")
graph.add_edge("call", "write")
graph.add_conditional_edges("write", after_write)

pipeline = Pipeline(
    name="toolformer",
    summary="Call tools in the middle of the text as it is written, and go on from what they say.",
    source="Schick et al. 2023, Toolformer: Language Models Can Teach Themselves to Use Tools (arXiv:2302.04761)",
    options=ToolformerOptions,
    graph=graph,
    asks=True,
)
