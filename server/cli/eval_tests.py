"""The tests of tasks whose answers are programs: run in the service's sandbox, once for each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.tasks.base import Item, Task, Verdict
    from server.cli.api import Api


async def outputs_of(api: Api, task: Task, item: Item, answers: Sequence[str]) -> dict[str, str]:
    """What came of the tests of each answer; of other tasks nothing. Raises CommandFailed."""
    from agents.tasks.base import Tested
    from agents.tasks.exam import examined

    outputs: dict[str, str] = {}
    if not isinstance(task, Tested):
        return outputs
    for answer in dict.fromkeys(answers):
        outputs[answer] = await examined(task.exam(item, answer), partial(_ran, api))
    return outputs


async def _ran(api: Api, code: str) -> str:
    from server.cli.failure import CommandFailed

    ran = await api.call("POST", "/v1/tools/python/call", json={"arguments": {"code": code}})
    if ran["fault"] == "refused":
        raise CommandFailed(f"the answers' tests cannot be run: {ran['output']}", code="sandbox_required")
    return str(ran["output"])


def verdict_of(task: Task, item: Item, row: Mapping[str, Any], answer: str) -> Verdict:
    """`row`: what was kept of the item's run."""
    from agents.tasks.base import Tested

    if isinstance(task, Tested):
        return task.verdict(item, answer, row["outputs"].get(answer, ""))
    return task.check(item, answer, row["finalists"] if answer == row["answer"] else ())
