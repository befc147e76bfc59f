"""The seam to the experts of a plan: tools, pipelines, backends and addresses alike carry out one task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from agents.task_board import End
from agents.task_plan import Task, filled
from tools.registry.entry import Entry

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run


@dataclass(frozen=True)
class Job:
    task: Task
    entry: Entry
    ends: Mapping[int, End]
    """Of what it needs; all have results."""

    def args(self, *, as_json: bool = False) -> dict[str, Any]:
        """With the results in their places."""
        given: dict[str, Any] = filled(self.task.args, self.ends, as_json=as_json)
        return given

    def question(self) -> str:
        """The arguments for whoever reads text: the one that is called text or question, else all of them."""
        args = self.args()
        if len(args) == 1:
            (only,) = args.values()
            return only if isinstance(only, str) else json.dumps(only, ensure_ascii=False)
        return "\n".join(
            f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
            for name, value in args.items()
        )


class Failed(Exception):
    """The task has no result; the message is the reason, for the answer."""


class Expert(Protocol):
    async def __call__(self, run: Run, options: HuggingGPTOptions, job: Job, runtime: Runtime[Run]) -> str:
        """The result. To be called once in a step of a graph. Raises Failed; LimitReached and GraphInterrupt pass."""
        ...
