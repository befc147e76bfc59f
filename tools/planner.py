"""A classical planner as a tool: PDDL in, a checked plan out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tools.base import tool
from tools.pddl.planning import Wanted
from tools.pddl.planning import plan as planned

MOST_SECONDS = 600.0


@tool(read_only=True, seconds=MOST_SECONDS + 10, max_chars=200_000)
async def planner(
    domain: Annotated[str, Field(min_length=1, description="The domain in PDDL: (define (domain ...) ...).")],
    problem: Annotated[str, Field(min_length=1, description="The problem in PDDL: (define (problem ...) ...).")],
    optimal: Annotated[bool, Field(description="Whether the plan must be a cheapest one; slower.")] = False,
    time_limit: Annotated[float, Field(gt=0, le=MOST_SECONDS, description="Seconds after which to give up.")] = 30.0,
    engine: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.\-\[\]]{1,60}$", description="A planner by name; auto: Fast Downward.")
    ] = "auto",
) -> dict[str, Any]:
    """Find the actions that lead from a problem's beginning to its goal.

    The plan is made by a classical planner and checked against the domain, action by action. Of PDDL it reads STRIPS
    with types, constants, negative preconditions, equality and action costs.
    """
    found = await planned(domain, problem, Wanted(optimal=optimal, seconds=time_limit, engine=engine))
    return {
        "plan": [str(step) for step in found.steps],
        "cost": found.cost,
        "optimal": found.optimal,
        "engine": found.engine,
        "seconds": round(found.seconds, 3),
    }
