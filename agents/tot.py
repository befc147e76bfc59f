"""Tree of Thoughts: partial solutions as a tree, each new one made and judged by the model, searched by an algorithm.

Source: Yao et al. 2023, Tree of Thoughts (arXiv:2305.10601), algorithms 1 (breadth first) and 2 (depth first).

    expand -> judge -> keep -> expand ... -> finish -> END        breadth first: the b best of a level go on
                 \\---> descend -> expand ... -> finish            depth first: the best child above the threshold goes
                                                                 on; without one the search goes back

As in the paper's code, of equal new states of a level the first counts and the others are worth 0; sorting is stable,
so the order of making decides ties. Its game of 24 takes four levels (three equations, then the expression) where the
text says three. Its published success counts any of the b states at the end; the answer here is the best one alone, and
`finalists` in the last step has them all. The paper's T = 0.7 is fixed, whatever the caller asks for.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from agents.search_tree import Backtracked, Candidate, Pruned
from agents.thoughts.base import Problem, Thought
from agents.thoughts.catalog import problem_of
from agents.thoughts.judging import voted, weighed
from backends.base import Message

TEMPERATURE = 0.7


class TotOptions(Options):
    problem: Literal["text", "game24"] = Field(
        "text", description="What the question is: its prompts, and the paper's settings as defaults of the rest."
    )
    search: Literal["bfs", "dfs"] | None = Field(None, description="Breadth first or depth first.")
    generate: Literal["propose", "sample"] | None = Field(
        None, description="One call that lists new states, or several that each give one."
    )
    evaluate: Literal["value", "vote"] | None = Field(
        None, description="Judge each state apart, or vote on those of a level; depth first takes values only."
    )
    depth: int | None = Field(None, ge=1, le=20, description="Levels of thoughts.")
    b: int | None = Field(None, ge=1, le=50, description="States kept of each level (breadth first).")
    k: int | None = Field(None, ge=1, le=50, description="Calls that make new states from one.")
    evaluations: int | None = Field(None, ge=1, le=20, description="Calls that judge one state, or votes of a level.")
    threshold: float | None = Field(None, description="Follow only states of a higher value (depth first).")
    max_children: int = Field(3, ge=1, le=50, description="Children that are followed of one state (depth first).")
    max_nodes: int = Field(100, ge=1, le=10_000, description="States visited in all (depth first).")


class TotState(State, total=False):
    frontier: list[Thought]
    """Breadth first: the states of this level. Depth first: the one to expand, if any."""
    fresh: list[Thought]
    """Made of the frontier, in the order of making."""
    path: list[list[Thought]]
    """Depth first: for each state on the way down, its children that are still to be followed, best last."""
    best: Thought | None
    """Depth first: the deepest state seen, the most valued of these."""
    visited: int
    made: int
    finalists: list[str]
    """What the last states answer, best first."""


class Settings:
    """The options, with the problem's defaults in place of what the caller left open."""

    def __init__(self, run: Run) -> None:
        options = run.options(TotOptions)
        self.problem: Problem = problem_of(options.problem)
        given, usual = options, self.problem.defaults
        self.search = given.search or usual.search
        self.generate = given.generate or usual.generate
        self.evaluate = "value" if self.search == "dfs" else given.evaluate or usual.evaluate
        self.depth = given.depth or usual.depth
        self.breadth = given.b or usual.breadth
        self.samples = given.k or usual.samples
        self.evaluations = given.evaluations or usual.evaluations
        self.threshold = usual.threshold if given.threshold is None else given.threshold
        self.max_children, self.max_nodes = given.max_children, given.max_nodes


