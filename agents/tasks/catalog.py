"""Every task by name."""

from __future__ import annotations

from importlib import import_module

from agents.tasks.base import Task, UnknownTask

TASKS = {
    "game24": "agents.tasks.game24:Game24",
    "crosswords": "agents.tasks.crosswords:Crosswords",
    "gsm8k": "agents.tasks.gsm8k:Gsm8k",
    "pddl": "agents.tasks.pddl:Pddl",
    "closed-wiki": "agents.tasks.closed_wiki:ClosedWiki",
    "humaneval": "agents.tasks.humaneval:HumanEval",
    "mbpp": "agents.tasks.mbpp:Mbpp",
    "persona": "agents.tasks.persona:PersonaProbes",
    "bfcl": "agents.tasks.bfcl:Bfcl",
    "fever": "agents.tasks.fever:Fever",
}


def get(name: str) -> Task:
    """Raises UnknownTask."""
    if name not in TASKS:
        raise UnknownTask(f"there is no task {name!r}; there are {', '.join(TASKS)}")
    module, _, attribute = TASKS[name].partition(":")
    task: Task = getattr(import_module(module), attribute)()
    return task
