"""Tree of Thoughts: partial solutions as a tree, each new one made and judged by the model, searched by an algorithm.

Source: Yao et al. 2023, Tree of Thoughts (arXiv:2305.10601), algorithms 1 (breadth first) and 2 (depth first).

    expand -> judge -> keep -> expand ... -> finish -> END        breadth first: the b best of a level go on
                 \\---> descend -> expand ... -> finish            depth first: the best child above the threshold goes
                                                                 on; without one the search goes back
    expand -> visit -> judge -> visit -> expand ... -> finish    depth first where children come ranked (crosswords):
                                                                 each is judged when the search reaches it

As in the paper's code, of equal new states of a level the first counts and the others are worth 0; sorting is stable,
so the order of making decides ties. Its game of 24 takes four levels (three equations, then the expression) where the
text says three. Its published success counts any of the b states at the end; the answer here is the best one alone, and
`finalists` in the last step has them all. The paper's T = 0.7 is fixed, whatever the caller asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents.errors import BadQuestion
from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from agents.search_tree import Candidate, Pruned
from agents.thoughts.base import Problem, Thought
from agents.thoughts.catalog import problem_of
from agents.thoughts.depth_first import Way, best_of, step
from agents.thoughts.judging import Known, voted, weighed
from backends.base import Message

TEMPERATURE = 0.7
MOST_CHILDREN = 200
"""New states of one: the Game of 24 has 36 first steps at most, and a model that loops would name thousands."""


class TotOptions(Options):
    problem: Literal["text", "game24", "crosswords"] = Field(
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
    max_nodes: int = Field(100, ge=1, le=1_000, description="States visited in all (depth first).")
    skip_known: bool = Field(
        False, description="Do not visit a state again that was reached in another order (depth first, crosswords)."
    )


class TotState(State, total=False):
    frontier: list[Thought]
    """Breadth first: the states of this level. Depth first: the one to expand, if any."""
    fresh: list[Thought]
    """Made of the frontier, in the order of making."""
    way: Way
    """Depth first: where the search stands."""
    reached: Thought | None
    """Depth first, ranked: the state that is being judged."""
    listed: dict[str, list[str]]
    """Depth first, ranked: what was proposed for a state, by `Problem.same`."""
    judged: Known
    made: int
    finalists: list[str]
    """What the last states answer, best first. Depth first: the best, then all in the order of visiting."""


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
        self.max_children, self.max_nodes, self.skip_known = given.max_children, given.max_nodes, given.skip_known
        self.ranked = self.search == "dfs" and usual.ranked


async def expand(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, question, settings = runtime.context, state["question"], Settings(runtime.context)
    problem = settings.problem
    if lacking := problem.lacks(question):
        raise BadQuestion(f"the question is none of the problem {problem.name!r}: it lacks {lacking}")
    parents = state.get("frontier") or [Thought(id="0", parent=None, state="")]
    listed = state.get("listed", {})
    found = await asyncio.gather(*(_children(run, settings, question, parent, listed) for parent in parents))
    made, fresh = state.get("made", 0), []
    for parent, named in zip(parents, found, strict=True):
        texts = named[:MOST_CHILDREN]
        if len(named) > MOST_CHILDREN:
            run.warn("many_states", f"{len(named)} new states of one: the first {MOST_CHILDREN} count")
        for text in texts:
            made += 1
            fresh.append(Thought(id=str(made), parent=parent.id, state=text, depth=parent.depth + 1))
        if settings.ranked:
            listed = {**listed, problem.same(parent.state): [text[len(parent.state) :] for text in texts]}
    return {"fresh": fresh, "made": made, "listed": listed}


async def judge(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, settings, fresh = runtime.context, Settings(runtime.context), state["fresh"]
    asked = run, settings.problem, state["question"], fresh, settings.evaluations, TEMPERATURE
    known = state.get("judged", {})
    if settings.evaluate == "vote":
        values = await voted(*asked)
    else:
        values, known = await weighed(*asked, known)
    judged = [thought.model_copy(update={"value": value}) for thought, value in zip(fresh, values, strict=True)]
    for thought in judged:
        run.emit(Candidate, id=thought.id, parent=thought.parent, value=thought.value, state=thought.state)
    return {"fresh": judged, "judged": known}


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
    """Algorithm 2 where children were judged together: to the best above the threshold, else back to the nearest."""
    run, settings = runtime.context, Settings(runtime.context)
    ranked = sorted(state["fresh"], key=lambda thought: thought.value, reverse=True)
    good = [thought for thought in ranked if thought.value > settings.threshold]
    for thought in ranked[len(good) :]:
        _prune(run, settings, thought)
    way = state.get("way", Way()).deeper(good[: settings.max_children])
    while True:
        reached, way = step(run, way, settings.max_nodes)
        if reached is None:
            return {"way": way, "frontier": []}
        way = _noted(run, settings, state["question"], way, reached)
        if reached.depth < settings.depth:
            return {"way": way, "frontier": [reached]}


async def visit(state: TotState, runtime: Runtime[Run]) -> TotState:
    """Algorithm 2 where children come ranked, with them in `fresh` unless one was judged: on from that one, or next."""
    run, settings, fresh = runtime.context, Settings(runtime.context), state["fresh"]
    way, reached = state.get("way", Way()), state.get("reached")
    if reached is None:
        seen = {settings.problem.same(thought.state) for thought in way.visited} if settings.skip_known else set[str]()
        way = way.deeper([c for c in fresh if settings.problem.same(c.state) not in seen][: settings.max_children])
    else:
        way = _noted(run, settings, state["question"], way, fresh[0])
        if fresh[0].value <= settings.threshold:
            _prune(run, settings, fresh[0])
        elif fresh[0].depth < settings.depth and len(way.visited) < settings.max_nodes:
            return {"way": way, "frontier": fresh, "reached": None}
    thought, way = step(run, way, settings.max_nodes)
    return {"way": way, "frontier": [], "fresh": [] if thought is None else [thought], "reached": thought}


def _prune(run: Run, settings: Settings, thought: Thought) -> None:
    run.emit(Pruned, candidate=thought.id, reason=f"its value {thought.value:g} is not above {settings.threshold:g}")


def _noted(run: Run, settings: Settings, question: str, way: Way, thought: Thought) -> Way:
    way = way.seen(thought)
    if best_of(way.visited, by_value=not settings.ranked) == thought:
        run.draft(settings.problem.answer(question, thought.state))
    return way


async def finish(state: TotState, runtime: Runtime[Run]) -> TotState:
    run, settings = runtime.context, Settings(runtime.context)
    last = state.get("frontier", [])
    if settings.search == "dfs":
        visited = state.get("way", Way()).visited
        best = best_of(visited, by_value=not settings.ranked)
        last = [] if best is None else [best, *visited]
    finalists = [settings.problem.answer(state["question"], thought.state) for thought in last]
    if not finalists:
        run.warn("no_thought", "the backend named no thought that could be followed")
    return {"finalists": finalists, "answer": finalists[0] if finalists else NOTHING}


async def after_expand(state: TotState, runtime: Runtime[Run]) -> Literal["judge", "visit"]:
    return "visit" if Settings(runtime.context).ranked else "judge"


async def after_judge(state: TotState, runtime: Runtime[Run]) -> Literal["keep", "descend", "visit"]:
    settings = Settings(runtime.context)
    return "keep" if settings.search == "bfs" else "visit" if settings.ranked else "descend"


async def after_keep(state: TotState, runtime: Runtime[Run]) -> Literal["expand", "finish"]:
    frontier = state["frontier"]
    depth = frontier[0].depth if frontier else 0
    return "expand" if state["fresh"] and depth < Settings(runtime.context).depth else "finish"


async def after_descend(state: TotState, runtime: Runtime[Run]) -> Literal["expand", "finish"]:
    return "expand" if state["frontier"] else "finish"


async def after_visit(state: TotState, runtime: Runtime[Run]) -> Literal["expand", "judge", "finish"]:
    return "expand" if state["frontier"] else "judge" if state.get("reached") else "finish"


async def _children(
    run: Run, settings: Settings, question: str, parent: Thought, listed: Mapping[str, Sequence[str]]
) -> list[str]:
    """The new states; of a state that was reached before, in another order, those that it had then."""
    problem = settings.problem
    if (known := listed.get(problem.same(parent.state))) is not None:
        return [parent.state + added for added in known]
    prompt = problem.proposal(question, parent.state)
    if not prompt:
        return []
    asked = Message(role="user", content=prompt)
    named: dict[str, Any] = {"question": question, "temperature": TEMPERATURE}
    about = {"stage": "propose", "state": parent.state}
    subjects = ({**about, "sample": str(sample)} for sample in range(settings.samples))
    done = await asyncio.gather(*(run.ask(asked, subject=subject, **named) for subject in subjects))
    return problem.states(question, parent.state, [completion.message.content for completion in done])


NOTHING = "No answer was found."

graph = StateGraph(TotState, context_schema=Run)
for node in (expand, judge, keep, descend, visit, finish):
    graph.add_node(node)
graph.add_edge("__start__", "expand")
graph.add_conditional_edges("expand", after_expand)
graph.add_conditional_edges("judge", after_judge)
graph.add_conditional_edges("keep", after_keep)
graph.add_conditional_edges("descend", after_descend)
graph.add_conditional_edges("visit", after_visit)

pipeline = Pipeline(
    name="tot",
    summary="Search a tree of partial solutions that the model proposes and judges.",
    source="Yao et al. 2023, Tree of Thoughts: Deliberate Problem Solving with LLMs (arXiv:2305.10601)",
    options=TotOptions,
    graph=graph,
)
