"""Which experts a plan may use here: those of a registry, or the service's own tools, pipelines and model.

A listing is a call like one of a tool, in the trace with its outcome, so that a replay needs no registry.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from agents import catalog
from agents.errors import BadPipeline, UnknownPipeline
from agents.task_experts.endpoint import call_name
from agents.task_experts.model import OWN
from agents.task_plan import Form
from agents.tool_use import offered
from backends.base import ToolCall
from backends.extractive import Extractive
from tools.errors import ToolError
from tools.perform import Outcome
from tools.registry.base import ranked
from tools.registry.entry import Entry

if TYPE_CHECKING:
    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run

TASKS_OF_TOOL = {
    "calculator": "arithmetic",
    "units": "unit-conversion",
    "calendar": "date-calculation",
    "translate": "translation",
    "qa": "question-answering",
    "search": "passage-retrieval",
    "wikipedia": "encyclopedia-lookup",
    "fetch_url": "web-page-reading",
    "sql": "table-querying",
    "python": "code-execution",
    "planner": "planning",
}
"""A tool of the user's own is a type of task by its name."""
TASKS_OF_PIPELINE = {"rag": "document-question-answering", "cot": "reasoning"}
TASKS_OF_MODEL = ("summarization", "text-generation", "text-classification", "translation", "conversational")
TEXT = {"text": "What it is to work on."}


class NoRegistry(Exception):
    """The message says which there are."""


async def forms_of(run: Run, options: HuggingGPTOptions) -> dict[str, Form]:
    """What each type of task takes, of the types that have an expert here. Raises NoRegistry."""
    found = await _called(run, options, {}, "registry")
    return {task: Form.model_validate(form) for task, form in found["tasks"].items()}


async def candidates(run: Run, options: HuggingGPTOptions, task: str, id: int) -> list[Entry]:
    """The first of those for a type of task, best first. Raises NoRegistry."""
    found = await _called(run, options, {"task": task, "top": options.top}, f"registry_{id}")
    return [Entry.model_validate(one["entry"]) for one in found["experts"]]


async def _called(run: Run, options: HuggingGPTOptions, about: dict[str, Any], id: str) -> dict[str, Any]:
    arguments = json.dumps({"registry": options.registry, **about}, ensure_ascii=False)
    call = ToolCall(id=id, name="registry", arguments=arguments)

    async def listed(_key: str) -> Outcome:
        try:
            entries = there(run, options)
        except ToolError as error:
            return Outcome(str(error), fault="refused")
        if "task" not in about:
            types = dict.fromkeys(task for entry in entries for task in entry.tasks)
            forms = {task: _form(run, options, ranked(entries, task)[0]).model_dump(mode="json") for task in types}
            return Outcome(json.dumps({"tasks": forms}, ensure_ascii=False))
        best = ranked(entries, about["task"])[: about["top"]]
        return Outcome(json.dumps({"experts": [_told(run, options, one) for one in best]}, ensure_ascii=False))

    outcome = await run.call(call, listed)
    if outcome.fault is not None:
        raise NoRegistry(outcome.text)
    found: dict[str, Any] = json.loads(outcome.text)
    return found


def there(run: Run, options: HuggingGPTOptions) -> list[Entry]:
    """All experts that can be called here; those of the request go before those of the registry. Raises ToolError."""
    if options.registry is None:
        listed: Sequence[Entry] = built_in(run, options)
    elif run.deps.reach.registries is None:
        raise ToolError(f"there is no registry {options.registry!r}, and none else")
    else:
        listed = run.deps.reach.registries.entries(options.registry)
    own, tools = {entry.id: entry for entry in options.experts}, offered(run, options)
    everyone = (*own.values(), *(one for one in listed if one.id not in own))
    return [entry for entry in everyone if _can_be_called(run, tools, entry)]


