"""HuggingGPT: the model plans tasks that need each other's results, experts carry them out, the model answers from all.

Source: Shen et al. 2023, HuggingGPT (arXiv:2303.17580).

    plan -> choose (each task) -> gather -> work (each task) -> gather -> ... -> respond -> END
       \\-> respond                                              no task is needed, or no plan can be used

An expert is a tool, a pipeline, a backend or an address, from a registry that lists it for types of task. Those of a
type are ranked by downloads, and the model chooses among the first. The steps `work` of one round begin together and
wait for each other on a board, so that a task runs as soon as what it needs is there; only a task that may stop to ask
a person waits for the end of the round before, and what needs it for the end of its own. A task that fails, fails what
needs its result, and the answer says so. Where the paper and its code differ from this: docs/hugginggpt.md.
"""

from __future__ import annotations

import json
from asyncio import Semaphore
from collections.abc import Mapping
from operator import add
from typing import Annotated, Any, Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from agents import hugginggpt_prompts as prompts
from agents.events import Plan, Validated
from agents.hugginggpt_options import NAME, HuggingGPTOptions
from agents.pipeline import Pipeline, State
from agents.run import Run
from agents.structured import ask_json
from agents.task_board import Board, End
from agents.task_choice import Choice, chosen
from agents.task_experts.base import Failed, Job
from agents.task_experts.listing import NoRegistry, asks_person, forms_of
from agents.task_experts.work import EXPERTS
from agents.task_facts import TaskFailed, TaskFinished, TaskStarted
from agents.task_graph import waiting_behind
from agents.task_past import ends_before
from agents.task_plan import Task, plan_type
from backends.base import Message
from backends.errors import BadStructuredOutput
from tools.registry.entry import Entry


class HuggingGPTState(State, total=False):
    tasks: list[Task]
    fault: str
    """Why there is no plan."""
    choices: Annotated[list[Choice], add]
    ends: Annotated[list[End], add]


class Todo(TypedDict):
    """One task, as a step of its own is given it."""

    task: dict[str, Any]
    """A Task, as JSON."""
    entry: dict[str, Any] | None
    """An Entry, as JSON; None: none could be chosen."""
    reason: str
    ends: list[dict[str, Any]]
    """An End each, as JSON: of what it needs, as far as they are of earlier rounds."""
    round: int


async def plan(state: HuggingGPTState, runtime: Runtime[Run]) -> HuggingGPTState:
    run, options = runtime.context, runtime.context.options(HuggingGPTOptions)
    try:
        forms = await forms_of(run, options)
    except NoRegistry as error:
        return _without(run, str(error))
    if not forms:
        return _without(run, "there is no expert that can be called here")
    try:
        made: Any = await ask_json(
            run,
            Message(role="system", content=prompts.plan(forms, options.max_tasks)),
            *state["history"],
            Message(role="user", content=state["question"]),
            fits=plan_type(forms, options.max_tasks),
            question=state["question"],
            subject={"stage": "plan"},
            temperature=0.0,
        )
    except BadStructuredOutput as error:
        return _without(run, "; ".join(error.problems) or str(error))
    tasks = [Task.model_validate(task.model_dump()) for task in made.tasks]
    run.emit(Plan, steps=tuple(task.line() for task in tasks))
    run.emit(Validated, what="plan", ok=True, message=f"{len(tasks)} tasks")
    return {"tasks": tasks}


def _without(run: Run, fault: str) -> HuggingGPTState:
    run.emit(Validated, what="plan", ok=False, message=fault)
    run.warn("no_plan", f"the model answers by itself: {fault}")
    return {"tasks": [], "fault": fault}


async def choose(state: Todo, runtime: Runtime[Run]) -> HuggingGPTState:
    run, options = runtime.context, runtime.context.options(HuggingGPTOptions)
    async with run.shared.setdefault("choosing", Semaphore(options.width)):
        return {"choices": [await chosen(run, options, Task.model_validate(state["task"]))]}


async def gather(state: HuggingGPTState, runtime: Runtime[Run]) -> HuggingGPTState:
    """The end of a round."""
    return {}


