"""`sandtable plan`: a plan for a problem in PDDL, made by a planner and checked step by step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.options import finite, json_option
from server.cli.output import emit_json, plain, stdout_console

if TYPE_CHECKING:
    from tools.pddl.planning import Wanted

PDDL = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Plan for a PDDL domain and problem; check the plan.")
@click.argument("domain", type=PDDL, metavar="DOMAIN.pddl")
@click.argument("problem", type=PDDL, metavar="PROBLEM.pddl")
@click.option("--optimal", is_flag=True, help="A cheapest plan; slower.")
@click.option(
    "--time-limit", type=click.FloatRange(0, 86_400, min_open=True), callback=finite, default=60.0, show_default=True,
    help="Seconds after which the planner is stopped.",
)  # fmt: skip
@click.option("--engine", default="auto", show_default=True, help="A planner that unified-planning knows by this name.")
@click.option(
    "--memory-mb", type=click.IntRange(256), default=2048, show_default=True, help="Of each process of the planner."
)
@click.option(
    "--check", type=PDDL, metavar="PLAN", help="Do not plan, check the plan in this file: its steps, `(stack a b)`."
)
@json_option
def plan(
    domain: Path,
    problem: Path,
    *,
    optimal: bool,
    time_limit: float,
    engine: str,
    memory_mb: int,
    check: Path | None,
    as_json: bool,
) -> int:
    """Plan for a PDDL domain and problem; check the plan.

    The planner runs in a process of its own (`pip install 'sandtable[planner]'`); its plan is gone through step by step
    by another program. What is wrong with the PDDL ends the command with 2, no plan with 1.
    """
    from tools.pddl.errors import OF_THE_TEXT, PlanningError
    from tools.pddl.planning import Wanted

    try:
        if check is not None:
            return _report(_checked(_text(domain), _text(problem), _text(check)), as_json)
        wanted = Wanted(optimal=optimal, seconds=time_limit, engine=engine, memory_mb=memory_mb)
        return _report(_planned(_text(domain), _text(problem), wanted), as_json)
    except PlanningError as error:
        wrong = error.kind in OF_THE_TEXT
        raise CommandFailed(error.message, type="planning_error", code=error.kind, wrong_use=wrong) from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{str(path)!r} is not UTF-8 text: {error.reason} at byte {error.start}"
        raise CommandFailed(message, type="planning_error", code="syntax", wrong_use=True) from None


def _planned(domain: str, problem: str, wanted: Wanted) -> dict[str, Any]:
    """Raises PlanningError."""
    from tools.pddl.planning import plan as planned

    found = asyncio.run(planned(domain, problem, wanted))
    return {
        "plan": [str(step) for step in found.steps],
        "cost": found.cost,
        "valid": True,
        "optimal": found.optimal,
        "engine": found.engine,
        "seconds": round(found.seconds, 3),
    }


def _checked(domain: str, problem: str, plan: str) -> dict[str, Any]:
    """Raises PlanningError."""
    from tools.pddl.domain import read_domain
    from tools.pddl.plans import read_plan, validate
    from tools.pddl.problem import read_problem

    steps = read_plan(plan)
    verdict = validate(read_problem(problem, read_domain(domain)), steps)
    about = {"plan": [str(step) for step in steps], "cost": verdict.cost, "valid": verdict.valid}
    return about if verdict.valid else {**about, "reason": verdict.reason, "step": verdict.step}


def _report(found: dict[str, Any], as_json: bool) -> int:
    if as_json:
        emit_json(found)
        return 0 if found["valid"] else 1
    console = stdout_console()
    for step in found["plan"]:
        console.print(plain(step), soft_wrap=True)
    if not found["valid"]:
        console.print(f"Not a plan: {plain(found['reason'])}", soft_wrap=True)
        return 1
    how = ", and none is cheaper" if found.get("optimal") else ""
    steps = "1 step" if len(found["plan"]) == 1 else f"{len(found['plan'])} steps"
    by = f"; {found['engine']}, {found['seconds']:.2f} s" if "engine" in found else ""
    console.print(f"; {steps}, cost {found['cost']}{how}; every step is checked{by}", soft_wrap=True)
    return 0
