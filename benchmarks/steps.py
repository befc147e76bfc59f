"""What it costs that a run survives the process: durable steps against the same graph without a checkpointer."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.run import Deps, RunInput, Sampling
from agents.spending import Limits
from agents.stream import stream
from backends.scripted import Scripted
from benchmarks.harness import Report, median
from server.ids import new_uuid
from server.runs.order import Order
from server.services import Services
from server.settings import load_settings
from server.wiring import running
from tests.server.step_pipeline import StepOptions, pipeline

STEPS = 200
ROUNDS = 5
RUNS, SHORT, PAUSE = 200, 8, 0.02
"""Of the crowd: so many runs at once of so many steps of so many seconds, four to a thread."""


async def bare(steps: int) -> float:
    """Seconds of a run that nothing keeps."""
    deps = Deps(backend=Scripted([]), options=StepOptions(steps=steps, pause=0.0), limits=Limits())
    began = time.perf_counter()
    async for _ in stream(pipeline, RunInput(question="?"), deps, run_id=new_uuid()):
        pass
    return time.perf_counter() - began


async def order_of(services: Services, options: StepOptions, thread_id: str) -> Order:
    return Order(
        tenant="default",
        pipeline=pipeline,
        options=options,
        input=RunInput(question="?"),
        sampling=Sampling(),
        limits=Limits(),
        backend=await services.backends.get("extractive"),
        collection=None,
        run_id=new_uuid(),
        thread_id=thread_id,
        kind="langgraph",
    )


async def durable(services: Services, options: StepOptions, thread_id: str) -> list[str]:
    """Submit a run, follow it to its end; the types of its events."""
    order = await order_of(services, options, thread_id)
    await services.runs.submit(order)
    return [type async for _, type, _ in services.events.follow(order.run_id, 0)]


def stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.sqlite3*"))


async def crowd(services: Services) -> Mapping[str, float]:
    threads = [new_uuid() for _ in range(RUNS // 4)]
    options = StepOptions(steps=SHORT, pause=PAUSE)
    began = time.perf_counter()
    told = await asyncio.gather(*(durable(services, options, threads[n % len(threads)]) for n in range(RUNS)))
    seconds = time.perf_counter() - began
    finished = sum(types[-1] == "run_finished" and types.count("step_finished") == SHORT for types in told)
    return {"finished": finished, "seconds": seconds, "steps_per_s": RUNS * SHORT / seconds}


async def measure(folder: Path) -> dict[str, Any]:
    settings = load_settings(
        data_dir=folder, backend="extractive", pipelines={"steps": "tests.server.step_pipeline:pipeline"}
    )
    async with running(settings) as (services, _):
        long = StepOptions(steps=STEPS, pause=0.0)
        await durable(services, StepOptions(steps=3, pause=0.0), new_uuid())
        await bare(3)
        before, kept, passing = stored(folder), [], []
        for _ in range(ROUNDS):
            passing.append(await bare(STEPS) / STEPS)
            began = time.perf_counter()
            await durable(services, long, new_uuid())
            kept.append((time.perf_counter() - began) / STEPS)
        size = (stored(folder) - before) / (ROUNDS * STEPS)
        return {"bare": median(passing), "durable": median(kept), "bytes": size, **await crowd(services)}


def run() -> Report:
    with tempfile.TemporaryDirectory(prefix="sandtable-bench-") as folder:
        figures = asyncio.run(measure(Path(folder)))
    figures["ratio"] = figures["durable"] / figures["bare"]
    rows = [
        ["a step that nothing keeps", f"{figures['bare'] * 1000:.2f} ms"],
        ["a durable step (checkpoint, events)", f"{figures['durable'] * 1000:.2f} ms, {figures['ratio']:.1f} x"],
        ["stored for a step", f"{figures['bytes'] / 1024:.1f} KiB"],
        [f"{RUNS} runs at once of {SHORT} steps of {PAUSE * 1000:.0f} ms", f"{figures['finished']} finished"],
        ["their steps together", f"{figures['steps_per_s']:.0f} a second"],
    ]
    return Report(
        name="steps",
        title="Durable runs: the cost of a step",
        method=(
            f"The same graph of {STEPS} empty steps without a checkpointer and as a durable run, {ROUNDS} rounds in "
            "turns; the size is that of all databases, with their write-ahead logs. The state is a count and an answer "
            "that grows by a few characters a step."
        ),
        columns=("what", "measured"),
        rows=rows,
        figures=figures,
    )
