"""A generative agent: it perceives, weighs, remembers, reflects, plans, and answers as its persona would.

Source: Park et al. 2023, Generative Agents (arXiv:2304.03442).

    perceive -> reflect -> plan -> answer -> keep -> END

Every memory has an importance of 1 to 10, which the model gives it when it is made. What is asked is answered from the
memories with the highest sum of recency (0.995 to the power of the hours since the memory was last used), importance
and relevance, each scaled to 0 ... 1 over all memories, all with weight 1, as many as fit into the prompt; being
recalled counts as use. When the importance of what was perceived since the last reflection sums to more than 150, the
latest 100 memories give three questions, each question recalls memories, and these give insights that name the memories
they rest on. An insight is a memory, so that reflections rest on reflections. docs/generative.md says where the
authors' code differs from their paper, and this from both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents import generative_plan as plans
from agents.abstention import abstains, may_abstain
from agents.abstention import sentence as nothing_known
from agents.events import Plan, Reflection
from agents.generative_memory import Memories, memories_of
from agents.generative_options import GenerativeOptions
from agents.generative_prompts import ANSWER, NOTHING, PLANNED, SAID, SAID_ZH, SPEAKER
from agents.memory.prompts import numbered
from agents.memory.rating import ratings
from agents.memory.record import USUAL, in_utc
from agents.memory.reflection import insights, salient
from agents.persona import is_chinese
from agents.pipeline import Pipeline, State
from agents.run import Run
from backends.base import Message, Source
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from agents.generative_prompts import Stroke


class GenerativeState(State, total=False):
    doing: str
    """The step of the day's plan that is under way."""


async def perceive(state: GenerativeState, runtime: Runtime[Run]) -> GenerativeState:
    run, name = runtime.context, name_of(runtime.context)
    memories, seen = memories_of(run, name), runtime.context.options(GenerativeOptions).observations
    rated = zip(seen, await _rated(run, name, [one.text for one in seen]), strict=True)
    drafts = [(memories.draft(one.text, "observation", importance), one.at) for one, importance in rated]
    await memories.add([d if at is None else d.model_copy(update={"made": in_utc(at)}) for d, at in drafts])
    return {}


async def reflect(state: GenerativeState, runtime: Runtime[Run]) -> GenerativeState:
    run, options, name = runtime.context, runtime.context.options(GenerativeOptions), name_of(runtime.context)
    memories = memories_of(run, name)
    diary = await memories.diary()
    if diary.unreflected <= options.reflect_at or not writes(run):
        return {}
    try:
        latest = [record.text for record in diary.latest]
        for question in await salient(run, name, latest, options.questions):
            await _infer(run, memories, name, question)
    except BadStructuredOutput as error:
        run.warn("no_reflection", f"the model's reflection cannot be read, it is left for the next time: {error}")
    return {}


async def _infer(run: Run, memories: Memories, name: str, question: str) -> None:
    """Raises BadStructuredOutput."""
    found = await memories.recall(question)
    grounded = await insights(run, name, question, [one.text for one in found], memories.options.insights)
    drafts = [
        memories.draft(one.text, "reflection", importance, tuple(found[place].id for place in one.because_of))
        for one, importance in zip(grounded, await _rated(run, name, [one.text for one in grounded]), strict=True)
    ]
    await memories.add(drafts)
    for draft in drafts:
        run.emit(Reflection, text=draft.text, because_of=draft.because_of)


async def plan(state: GenerativeState, runtime: Runtime[Run]) -> GenerativeState:
    run, name = runtime.context, name_of(runtime.context)
    if not run.options(GenerativeOptions).plan or not writes(run):
        return {"doing": ""}
    memories = memories_of(run, name)
    texts, now = (await memories.diary()).plans, memories.now
    try:
        strokes, by_hour = plans.known(texts, now, "strokes"), plans.known(texts, now, "hours")
        if not strokes:
            bearing = [one.text for one in await memories.recall(f"{name}: {now:%A}, work, promises, plans")]
            strokes = await _planned(run, memories, "strokes", await plans.day(run, name, now, bearing))
        if not by_hour:
            by_hour = await _planned(run, memories, "hours", await plans.hours(run, name, now, strokes))
        blocks = plans.known(texts, now, "minutes")
        if not blocks and (made := await plans.minutes(run, name, now, by_hour)):
            blocks = await _planned(run, memories, "minutes", made)
        return {"doing": plans.doing(blocks or by_hour, now)}
    except BadStructuredOutput as error:
        run.warn("no_plan", f"the model's plan cannot be read, it is left for the next time: {error}")
        return {"doing": ""}


