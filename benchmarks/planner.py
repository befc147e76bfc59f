"""The planner on the problems of LLM+P: optimal plans against the costs that are known, and any plan for the rest."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import Item
from agents.tasks.pddl import Pddl
from benchmarks.harness import Report, median
from tools.pddl.errors import PlanningError
from tools.pddl.planning import Wanted, plan

SECONDS = {True: 400.0, False: 60.0}
"""Of an optimal plan, and of any plan."""


async def one(item: Item, optimal: bool) -> tuple[int | None, float, str]:
    """The plan's cost if there is one, seconds, and the kind of failure."""
    began = time.perf_counter()
    try:
        found = await plan(item.gold.domain, item.gold.problem, Wanted(optimal=optimal, seconds=SECONDS[optimal]))
    except PlanningError as error:
        return None, time.perf_counter() - began, error.kind
    return found.cost, time.perf_counter() - began, ""


def measured(items: Sequence[Item], optimal: bool) -> dict[str, Any]:
    found = [(item, *asyncio.run(one(item, optimal))) for item in items]
    return {
        "problems": len(items),
        "solved": sum(cost is not None for _, cost, _, _ in found),
        "equal": sum(cost == item.gold.cost for item, cost, _, _ in found if item.gold.cost is not None),
        "known": sum(item.gold.cost is not None for item in items),
        "median_s": median([seconds for _, _, seconds, _ in found]) if found else 0.0,
        "longest_s": max((seconds for _, _, seconds, _ in found), default=0.0),
        "failed": {item.id: kind for item, _, _, kind in found if kind},
    }


def run(data: Path) -> Report:
    domains: dict[str, list[Item]] = defaultdict(list)
    for item in Pddl().items(data / "llm_pddl"):
        domains[item.id.partition("/")[0]].append(item)
    rows, figures = [], {}
    for name, items in domains.items():
        best = measured([item for item in items if item.gold.cost is not None], True)
        any_plan = measured(items, False)
        figures[name] = {"optimal": best, "any": any_plan}
        rows.append(
            [
                name,
                f"{best['equal']} of {best['problems']}" if best["problems"] else "-",
                f"{best['median_s']:.1f} / {best['longest_s']:.1f}" if best["problems"] else "-",
                f"{any_plan['solved']} of {any_plan['problems']}",
                f"{any_plan['equal']} of {any_plan['known']}" if any_plan["known"] else "-",
                f"{any_plan['median_s']:.1f} / {any_plan['longest_s']:.1f}",
            ]
        )
    return Report(
        name="planner",
        title="Planning: the problems of LLM+P",
        method=(
            "The true problems of Liu et al. 2023, p01 to p10 of each domain, by Fast Downward through "
            f"unified-planning; optimal with {SECONDS[True]:.0f} s, any plan with {SECONDS[False]:.0f} s. Each plan is "
            "checked by our own validator, and its cost is counted there. The known optima are in the data. Seconds "
            "are those of a whole call, with the start of a process (1 to 2 s). Tyreworld's domain names three objects "
            "that only its problems declare; they are declared as constants here."
        ),
        columns=("domain", "optimal: cost = optimum", "s, median / longest", "any plan: solved", "= optimum", "s"),
        rows=rows,
        figures=figures,
    )