async def expand(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, question = runtime.context, state["question"]
    settings = Settings(run)
    parents = state.get("frontier") or [Thought(id="0", parent=None, state="")]
    replies = await asyncio.gather(*(_replies(run, settings, question, parent) for parent in parents))
    made, fresh = state.get("made", 0), []
    for parent, said in zip(parents, replies, strict=True):
        for text in settings.problem.states(question, parent.state, said):
            made += 1
            fresh.append(Thought(id=str(made), parent=parent.id, state=text, depth=parent.depth + 1))
    return {"fresh": fresh, "made": made}


async def judge(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, settings, fresh = runtime.context, Settings(runtime.context), state["fresh"]
    how = voted if settings.evaluate == "vote" else weighed
    values = await how(run, settings.problem, state["question"], fresh, settings.evaluations, TEMPERATURE)
    judged = [thought.model_copy(update={"value": value}) for thought, value in zip(fresh, values, strict=True)]
    for thought in judged:
        run.emit(Candidate, id=thought.id, parent=thought.parent, value=thought.value, state=thought.state)
    return {"fresh": judged}


async def keep(state: TotState, runtime: Runtime[Run]) -> TotState:
    """Algorithm 1: the b best of the level."""
    run, settings = runtime.context, Settings(runtime.context)
    ranked = sorted(state["fresh"], key=lambda thought: thought.value, reverse=True)
    for thought in ranked[settings.breadth :]:
        run.emit(Pruned, candidate=thought.id, reason=f"not among the {settings.breadth} best of its level")
    frontier = ranked[: settings.breadth] or state.get("frontier", [])
    if frontier:
        run.draft(settings.problem.answer(state["question"], frontier[0].state))
    return {"frontier": frontier}


async def descend(state: TotState, runtime: Runtime[Run]) -> TotState:
    """Algorithm 2: down to the best child above the threshold, else back to the nearest one that is left."""
    run, settings = runtime.context, Settings(runtime.context)
    path = [list(level) for level in state.get("path", [])]
    ranked = sorted(state["fresh"], key=lambda thought: thought.value, reverse=True)
    good = [thought for thought in ranked if thought.value > settings.threshold and thought.depth <= settings.depth]
    for thought in ranked:
        if thought not in good:
            run.emit(Pruned, candidate=thought.id, reason=f"its value is not above {settings.threshold:g}")
    path.append(good[: settings.max_children][::-1])
    visited, best, frontier = state.get("visited", 0), state.get("best"), list[Thought]()
    while path and visited < settings.max_nodes and not frontier:
        if not path[-1]:
            path.pop()
            if path and path[-1]:
                run.emit(Backtracked, candidate=path[-1][-1].parent or "0")
            continue
        thought, visited = path[-1].pop(), visited + 1
        if best is None or (thought.depth, thought.value) > (best.depth, best.value):
            best = thought
            run.draft(settings.problem.answer(state["question"], best.state))
        if thought.depth < settings.depth:
            frontier = [thought]
    return {"path": path, "visited": visited, "best": best, "frontier": frontier}


async def finish(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, settings = runtime.context, Settings(runtime.context)
    best = state.get("best")
    last = [best] if best is not None else state.get("frontier", [])
    finalists = [settings.problem.answer(state["question"], thought.state) for thought in last]
    if not finalists:
        run.warn("no_thought", "the backend named no thought that could be followed")
    return {"finalists": finalists, "answer": finalists[0] if finalists else NOTHING}


def after_judge(state: TotState, runtime: Runtime[Run]) -> Literal["keep", "descend"]:
    return "descend" if Settings(runtime.context).search == "dfs" else "keep"


def after_keep(state: TotState, runtime: Runtime[Run]) -> Literal["expand", "finish"]:
    frontier = state["frontier"]
    depth = frontier[0].depth if frontier else 0
    return "expand" if state["fresh"] and depth < Settings(runtime.context).depth else "finish"


def after_descend(state: TotState, runtime: Runtime[Run]) -> Literal["expand", "finish"]:
    return "expand" if state["frontier"] else "finish"


async def _replies(run: Run, settings: Settings, question: str, parent: Thought) -> list[str]:
    prompt = settings.problem.proposal(question, parent.state)
    if not prompt:
        return []
    asked = Message(role="user", content=prompt)
    named: dict[str, Any] = {"question": question, "temperature": TEMPERATURE}
    about = {"stage": "propose", "state": parent.state}
    subjects = ({**about, "sample": str(sample)} for sample in range(settings.samples))
    done = await asyncio.gather(*(run.ask(asked, subject=subject, **named) for subject in subjects))
    return [completion.message.content for completion in done]


NOTHING = "No answer was found."

graph = StateGraph(TotState, context_schema=Run)
for node in (expand, judge, keep, descend, finish):
    graph.add_node(node)
graph.add_edge("__start__", "expand")
graph.add_edge("expand", "judge")
graph.add_conditional_edges("judge", after_judge)
graph.add_conditional_edges("keep", after_keep)
graph.add_conditional_edges("descend", after_descend)

pipeline = Pipeline(
    name="tot",
    summary="Search a tree of partial solutions that the model proposes and judges.",
    source="Yao et al. 2023, Tree of Thoughts: Deliberate Problem Solving with LLMs (arXiv:2305.10601)",
    options=TotOptions,
    graph=graph,
)
