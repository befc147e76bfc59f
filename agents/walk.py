"""One attempt at a run: the pipeline's graph, walked from where the run stands, until it ends or stops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from agents.errors import CollectionRequired, LimitReached
from agents.events import Question
from agents.memory.reminder import Reminder
from agents.origins import ThreadRead
from agents.thread import begin_turn, config_of, has_begun
from backends.capabilities import ways
from backends.errors import CapabilityMissing

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import RunControl
    from langgraph.types import StreamMode

    from agents.pipeline import Pipeline
    from agents.run import Deps, Run, RunInput
    from agents.thread import Graph, Place

PASSING: list[StreamMode] = ["custom", "tasks", "values"]
KEPT: list[StreamMode] = [*PASSING, "checkpoints"]
MOST_STEPS = 10_000
"""Where no limit is set. LangGraph's own, 10,007, would be an error that names no way out."""


@dataclass
class Walk:
    """How far the graph came; of use also when it broke off."""

    values: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    next: tuple[str, ...] = ()
    """The steps that are left, at a breakpoint."""


async def walk(
    done: Walk, pipeline: Pipeline, place: Place | None, input: RunInput, run: Run, control: RunControl
) -> None:
    """Run the graph and note in `done` what comes of it.

    Raises LimitReached, CollectionRequired, CapabilityMissing, GraphDrained when `control` asks for it, and whatever a
    step raises.
    """
    check(pipeline, run.deps)
    limits, spent = run.deps.limits, run.spent
    most = MOST_STEPS if limits.steps is None else limits.steps - spent.steps
    if most <= 0:
        raise _out_of_steps(limits.steps)
    left = None if limits.seconds is None else max(0.0, limits.seconds - spent.seconds)
    try:
        async with run.deps.timer(left) as clock:
            await _steps(done, pipeline, place, input, run, control, most)
    except TimeoutError:
        if not clock.expired():
            raise
        raise LimitReached(f"the run has used up its {limits.seconds:g} seconds", "seconds") from None


async def _steps(
    done: Walk, pipeline: Pipeline, place: Place | None, input: RunInput, run: Run, control: RunControl, most: int
) -> None:
    from langgraph.errors import GraphRecursionError

    outlet = run.outlet
    given, config = await _beginning(place, input, run)
    config |= {"metadata": {"run_id": outlet.run_id, "graph_id": pipeline.name}, "recursion_limit": most}
    parts = (place.graph if place else compiled(pipeline)).astream(
        given,
        config,
        context=run,
        stream_mode=KEPT if place and place.durability != "exit" else PASSING,
        subgraphs=True,
        version="v2",
        control=control,
        durability=place.durability if place else None,
        interrupt_before=place.interrupt_before if place else None,
        interrupt_after=place.interrupt_after if place else None,
    )
    questions: dict[str, Question] = {}
    if place:
        place.settling[outlet.run_id] = run.settle
    try:
        async for part in parts:
            if part["type"] != "values":
                outlet.arrive(part["type"], part["ns"], part["data"])
                if part["type"] == "checkpoints" and not part["ns"]:
                    done.next = tuple(part["data"]["next"])
            elif not part["ns"]:
                done.values = part["data"]
                # Steps that ran side by side ask in parts of their own, and a part without a question may follow.
                questions |= {asked.id: Question(id=asked.id, value=asked.value) for asked in part["interrupts"]}
                done.questions = tuple(questions.values())
    except GraphRecursionError:
        raise _out_of_steps(run.deps.limits.steps or MOST_STEPS) from None
    finally:
        outlet.flush()
        if place:
            place.settling.pop(outlet.run_id, None)


async def _beginning(place: Place | None, input: RunInput, run: Run) -> tuple[Any, RunnableConfig]:
    """What LangGraph is given, and where: the question, an answer to the thread's, or nothing, to go on.

    The turns before the question are told: they are from outside the run.
    """
    question: dict[str, Any] = {"question": input.question, "history": list(input.history)}
    if place is None:
        return question, config_of(run.outlet.run_id)
    latest = config_of(place.thread_id)
    if place.durability != "exit" and await has_begun(place, run.outlet.run_id):
        await _remind(run, place, latest)
        return None, latest
    if place.command is not None or place.continues:
        found = config_of(place.thread_id, place.checkpoint_id)
        await _remind(run, place, found)
        return place.command, found
    before = await begin_turn(place)
    if before is not None and not input.history:
        run.outlet.send(run.outlet.make(ThreadRead, messages=tuple(before)))
        del question["history"]
    return question, latest


async def _remind(run: Run, place: Place, config: RunnableConfig) -> None:
    """Of what was recalled before the run was cut short, or stopped to ask."""
    if run.input.memory is not None:
        values = (await place.graph.aget_state(config)).values
        run.reminder = Reminder.model_validate_json(json.dumps(values.get("recalled") or {}))


def check(pipeline: Pipeline, deps: Deps) -> None:
    """Fail before the first step rather than in the middle. Raises CollectionRequired, CapabilityMissing."""
    if pipeline.needs_collection and deps.retriever is None:
        raise CollectionRequired(
            f"the pipeline {pipeline.name!r} answers from documents: name a collection, as in "
            f"model={pipeline.name + ':COLLECTION'!r}, or use the pipeline 'chat'"
        )
    for name in sorted(pipeline.needs):
        if not getattr(deps.backend.capabilities, name):
            raise CapabilityMissing(
                f"the pipeline {pipeline.name!r} needs the capability {name!r}, which the backend "
                f"{deps.backend.name!r} lacks. Three ways to get it: {ways(name)}",
                code=name,
            )


def _out_of_steps(most: int | None) -> LimitReached:
    return LimitReached(f"the run has used up its {most} steps", "steps")


@cache
def compiled(pipeline: Pipeline) -> Graph:
    return pipeline.graph.compile()
