"""ReAct: the model reasons in words and acts by turns, and sees what each action brought before it thinks again.

Source: Yao et al. 2022, ReAct (arXiv:2210.03629); the closed Wikipedia of its HotpotQA and FEVER experiments over a
collection, or any tools.

    think -> act -> think -> act -> ... -> finish -> END
      ^                         \\-> vote -> finish        react_to_cot_sc: no answer within the steps
      +---- vote                                          cot_sc_to_react: fewer than n/2 samples agree

Text, not tool calls: each reply is a thought and an action, ended by the stop sequence `Observation i:`. A backend that
passes over it and writes an observation of its own is cut there. A reply without an action is asked for the action
alone, once, as in the authors' code. After the last step that code finishes with an empty answer; here the answer says
that there is none, or is what most samples of the vote said, with a warning `max_steps` in either case. Greedy; samples
of the vote are at T = 0.7, whatever the caller asks for. The paper's limits are 7 steps (HotpotQA) and 5 (FEVER, where
the code takes 7); examples are our own, three where the paper has six (HotpotQA) or three (FEVER). White space before
an action and capitals in its name do not matter, where the authors' environment calls some of these invalid.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents import react_text
from agents.answer_text import after_marker, normalised
from agents.cot import EXAMPLES as COT_EXAMPLES
from agents.cot import FEW_SHOT, FORM, TEMPERATURE
from agents.events import Thought
from agents.pipeline import Pipeline, State
from agents.react_actions import observed, on_wiki, told_of
from agents.react_prompt import AT_LIMIT, prompt_for
from agents.run import Run
from agents.sample_seed import seed_of
from agents.tool_use import ToolOptions
from backends.base import Message
from retrieval.scripts import shares
from tools.wiki import Place


class ReactOptions(ToolOptions):
    environment: Literal["auto", "wiki", "tools"] = Field(
        "auto",
        description="What it acts on: the run's collection as a closed encyclopedia (Search, Lookup), or tools. auto: "
        "the tools if `tools` names any, else the encyclopedia where there is a collection, else all tools.",
    )
    max_steps: int = Field(7, ge=1, le=50, description="Thoughts with their actions; after the last it has to finish.")
    backoff: Literal["none", "react_to_cot_sc", "cot_sc_to_react"] = Field(
        "none",
        description="The paper's two ways to join it with self-consistency: vote when there is no answer within the "
        "steps, or vote first and go on to act when fewer than n/2 samples agree.",
    )
    n: int = Field(21, ge=1, le=100, description="Samples of the vote, where there is one.")
    examples: tuple[str, ...] = Field(
        (), max_length=20, description="Worked examples of your own, in the form Question, Thought 1, Action 1, ..."
    )


class ReactState(State, total=False):
    transcript: list[str]
    """Lines of thoughts, actions and observations."""
    step: int
    action: str
    place: Place
    """Where in the encyclopedia it is."""
    voted: str
    """What most samples said."""
    agreed: bool
    """Whether that is the answer."""
    forced: bool
    """Finished because the steps were used up."""


async def think(state: ReactState, runtime: Runtime[Run]) -> ReactState:
    run, step = runtime.context, state.get("step", 0) + 1
    lines = state.get("transcript", [])
    prompt = "\n".join((await asyncio.to_thread(_prompt, run), f"Question: {state['question']}", *lines))
    reply = await _ask(run, state, f"{prompt}\nThought {step}:", "step", step, f"\nObservation {step}:")
    thought, action, cut = react_text.said(reply)
    if cut:
        run.warn("own_observation", f"step {step}: the model wrote an observation of its own; it is left out")
    if action is None:
        asked = f"{prompt}\nThought {step}: {thought}\nAction {step}:"
        action = react_text.action_line(await _ask(run, state, asked, "action", step, "\n")) or ""
    run.emit(Thought, text=thought)
    run.draft(thought)
    said = [f"Thought {step}: {thought}", f"Action {step}: {action}"]
    return {"step": step, "action": action, "transcript": [*lines, *said]}


async def act(state: ReactState, runtime: Runtime[Run]) -> ReactState:
    observation, place = await observed(
        runtime.context, runtime.context.options(ReactOptions), state["action"], state["step"], state.get("place")
    )
    line = f"Observation {state['step']}: {observation}"
    update: ReactState = {"transcript": [*state["transcript"], line]}
    return update if place is None else {**update, "place": place}


async def vote(state: ReactState, runtime: Runtime[Run]) -> ReactState:
    run, options = runtime.context, runtime.context.options(ReactOptions)
    shown = "\n\n".join(FORM.format(**example.model_dump()) for example in COT_EXAMPLES)
    prompt = FEW_SHOT.format(examples=shown, question=state["question"])

    async def sample(number: int) -> str:
        completion = await run.ask(
            *state["history"],
            Message(role="user", content=prompt),
            question=state["question"],
            subject={"stage": "vote", "sample": str(number)},
            temperature=TEMPERATURE,
            **seed_of(run, number),
        )
        return completion.message.content.strip()

    texts = await asyncio.gather(*map(sample, range(options.n)))
    for text in texts:
        run.emit(Thought, text=text)
    given = [answer for answer in map(after_marker, texts) if normalised(answer)]
    votes = Counter(map(normalised, given)).most_common(1)
    if not votes:
        return {"voted": "", "agreed": False}
    (winner, count) = votes[0]
    agreed = options.backoff == "react_to_cot_sc" or 2 * count >= options.n
    return {"voted": next(answer for answer in given if normalised(answer) == winner), "agreed": agreed}


async def finish(state: ReactState, runtime: Runtime[Run]) -> ReactState:
    run = runtime.context
    if state.get("agreed"):
        return {"answer": state["voted"], "forced": False}
    if answer := finishes(state):
        return {"answer": answer, "forced": False}
    used = f"no answer within {state['step']} steps" if finishes(state) is None else "it finished with no answer"
    voted = state.get("voted", "")
    run.warn("max_steps" if finishes(state) is None else "no_answer", used + (": the vote's is taken" if voted else ""))
    chinese = shares(state["question"]).get("Han", 0) >= 0.3
    last = next(line for line in reversed(state["transcript"]) if line.startswith("Thought "))
    said = AT_LIMIT["zh" if chinese else "en"].format(steps=state["step"], thought=last.partition(": ")[2])
    return {"answer": voted or said.strip(), "forced": True}


def finishes(state: ReactState) -> str | None:
    """The answer of the last action, if it is `Finish`; None: it is another."""
    found = react_text.read(state.get("action", ""))
    return found.argument if found is not None and found.name.casefold() == "finish" else None


async def at_first(_state: ReactState, runtime: Runtime[Run]) -> Literal["think", "vote"]:
    return "vote" if runtime.context.options(ReactOptions).backoff == "cot_sc_to_react" else "think"


async def after_think(state: ReactState, runtime: Runtime[Run]) -> Literal["act", "vote", "finish"]:
    answer = finishes(state)
    if answer is None:
        return "act"
    votes = not answer and runtime.context.options(ReactOptions).backoff == "react_to_cot_sc"
    return "vote" if votes else "finish"


async def after_act(state: ReactState, runtime: Runtime[Run]) -> Literal["think", "vote", "finish"]:
    options = runtime.context.options(ReactOptions)
    if state["step"] < options.max_steps:
        return "think"
    return "vote" if options.backoff == "react_to_cot_sc" else "finish"


async def after_vote(state: ReactState) -> Literal["think", "finish"]:
    return "finish" if state["agreed"] or state.get("step") else "think"


def _prompt(run: Run) -> str:
    options = run.options(ReactOptions)
    wiki = on_wiki(run, options)
    return prompt_for(wiki, [] if wiki else told_of(run, options), options.examples)


async def _ask(run: Run, state: ReactState, prompt: str, stage: str, step: int, stop: str) -> str:
    completion = await run.ask(
        *state["history"],
        Message(role="user", content=prompt),
        question=state["question"],
        subject={"stage": stage, "step": str(step)},
        temperature=0.0,
        stop=(stop,),
    )
    return completion.message.content


graph = StateGraph(ReactState, context_schema=Run)
for node in (think, act, vote, finish):
    graph.add_node(node)
graph.add_conditional_edges("__start__", at_first)
graph.add_conditional_edges("think", after_think)
graph.add_conditional_edges("act", after_act)
graph.add_conditional_edges("vote", after_vote)

pipeline = Pipeline(
    name="react",
    summary="Think and act by turns: look things up in the documents, or call tools, until there is an answer.",
    source="Yao et al. 2022, ReAct: Synergizing Reasoning and Acting in Language Models (arXiv:2210.03629)",
    options=ReactOptions,
    graph=graph,
    asks=True,
)