def built_in(run: Run, options: HuggingGPTOptions) -> list[Entry]:
    """The tools that may be called, the pipelines of the options, and the run's own model."""
    entries = [
        Entry(
            id=name, tasks=(TASKS_OF_TOOL.get(name, name),), tool=name,
            description=tool.spec.description.partition("\n\n")[0],
        )
        for name, tool in offered(run, options).items()
    ]  # fmt: skip
    for name in options.pipelines:
        task = TASKS_OF_PIPELINE.get(name, name)
        entries.append(Entry(id=name, tasks=(task,), pipeline=name, description=catalog.get(name).summary, args=TEXT))
    if run.deps.backend.name != Extractive.name:
        told = "The language model itself, by its own knowledge."
        entries.append(Entry(id="model", tasks=TASKS_OF_MODEL, backend=OWN, description=told, args=TEXT))
    return entries


def _can_be_called(run: Run, tools: Collection[str], entry: Entry) -> bool:
    match entry.kind():
        case "tool":
            return entry.tool in tools
        case "pipeline":
            try:
                pipeline = catalog.get(entry.pipeline or "")
            except (UnknownPipeline, BadPipeline):
                return False
            able = all(getattr(run.deps.backend.capabilities, need) for need in pipeline.needs)
            return able and (run.deps.retriever is not None or not pipeline.needs_collection)
        case "backend":
            return entry.backend == OWN or entry.id in run.deps.equipment
        case "url":
            return run.deps.reach.web is not None or run.deps.reach.registries is not None
        case None:
            return False


def asks_person(run: Run, options: HuggingGPTOptions, entry: Entry) -> bool:
    """Whether it may stop to ask a person."""
    match entry.kind():
        case "tool":
            named = options.approve == "all" or (entry.tool or "") in options.approve
            return named or needs_approval(run, entry)
        case "url":
            return entry.approve or options.approve == "all" or call_name(entry) in options.approve
        case "pipeline":
            return catalog.get(entry.pipeline or "").asks
        case _:
            return False


def needs_approval(run: Run, entry: Entry) -> bool:
    """Of a tool. A replay goes by its listing alone: its tools are known from what was asked of a person anywhere,
    within another pipeline for example."""
    tool = run.deps.tools.get(entry.tool or "") if run.deps.answers is None else None
    return entry.approve or (tool is not None and tool.needs_approval)


def _form(run: Run, options: HuggingGPTOptions, entry: Entry) -> Form:
    """What a type of task takes is what the first of its experts takes."""
    if entry.tool is None or entry.args:
        # What one model is good at does not say what its type of task is.
        about = entry.line(100) if entry.pipeline is not None else ""
        return Form(args=entry.args, required=tuple(entry.args), description=about)
    schema = run.deps.tools[entry.tool].spec.parameters
    args = {name: _described(one) for name, one in schema.get("properties", {}).items()}
    return Form(args=args, required=tuple(schema.get("required", ())), description=entry.line(100))


def _described(schema: Any) -> str:
    told = schema.get("description", "") if isinstance(schema, dict) else ""
    values = schema.get("enum") if isinstance(schema, dict) else None
    return f"{told} One of {', '.join(map(str, values))}.".strip() if values else str(told)


def _told(run: Run, options: HuggingGPTOptions, entry: Entry) -> dict[str, Any]:
    """With what a replay has to know of a tool; a description is cut, published ones have up to 42,000 characters."""
    asks = entry.approve or (entry.tool is not None and run.deps.tools[entry.tool].needs_approval)
    short = entry.model_copy(update={"description": entry.line(300), "approve": asks})
    told: dict[str, Any] = {"entry": short.model_dump(mode="json", exclude_defaults=True)}
    if entry.tool is not None:
        spec = run.deps.tools[entry.tool].spec
        told["expert"] = {
            "kind": "tool", "name": spec.name, "description": spec.description, "parameters": dict(spec.parameters),
        }  # fmt: skip
    return told
