"""Research: plan, search, compute, draw, and report with citations, where a person may change the plan first.

Source: the opening question of so-large-lm, chapter 13 (how the market of electric cars grew in ten years, and what it
did to environmental policy, with a chart), and its parts of an agent: planning, tools, a report from what they gave.

    plan -> review -> gather -> look -> compute -> draw -> write -> END
               |         |               |  ^      |  ^         compute, draw: once more after a failure, told why
               |         |               +--+      +--+
               |         +----------------------------> write   no table, no sandbox, or nothing planned for them
               +---------------------------------------> END    the person says no

The plan's questions are searched one by one. The tables are looked at, a query in SQL computes the figures, code in the
sandbox draws them, and the values are read off the chart itself and compared with what the query gave. The report's
markers are checked against the sources, like those of `rag`.
"""

from __future__ import annotations

import json
from asyncio import to_thread
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents import abstention
from agents import research_prompts as prompts
from agents.chart_check import compare
from agents.charts import READ_OFF, shown
from agents.citations import check
from agents.events import Plan
from agents.pipeline import Pipeline, State
from agents.research_options import Program, Query, ResearchOptions
from agents.research_plan import ResearchPlan, reviewed
from agents.research_tables import Table, missing, tables_of
from agents.run import Run
from agents.sources import as_sources, fence, fit, merge
from agents.structured import ask_json
from agents.tool_use import Done, offered, use
from backends.base import Message, ToolCall
from backends.errors import BadStructuredOutput
from retrieval.base import Hit

DEPTH = 50
"""Passages that are looked through for tables: those of a table read less like an answer than a text does."""
TOOL_OF = {"figures": "sql", "chart": "python"}


class ResearchState(State, total=False):
    plan: dict[str, object]
    """A ResearchPlan, as JSON."""
    hits: list[Hit]
    """Source n is hits[n - 1]."""
    tables: list[Table]
    parts: list[str]
    """What of the plan can be done beside the search: "figures", "chart"."""
    columns: str
    """What the tables hold, as `sql` describes them."""
    query: str
    """The SQL that gave the figures."""
    figures: str
    """What it gave, as text."""
    chart: str
    """What is known of the chart; not there: there is none."""
    series: list[dict[str, object]]
    """What it shows, as it was read off it: a label and values of each line, bars or dots."""
    tried: list[str]
    """Of the part under way: what failed so far, with the reason."""
    again: bool
    """It is to be tried once more."""


