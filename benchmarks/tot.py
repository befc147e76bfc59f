"""Many searches at once: whether they wait for the model and for nothing else."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import catalog
from agents.run import RunInput, Sampling
from agents.spending import Limits
from backends.base import Delta, Request
from backends.scripted import Scripted
from benchmarks.harness import Report, median
from server.ids import new_uuid
from server.runs.order import Order
from server.services import Services
from server.settings import load_settings
from server.wiring import running

RUNS = 100
PAUSE = 0.02
"""Seconds that the model takes for a call."""
ROUNDS = 3
SLACK = 1.2
ALONE = 20
"""Runs one after the other, that say what a step costs."""
TOT = catalog.get("tot")
EQUATIONS = ("1 + 2 = 3", "2 * 4 = 8", "7 - 1 = 6", "8 - 4 = 4", "4 / 2 = 2")


@dataclass(frozen=True)
class Case:
    title: str
    question: str
    options: dict[str, Any]
    critical: int
    """Calls that have to wait for each other."""


CASES = (
    Case("`text`: 20 calls, 4 of them one after the other", "How do bees find home?", {}, 4),
    Case("`game24`, b = 5: 246 calls, 8 of them one after the other", "1 2 4 7", {"problem": "game24"}, 8),
)


def reply(request: Request) -> str:
    stage, state = request.subject["stage"], request.subject.get("state", "")
    if stage == "vote":
        return f"The best choice is {1 + int(request.subject['sample']) % 2}"
    if stage == "value":
        return "likely"
    sample, level = int(request.subject["sample"]), state.count("\n")
    if request.question != "1 2 4 7":
        return f"thought {sample}"
    # Other numbers at each place, so that no prompt is like another.
    mark = sum(map(ord, state)) % 97
    return "\n".join(f"{line} (left: {mark} {level} {n})" for n, line in enumerate(EQUATIONS))


class Paced:
    """A script that takes its time for each call, as a model does."""

    def __init__(self, pause: float) -> None:
        self.calls, self._pause, self._script = 0, pause, Scripted(reply, name="scripted:paced")
        self.name, self.capabilities = self._script.name, self._script.capabilities

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        self.calls += 1
        if self._pause:
            await asyncio.sleep(self._pause)
        async for delta in self._script.stream(request):
            yield delta


async def one(services: Services, case: Case, backend: Paced) -> int:
    """A run as a request makes it, with all it stores; its steps."""
    order = Order(
        tenant="default",
        pipeline=TOT,
        options=TOT.options(**case.options),
        input=RunInput(question=case.question),
        sampling=Sampling(),
        limits=Limits(model_calls=None),
        backend=backend,
        collection=None,
        run_id=new_uuid(),
        thread_id=new_uuid(),
    )
    types = [event.type async for event in services.runs.execute(order)]
    if types[-1] != "run_finished":
        raise RuntimeError(f"a run ended with {types[-1]}")
    return types.count("step_finished")


async def measure(services: Services, case: Case) -> dict[str, float]:
    walls: list[float] = []
    works: list[float] = []
    costs: list[float] = []
    await one(services, case, Paced(0.0))
    backend, steps = Paced(PAUSE), 0
    for _ in range(ROUNDS):
        began = time.process_time()
        steps = sum([await one(services, case, backend) for _ in range(ALONE)])
        costs.append((time.process_time() - began) / steps)
        began, worked = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(services, case, Paced(PAUSE)) for _ in range(RUNS)))
        walls.append(time.perf_counter() - began)
        works.append(time.process_time() - worked)
    critical, cost = case.critical * PAUSE, median(costs)
    bound = SLACK * critical + RUNS * steps / ALONE * cost
    return {
        "calls": backend.calls / ROUNDS / ALONE,
        "steps": steps / ALONE,
        "critical": critical,
        "step_ms": cost * 1000,
        "wall": median(walls),
        "cpu": median(works),
        "bound": bound,
        "share": median(walls) / bound,
    }


async def measure_all(folder: Path) -> list[dict[str, float]]:
    settings = load_settings(data_dir=folder, backend="extractive")
    async with running(settings) as (services, _):
        return [await measure(services, case) for case in CASES]


def run() -> Report:
    with tempfile.TemporaryDirectory(prefix="sandtable-bench-") as folder:
        found = asyncio.run(measure_all(Path(folder)))
    rows = [
        [
            case.title,
            f"{one['steps']:.0f}",
            f"{one['critical'] * 1000:.0f} ms",
            f"{one['step_ms']:.2f} ms",
            f"{one['bound']:.2f} s",
            f"{one['wall']:.2f} s ({one['cpu']:.2f} s)",
            f"{one['share']:.2f}",
        ]
        for case, one in zip(CASES, found, strict=True)
    ]
    return Report(
        name="tot",
        title=f"{RUNS} searches of `tot` at once",
        method=(
            f"{RUNS} runs begin together, each call of the scripted model takes {PAUSE * 1000:.0f} ms, and all they do "
            f"is stored. The bound is {SLACK} times the critical path (calls that must wait for each other) and what "
            "the steps of all runs cost: the CPU time of the same runs one after the other. One process works on one "
            f"core; medians of {ROUNDS} rounds in turns. Other work on the machine makes the wall time longer, not the "
            "bound."
        ),
        columns=(
            "search",
            "steps of a run",
            "critical path",
            "cost of a step",
            "bound",
            "wall time (CPU)",
            "of the bound",
        ),
        rows=rows,
        figures={case.options.get("problem", "text"): one for case, one in zip(CASES, found, strict=True)},
    )