async def work(state: Todo, runtime: Runtime[Run]) -> HuggingGPTState:
    run, options = runtime.context, runtime.context.options(HuggingGPTOptions)
    width = options.width if run.deps.turn is None else options.max_tasks
    board: Board = run.shared.setdefault(f"tasks {state['round']}", Board(width))
    for end in (*map(End.model_validate, state["ends"]), *ends_before(run)):
        board.tell(end)
    task = Task.model_validate(state["task"])
    entry = None if state["entry"] is None else Entry.model_validate(state["entry"])
    name = entry.id if entry is not None else ""

    async def perform(ends: Mapping[int, End]) -> End:
        if entry is None:
            return End(task=task.id, failed=state["reason"])
        job, expert = Job(task, entry, ends), entry.kind()
        told = json.dumps(job.args(), ensure_ascii=False)
        if run.deps.turn is not None:
            await run.deps.turn(TaskStarted)
        run.emit(TaskStarted, task=task.id, task_type=task.task, expert=name, needs=task.needs(), args=told)
        try:
            assert expert is not None, "only experts that can be called are chosen"
            return End(task=task.id, text=await EXPERTS[expert](run, options, job, runtime))
        except Failed as error:
            return End(task=task.id, failed=str(error) or "it gave no reason")

    end = await board.work(task.id, task.needs(), perform)
    if end.failed:
        run.emit(
            TaskFailed, task=task.id, task_type=task.task, expert=name, reason=end.failed, because_of=end.because_of
        )  # fmt: skip
    else:
        run.emit(TaskFinished, task=task.id, task_type=task.task, expert=name, text=end.text)
    # What there is so far, for a run that is cut short.
    lines: dict[int, str] = run.shared.setdefault("lines", {})
    lines[task.id] = prompts.line(run.input.question, task, name, end)
    run.draft("\n".join(lines[id] for id in sorted(lines)))
    return {"ends": [end]}


async def respond(state: HuggingGPTState, runtime: Runtime[Run]) -> HuggingGPTState:
    run, options, question = runtime.context, runtime.context.options(HuggingGPTOptions), state["question"]
    tasks, ends, experts = state["tasks"], {end.task: end for end in state.get("ends", [])}, _experts(state)
    told = f"{prompts.results(tasks, experts, ends)}\n\n{question}" if tasks else question
    completion = await run.ask(
        Message(role="system", content=prompts.RESPOND if tasks else prompts.DIRECT),
        *state["history"],
        Message(role="user", content=told),
        question=question,
        stream_to="answer",
        subject={"stage": "respond"},
    )
    rest = ""
    if options.report and tasks:
        rest = prompts.report(question, tasks, experts, ends)
    elif options.report and state.get("fault"):
        rest = prompts.no_plan(question, state["fault"])
    run.say(rest)
    return {"answer": completion.message.content + rest, "citations": []}


async def after_plan(state: HuggingGPTState) -> list[Send] | Literal["respond"]:
    return [_send("choose", task) for task in state["tasks"]] or "respond"


async def after_gather(state: HuggingGPTState, runtime: Runtime[Run]) -> list[Send] | Literal["respond"]:
    """The tasks of the next round: those that nobody has to be asked for, and those whose needs are there already."""
    run, options = runtime.context, runtime.context.options(HuggingGPTOptions)
    ends, choices = {end.task: end for end in state.get("ends", [])}, {one.task: one for one in state["choices"]}
    left = {task.id: task for task in state["tasks"] if task.id not in ends}
    asking = {id for id in left if (entry := choices[id].entry) is not None and asks_person(run, options, entry)}
    later = {id for id in asking if any(need in left for need in left[id].needs())}
    later |= waiting_behind(asking, {id: task.needs() for id, task in left.items()})
    return [_send("work", task, choices[id], ends) for id, task in left.items() if id not in later] or "respond"


def _send(step: str, task: Task, choice: Choice | None = None, ends: Mapping[int, End] | None = None) -> Send:
    there, entry = ends or {}, choice.entry if choice is not None else None
    todo = Todo(
        task=task.model_dump(mode="json"),
        entry=None if entry is None else entry.model_dump(mode="json"),
        reason=choice.reason if choice is not None else "",
        ends=[there[need].model_dump(mode="json") for need in task.needs() if need in there],
        round=len(there),
    )
    return Send(step, todo)


def _experts(state: HuggingGPTState) -> dict[int, str]:
    return {one.task: one.entry.id for one in state.get("choices", []) if one.entry is not None}


graph = StateGraph(HuggingGPTState, context_schema=Run)
for node in (plan, choose, gather, work, respond):
    graph.add_node(node)
graph.add_edge("__start__", "plan")
graph.add_conditional_edges("plan", after_plan, ["choose", "respond"])
graph.add_edge("choose", "gather")
graph.add_conditional_edges("gather", after_gather, ["work", "respond"])
graph.add_edge("work", "gather")

pipeline = Pipeline(
    name=NAME,
    summary="Plan tasks that build on each other, choose an expert for each, carry them out at once, answer from all.",
    source="Shen et al. 2023, HuggingGPT: Solving AI Tasks with ChatGPT and its Friends in Hugging Face "
    "(arXiv:2303.17580)",
    options=HuggingGPTOptions,
    graph=graph,
    asks=True,
)