async def _planned(run: Run, memories: Memories, what: str, steps: Sequence[Stroke]) -> str:
    text = plans.written(memories.now, what, steps)
    run.emit(Plan, steps=tuple(plans.steps_of(text)))
    await memories.add([memories.draft(text, "plan", PLAN_IMPORTANCE)])
    return text


async def answer(state: GenerativeState, runtime: Runtime[Run]) -> GenerativeState:
    run, options, name = runtime.context, runtime.context.options(GenerativeOptions), name_of(runtime.context)
    memories, question = memories_of(run, name), state["question"]
    texts = [one.text for one in await memories.recall(question)]
    prompt = ANSWER.format(
        name=name,
        time=f"{memories.now:%A, %Y-%m-%d %H:%M}",
        memories=numbered(texts) if texts else NOTHING,
        plan=PLANNED.format(name=name, what=state["doing"]) if state["doing"] else "",
        speaker=SPEAKER.format(name=name, speaker=options.speaker),
    )
    completion = await run.ask(
        Message(role="system", content=prompt),
        *state["history"],
        Message(role="user", content=question),
        sources=[Source(id=str(number), title="memory", text=text) for number, text in enumerate(texts, start=1)],
        question=question,
        subject={"stage": "answer"},
        stream_to="answer",
        hold=may_abstain,
    )
    said = completion.message.content
    if abstains(said):
        said = nothing_known(question)
        run.say(said)
        run.warn("abstained", f"none of {len(texts)} memories answers this")
    elif may_abstain(said):
        run.say(said)
    return {"answer": said, "citations": []}


async def keep(state: GenerativeState, runtime: Runtime[Run]) -> GenerativeState:
    """What was said is remembered too."""
    run, name = runtime.context, name_of(runtime.context)
    form = SAID_ZH if is_chinese(state["question"]) else SAID
    speaker = run.options(GenerativeOptions).speaker
    said = form.format(speaker=speaker, name=name, question=state["question"], answer=state["answer"])[:LONGEST]
    (importance,) = await _rated(run, name, [said])
    memories = memories_of(run, name)
    await memories.add([memories.draft(said, "observation", importance)])
    return {}


async def _rated(run: Run, name: str, texts: Sequence[str]) -> list[float]:
    if run.options(GenerativeOptions).rate == "constant":
        return [USUAL] * len(texts)
    return await ratings(run, name, texts)


def name_of(run: Run) -> str:
    return run.input.persona.name if run.input.persona is not None else NOBODY


def writes(run: Run) -> bool:
    """Whether there is a model that can reflect and plan."""
    return run.deps.backend.name != "extractive"


LONGEST = 2_000
"""Characters of what is remembered of one exchange."""
PLAN_IMPORTANCE = 5.0
"""The paper leaves open what a plan weighs; the middle."""
NOBODY = "the persona"

graph = StateGraph(GenerativeState, context_schema=Run)
for node in (perceive, reflect, plan, answer, keep):
    graph.add_node(node)
graph.add_edge("__start__", "perceive")
graph.add_edge("perceive", "reflect")
graph.add_edge("reflect", "plan")
graph.add_edge("plan", "answer")
graph.add_edge("answer", "keep")

pipeline = Pipeline(
    name="generative",
    summary="Answer as a persona that perceives, remembers by recency, importance and relevance, reflects and plans.",
    source="Park et al. 2023, Generative Agents: Interactive Simulacra of Human Behavior (arXiv:2304.03442)",
    options=GenerativeOptions,
    graph=graph,
)
