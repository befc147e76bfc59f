"""What tools cost: one call by itself, and a run that calls so many side by side, beside a run that calls none."""

from __future__ import annotations

import asyncio
import json
import time

from agents import catalog
from agents.run import Deps, RunInput
from agents.stream import stream
from backends.base import ToolCall
from backends.scripted import Reply, Scripted
from benchmarks.harness import Report, median
from tools.base import Context
from tools.perform import perform
from tools.toolbox import Toolbox

RUNS = 200
WARM = 20
SIDE_BY_SIDE = (0, 1, 4, 16)
EXPRESSION = "(1249.50 - 1080) / 1080 * 100"


def backend(calls: int) -> Scripted:
    """A model that calls the calculator so many times at once, and then answers."""
    made = tuple(
        ToolCall(id=f"call_{n}", name="calculator", arguments=json.dumps({"expression": f"{n} + {EXPRESSION}"}))
        for n in range(calls)
    )
    first = [Reply(tool_calls=made, results=0)] if made else []
    return Scripted([*first, Reply(text="Done.", results=calls)])


async def one_call() -> float:
    """Seconds."""
    began = time.perf_counter()
    outcome = await perform(Toolbox()["calculator"], json.dumps({"expression": EXPRESSION}), Context())
    assert outcome.fault is None, outcome
    return time.perf_counter() - began


async def one_run(model: Scripted) -> float:
    """Seconds."""
    began = time.perf_counter()
    deps = Deps(backend=model)
    async for event in stream(catalog.get("function_calling"), RunInput(question="?"), deps, run_id="r"):
        last = event
    assert last.type == "run_finished", last
    return time.perf_counter() - began


async def measure() -> dict[str, float]:
    models = {calls: backend(calls) for calls in SIDE_BY_SIDE}
    found: dict[str, list[float]] = {"call": [], **{f"run_{calls}": [] for calls in SIDE_BY_SIDE}}
    for _ in range(WARM + RUNS):
        found["call"].append(await one_call())
        for calls, model in models.items():
            found[f"run_{calls}"].append(await one_run(model))
    return {name: median(times[WARM:]) for name, times in found.items()}


def run() -> Report:
    figures = asyncio.run(measure())
    rows = [["one call of the calculator", f"{figures['call'] * 1000:.2f} ms"]]
    rows += [[f"a run with {n} calls", f"{figures[f'run_{n}'] * 1000:.1f} ms"] for n in SIDE_BY_SIDE]
    return Report(
        name="tools",
        title="Tools: the cost of a call",
        method=(
            f"`function_calling` with a script for a model and nothing stored, {RUNS} runs each in turns: what is "
            "measured is checking arguments, the thread of the tool, and two steps more than in a run without "
            "calls."
        ),
        columns=("what", "median"),
        rows=rows,
        figures=figures,
    )
