"""A model that answers HuggingGPT's stages, and what a test asks of a run of it."""

import json
from dataclasses import dataclass, field

from agents import catalog
from agents.hugginggpt_options import HuggingGPTOptions
from agents.run import Deps
from backends.scripted import Scripted
from tools import catalog as tools
from tools.base import Context
from tools.web import Page

HUGGINGGPT = catalog.get("hugginggpt")
TOOLBOX = {name: tools.get(name) for name in tools.TOOLS}


def task(id, kind, dep=(), **args):
    return {"task": kind, "id": id, "dep": list(dep), "args": args}


@dataclass
class Model:
    """Says the plan, chooses as told, does what a task asks by repeating it, and answers "All done."."""

    plans: list = field(default_factory=list)
    """One after the other; lists of tasks, or text as it is."""
    choices: dict = field(default_factory=dict)
    """By the number of a task; else the first."""
    asked: list = field(default_factory=list)

    def __call__(self, request):
        self.asked.append(request)
        stage = request.subject.get("stage")
        if stage == "plan":
            plan = self.plans[min(len(self.of("plan")), len(self.plans)) - 1]
            return plan if isinstance(plan, str) else json.dumps({"tasks": plan})
        if stage == "choose":
            chosen = self.choices.get(int(request.subject["task"]))
            return chosen if isinstance(chosen, str) else json.dumps(chosen)
        if stage == "work":
            return f"done: {request.messages[-1].content}"
        return "All done."

    def of(self, stage):
        return [request for request in self.asked if request.subject.get("stage") == stage]


class FakeWeb:
    """A `tools.web.Web` that answers each address with a status and a body, and keeps what was sent."""

    def __init__(self, **answers):
        self.answers = answers
        self.sent = []

    async def send(self, method, url, headers=None, body=b""):
        self.sent.append((method, url, dict(headers or {}), json.loads(body)))
        status, text = self.answers[url.rpartition("/")[2]]
        return Page(url, status, {"content-type": "application/json"}, text.encode())


def deps(model, *, toolbox=TOOLBOX, shelf=None, reach=None, equipment=None, **options):
    return Deps(
        backend=Scripted(model, "fake:planner"),
        tools=toolbox,
        retriever=shelf,
        reach=reach or Context(),
        equipment=equipment or {},
        options=HuggingGPTOptions.model_validate(options),
    )


def ends(told):
    """Task -> its result, or `!` and why it has none."""
    found = {event.task: event.text for event in told if event.type == "task_finished"}
    return found | {event.task: f"!{event.reason}" for event in told if event.type == "task_failed"}


def began(told):
    return [(event.task, event.expert) for event in told if event.type == "task_started"]
