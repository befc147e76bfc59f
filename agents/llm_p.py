"""LLM+P: the model puts the problem into PDDL, a classical planner solves it, the plan is checked, the model tells it.

Source: Liu et al. 2023, LLM+P: Empowering Large Language Models with Optimal Planning Proficiency (arXiv:2304.11477).

    formulate -> solve -> tell -> END
        ^          \\-> give_up -> END
        +- solve       once, with what the planner said, if the PDDL is what is wrong

The model never plans. It sees one worked example of the domain (a problem in words, and in PDDL) and not the domain
itself, as in the authors' code, whose prompt leaves it out; `show_domain` puts it in, and without an example there is
nothing else. The plan is gone through step by step by a validator of our own, against the domain and the problem as the
model wrote it: whether that is the problem that was meant, only a task with the true problem can check (`sandtable eval
pddl`). Departures: the paper has no repair, its code does not tell the plan in words (a comment says: for want of
tokens), and its planner is Fast Downward's portfolio for 200 seconds, here A* with LM-cut or LAMA's first search.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field, field_validator

from agents import planning_domain
from agents.errors import PlannerMissing
from agents.events import Plan, Validated
from agents.pipeline import Options, Pipeline, State
from agents.planning_domain import PlanningExample
from agents.planning_text import listing, pddl_in, without_plan
from agents.run import Run
from backends.base import Message, ToolCall
from tools.base import Context
from tools.pddl.errors import OF_THE_TEXT, PlanningError
from tools.perform import Outcome, perform
from tools.planner import MOST_SECONDS

MENDABLE = frozenset({*OF_THE_TEXT, "unsolvable"})
"""A problem without a solution is most often one that the model misread."""


class LlmPOptions(Options):
    domain: str = Field(
        "blocks",
        max_length=200_000,
        description=f"What can be done: {', '.join(planning_domain.BUILT_IN)}, or a domain of your own as PDDL text.",
    )
    example: PlanningExample | None = Field(
        None, description="A worked problem, {text, problem}; null: the built-in domain's own, for PDDL text none."
    )
    show_domain: bool = Field(
        False, description="Whether the model sees the domain too; without an example it does in any case."
    )
    search: Literal["optimal", "satisficing"] = Field(
        "optimal", description="A cheapest plan, or the first one that is found, which is faster."
    )
    time_limit: float = Field(200.0, gt=0, le=MOST_SECONDS, description="Seconds of the planner; the paper's are 200.")
    engine: str = Field(
        "auto",
        pattern=r"^[A-Za-z0-9_.\-\[\]]{1,60}$",
        description="A planner that unified-planning knows by this name; auto: Fast Downward.",
    )
    tell: Literal["both", "words", "plan"] = Field(
        "both", description="The answer: the plan in the model's words, the plan as it was checked, or both."
    )

    @field_validator("domain")
    @classmethod
    def _is_a_domain(cls, value: str) -> str:
        try:
            return planning_domain.known(value)
        except PlanningError as error:
            raise ValueError(str(error)) from None


class LlmPState(State, total=False):
    reply: str
    """The model's last one, with the problem in it."""
    problem: str
    """In PDDL."""
    tries: int
    fault: str
    """Why there is no plan, `kind: message`; empty: there is one."""
    steps: list[str]
    found: dict[str, Any]
    """What the planner says of the plan: cost, optimal, engine."""


async def formulate(state: LlmPState, runtime: Runtime[Run]) -> LlmPState:
    run, options = runtime.context, runtime.context.options(LlmPOptions)
    domain, example = planning_domain.load(options.domain, options.example)
    parts = [EXAMPLE.format(text=example.text, problem=example.problem)] if example else []
    if options.show_domain or example is None:
        parts.append(DOMAIN.format(domain=domain.strip()))
    prompt = Message(role="user", content="\n\n".join((*parts, PROBLEM.format(question=state["question"]))))
    before = (*state["history"], prompt)
    if state.get("tries", 0):
        asked = MEND.format(fault=state["fault"])
        before = (*before, Message(role="assistant", content=state["reply"]), Message(role="user", content=asked))
    tries = state.get("tries", 0) + 1
    subject = {"stage": "formulate", "try": str(tries)}
    completion = await run.ask(*before, question=state["question"], subject=subject, temperature=0.0)
    reply = completion.message.content
    return {"reply": reply, "problem": pddl_in(reply), "tries": tries}


