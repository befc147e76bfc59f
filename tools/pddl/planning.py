"""Plans for problems in PDDL, made by a planner in a process of its own and checked step by step here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.pddl.domain import read_domain
from tools.pddl.errors import PlanningError
from tools.pddl.plans import validate
from tools.pddl.problem import read_problem
from tools.pddl.values import Problem, Step

SECONDS = 60.0
MEMORY_MB = 2048
NO_ENGINE: Final = "none: the goal holds already"
LONGEST_REPLY: Final = 16 << 20
_ROOT: Final = Path(__file__).resolve().parent.parent.parent
WORKER: Final = (sys.executable, "-m", "tools.pddl.worker")


@dataclass(frozen=True)
class Wanted:
    optimal: bool = False
    seconds: float = SECONDS
    """Of the planner, until it is stopped with all it started."""
    engine: str = "auto"
    """A name that unified-planning knows; `auto` is Fast Downward: A* with LM-cut, or LAMA for any plan."""
    memory_mb: int = MEMORY_MB
    """Address space of each of its processes (Linux)."""


@dataclass(frozen=True)
class Planned:
    steps: tuple[Step, ...]
    cost: int
    """The sum of the actions' costs if the problem minimises total-cost, else how many they are."""
    optimal: bool
    """Whether the engine promises that no plan costs less."""
    engine: str
    seconds: float


async def plan(domain: str, problem: str, wanted: Wanted, *, command: Sequence[str] = WORKER) -> Planned:
    """A plan that holds. `command`: another program that speaks the worker's protocol. Raises PlanningError."""
    began = time.perf_counter()
    known = await asyncio.to_thread(lambda: read_problem(problem, read_domain(domain)))
    if validate(known, ()).valid:
        return Planned((), 0, True, NO_ENGINE, time.perf_counter() - began)
    with tempfile.TemporaryDirectory(prefix="sandtable-plan-") as folder:
        job = {
            "domain": domain, "problem": problem, "engine": wanted.engine, "optimal": wanted.optimal,
            "memory_mb": wanted.memory_mb, "seconds": wanted.seconds, "folder": folder,
        }  # fmt: skip
        outcome = await _outcome(command, job, wanted)
    if "kind" in outcome:
        raise PlanningError(outcome["kind"], outcome["message"])
    steps = tuple(Step(name, tuple(arguments)) for name, *arguments in outcome["plan"])
    return _checked(known, steps, wanted.optimal, outcome["engine"], time.perf_counter() - began)


def _checked(problem: Problem, steps: tuple[Step, ...], optimal: bool, engine: str, seconds: float) -> Planned:
    verdict = validate(problem, steps)
    if not verdict.valid:
        raise PlanningError("invalid_plan", f"{engine} gave a plan that does not hold: {verdict.reason}")
    return Planned(steps, verdict.cost, optimal, engine, seconds)


async def _outcome(command: Sequence[str], job: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    # A group of its own: whatever the engine starts in turn is ended with it.
    worker = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=_ROOT, start_new_session=True, limit=LONGEST_REPLY
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(wanted.seconds):
            worker.stdin.write(json.dumps(job).encode() + b"\n")
            await worker.stdin.drain()
            line = await worker.stdout.readline()
        outcome: dict[str, Any] = json.loads(line)
        return outcome
    except TimeoutError:
        raise PlanningError("timed_out", f"no plan within {wanted.seconds:g} seconds; give it more time") from None
    except (ValueError, ConnectionError):
        message = f"the planner's process ended without a word: killed, or out of its {wanted.memory_mb} MiB of memory"
        raise PlanningError("engine_failed", message) from None
    finally:
        await _ended(worker)


async def _ended(worker: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)
    # Also reads what is left in the pipe, without which the transport would stay open.
    await asyncio.shield(worker.communicate())