async def plan(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, options = runtime.context, runtime.context.options(ResearchOptions)
    try:
        made = await ask_json(
            run,
            Message(role="system", content=prompts.PLAN.format(most=options.max_questions)),
            *state["history"],
            Message(role="user", content=state["question"]),
            fits=ResearchPlan,
            question=state["question"],
        )
    except BadStructuredOutput as error:
        run.warn("no_plan", f"the question itself is the plan: {error}")
        made = ResearchPlan(questions=(state["question"],))
    if len(made.questions) > options.max_questions:
        left = made.questions[options.max_questions :]
        run.warn("plan_cut", f"left out, as more than {options.max_questions} questions: {'; '.join(left)}")
        made = made.model_copy(update={"questions": made.questions[: options.max_questions]})
    run.emit(Plan, steps=made.steps())
    return {"plan": made.model_dump(mode="json")}


async def review(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run = runtime.context
    if not run.options(ResearchOptions).review:
        return {}
    before = _plan(state)
    made, approval = await reviewed(run, before)
    if not approval.approved:
        said = prompts.refused(state["question"], approval.comment)
        run.say(said)
        return {"answer": said, "citations": []}
    if made != before:
        run.emit(Plan, steps=made.steps())
    return {"plan": made.model_dump(mode="json")}


async def gather(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, options, made = runtime.context, runtime.context.options(ResearchOptions), _plan(state)
    found = [await run.search(question, options.k) for question in made.questions]
    deep = await run.search(made.figures or made.chart, DEPTH) if made.figures or made.chart else []
    tables = tables_of(options.tables, deep)
    # Beside each list's best, the best passage of every table: its rows may be what the report rests on.
    rows = [hit for hit in deep if hit.file_id in {table["id"] for table in tables}]
    found += [deep[: options.k], list({hit.file_id: hit for hit in reversed(rows)}.values())]
    hits = fit(merge(found, options.k * len(found)), options.max_source_chars)
    parts = []
    for part, tool in TOOL_OF.items():
        if getattr(made, part) and (why := missing(run, options, tool, tables)):
            run.warn(f"no_{part}", why)
        elif getattr(made, part):
            parts.append(part)
    return {"hits": hits, "tables": tables, "parts": parts, "tried": []}


async def look(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, parts = runtime.context, state["parts"]
    if "sql" not in offered(run, run.options(ResearchOptions)):
        return {}
    done = await _use(run, "sql", {"files": _ids(state)}, "look")
    if done.fault is None:
        return {"columns": done.text}
    for part in parts:
        run.warn(f"no_{part}", f"the tables cannot be looked at: {done.text}")
    return {"parts": []}


async def compute(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, made, tried = runtime.context, _plan(state), state["tried"]
    wanted = prompts.compute(made.figures, state.get("columns", ""), tried)
    try:
        written = await ask_json(run, *_told(state, wanted), fits=Query, question=state["question"])
    except BadStructuredOutput as error:
        return _failed(run, "figures", [*tried, str(error)], final=True)
    done = await _use(run, "sql", {"query": written.query, "files": _ids(state)}, f"query_{len(tried) + 1}")
    if done.fault is None:
        return {"query": written.query, "figures": done.text, "tried": [], "again": False}
    trouble = prompts.trouble(written.query, done.text)
    return _failed(run, "figures", [*tried, trouble], final=done.fault == "denied")


async def draw(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, made, tried = runtime.context, _plan(state), state["tried"]
    wanted = prompts.draw(made.chart, _names(state), state.get("columns", ""), _figures(state), tried)
    try:
        written = await ask_json(run, *_told(state, wanted), fits=Program, question=state["question"])
    except BadStructuredOutput as error:
        return _failed(run, "chart", [*tried, str(error)], final=True)
    done = await _use(
        run, "python", {"code": f"{written.code}\n{READ_OFF}", "files": _ids(state)}, f"draw_{len(tried) + 1}"
    )
    printed, series = shown(done.text)
    if done.fault is not None or series is None:
        trouble = prompts.trouble(written.code, f"{printed}\n{'' if done.fault else prompts.NOTHING_DRAWN}".strip())
        return _failed(run, "chart", [*tried, trouble], final=done.fault == "denied")
    if "figures" in state:
        compare(run, series, state["figures"])
    else:
        run.warn("chart_unchecked", "no query gave figures, so nothing compares the chart with the tables")
    told = [one.model_dump(mode="json") for one in series]
    return {"chart": prompts.drawn(series, printed), "series": told, "tried": [], "again": False}


async def write(state: ResearchState, runtime: Runtime[Run]) -> ResearchState:
    run, hits = runtime.context, state["hits"]
    completion = await run.ask(
        Message(role="system", content=prompts.WRITE),
        *state["history"],
        Message(role="user", content=_material(state)),
        sources=as_sources(hits),
        question=state["question"],
        stream_to="answer",
        hold=abstention.may_abstain,
    )
    text = completion.message.content
    if abstention.abstains(text):
        text = abstention.sentence(state["question"])
        run.finish = "stop"
        run.warn("abstained", f"the answer is not in the documents: sources looked at: {len(hits)}")
        run.say(text)
        return {"answer": text, "citations": []}
    if abstention.may_abstain(text):
        run.say(text)
    citations, doubts = await to_thread(check, text, hits, state["question"])
    for doubt in doubts:
        run.warn(doubt.code, doubt.message)
    return {"answer": text, "citations": citations}


async def after_review(state: ResearchState) -> Literal["gather", "__end__"]:
    return "__end__" if "answer" in state else "gather"


async def after_gather(state: ResearchState) -> Literal["look", "write"]:
    return "look" if state["parts"] else "write"


async def after_look(state: ResearchState) -> Literal["compute", "draw", "write"]:
    return "compute" if "figures" in state["parts"] else _draw_or_write(state)


async def after_compute(state: ResearchState) -> Literal["compute", "draw", "write"]:
    return "compute" if state["again"] else _draw_or_write(state)


async def after_draw(state: ResearchState) -> Literal["draw", "write"]:
    return "draw" if state["again"] else "write"


def _draw_or_write(state: ResearchState) -> Literal["draw", "write"]:
    return "draw" if "chart" in state["parts"] else "write"


def _plan(state: ResearchState) -> ResearchPlan:
    return ResearchPlan.model_validate(state["plan"])


def _names(state: ResearchState) -> list[str]:
    return [table["name"] for table in state["tables"]]


def _ids(state: ResearchState) -> list[str]:
    return [table["id"] for table in state["tables"]]


def _figures(state: ResearchState) -> str:
    return prompts.figures(state["query"], state["figures"]) if "figures" in state else ""


def _told(state: ResearchState, wanted: str) -> tuple[Message, ...]:
    system = Message(role="system", content=prompts.DATA)
    return system, *state["history"], Message(role="user", content=f"{fence(state['hits'])}\n\n{wanted}")


def _material(state: ResearchState) -> str:
    """What the report is written from."""
    parts = [fence(state["hits"]), _figures(state), state.get("chart", "")]
    return "\n\n".join((*filter(None, parts), prompts.report(state["question"], _plan(state).questions)))


async def _use(run: Run, name: str, arguments: dict[str, object], id: str) -> Done:
    options = run.options(ResearchOptions)
    call = ToolCall(id=id, name=name, arguments=json.dumps(arguments, ensure_ascii=False))
    return await use(run, call, offered(run, options), options)


def _failed(run: Run, part: str, tried: list[str], *, final: bool) -> ResearchState:
    """What the state is after a failure: one more try if there is one left."""
    most = run.options(ResearchOptions).attempts
    if not final and len(tried) < most:
        return {"tried": tried, "again": True}
    run.warn(f"no_{part}", f"given up after {len(tried)} of at most {most} tries: {tried[-1]}")
    return {"tried": [], "again": False}


graph = StateGraph(ResearchState, context_schema=Run)
graph.add_node(plan)
graph.add_node(review)
graph.add_node(gather)
graph.add_node(look)
graph.add_node(compute)
graph.add_node(draw)
graph.add_node(write)
graph.add_edge("__start__", "plan")
graph.add_edge("plan", "review")
graph.add_conditional_edges("review", after_review)
graph.add_conditional_edges("gather", after_gather)
graph.add_conditional_edges("look", after_look)
graph.add_conditional_edges("compute", after_compute)
graph.add_conditional_edges("draw", after_draw)

pipeline = Pipeline(
    name="research",
    summary="Plan, search, compute from tables, draw a chart in the sandbox, and report with checked citations.",
    source="so-large-lm, chapter 13 (agents), its opening question",
    options=ResearchOptions,
    graph=graph,
    needs_collection=True,
    asks=True,
)