async def solve(state: LlmPState, runtime: Runtime[Run]) -> LlmPState:
    run, options = runtime.context, runtime.context.options(LlmPOptions)
    if not state["problem"]:
        return _without(run, "syntax: the reply holds no (define (problem ...) ...)")
    given = {
        "domain": planning_domain.load(options.domain, options.example).pddl,
        "problem": state["problem"],
        "optimal": options.search == "optimal",
        "time_limit": options.time_limit,
        "engine": options.engine,
    }
    call = ToolCall(id=f"plan_{state['tries']}", name="planner", arguments=json.dumps(given, ensure_ascii=False))

    async def act(key: str) -> Outcome:
        return await perform(run.deps.tools["planner"], call.arguments, Context(key=key))

    outcome = await run.call(call, act)
    if outcome.fault is not None:
        return _without(run, outcome.text if outcome.fault == "refused" else f"{outcome.fault}: {outcome.text}")
    found = json.loads(outcome.text)
    steps = found.pop("plan")
    run.emit(Plan, steps=tuple(steps))
    run.emit(Validated, what="plan", ok=True, message=f"every step can be done, the goal holds; cost {found['cost']}")
    run.draft(listing(state["question"], steps, found))
    return {"steps": steps, "found": found, "fault": ""}


def _without(run: Run, fault: str) -> LlmPState:
    """Raises PlannerMissing."""
    kind, _, message = fault.partition(": ")
    if kind == "engine_missing":
        raise PlannerMissing(message)
    run.emit(Validated, what="plan" if kind == "invalid_plan" else "problem", ok=False, message=fault)
    return {"fault": fault}


async def tell(state: LlmPState, runtime: Runtime[Run]) -> LlmPState:
    run, options = runtime.context, runtime.context.options(LlmPOptions)
    checked = listing(state["question"], state["steps"], state["found"])
    if options.tell == "plan" or not state["steps"]:
        return {"answer": checked}
    prompt = TELL.format(question=state["question"], steps="\n".join(state["steps"]))
    asked = Message(role="user", content=prompt)
    completion = await run.ask(
        asked, question=state["question"], subject={"stage": "tell"}, temperature=0.0, stream_to="answer"
    )
    words = completion.message.content
    if not words.strip():
        run.warn("no_words", "the model did not tell the plan; it is given as it was checked")
    rest = "" if options.tell == "words" and words.strip() else f"\n\n{checked}" if words else checked
    run.say(rest)
    return {"answer": words + rest}


async def give_up(state: LlmPState, runtime: Runtime[Run]) -> LlmPState:
    runtime.context.warn("no_plan", state["fault"])
    return {"answer": without_plan(state["question"], state["fault"])}


async def after_solve(state: LlmPState) -> Literal["tell", "formulate", "give_up"]:
    if not state["fault"]:
        return "tell"
    mendable = state["fault"].partition(": ")[0] in MENDABLE
    return "formulate" if mendable and state["tries"] < 2 else "give_up"


EXAMPLE = (
    "A planning problem in words:\n{text}\n\nThe same problem in PDDL, with nothing in it but what the words say:\n"
    "{problem}"
)
DOMAIN = "The domain in PDDL:\n{domain}"
PROBLEM = (
    "Put this planning problem into PDDL in the same way. Name every object in (:objects), with ASCII names, say all "
    "that holds at the beginning in (:init), and write the (define (problem ...) ...) alone, without the domain and "
    "without a plan.\n\n{question}"
)
MEND = (
    "The planner cannot use this:\n{fault}\n\nWrite the whole (define (problem ...) ...) again, put right, and nothing "
    "else."
)
TELL = (
    "These steps of a plan solve the problem below. Tell them in words, in the language of the problem, one sentence "
    "for each step and in the same order; add nothing and leave nothing out.\n\nProblem: {question}\n\nSteps:\n{steps}"
)

graph = StateGraph(LlmPState, context_schema=Run)
for node in (formulate, solve, tell, give_up):
    graph.add_node(node)
graph.add_edge("__start__", "formulate")
graph.add_edge("formulate", "solve")
graph.add_conditional_edges("solve", after_solve)

pipeline = Pipeline(
    name="llm_p",
    summary="Put a planning problem into PDDL, have a classical planner solve it, check the plan and tell it in words.",
    source="Liu et al. 2023, LLM+P: Empowering Large Language Models with Optimal Planning Proficiency "
    "(arXiv:2304.11477)",
    options=LlmPOptions,
    graph=graph,
)
