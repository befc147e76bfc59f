"""Planning in a process of its own: what it answers, what it says when it cannot; it leaves nothing running."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tools.planning_texts import COST, DOMAIN, PLAN, PROBLEM
from tools.base import Context
from tools.pddl.errors import PlanningError
from tools.pddl.planning import Wanted, plan
from tools.pddl.plans import read_plan
from tools.perform import perform
from tools.toolbox import Toolbox

STUCK = """
import subprocess, sys
from tools.pddl import worker

def stuck(job):
    child = worker._InThisGroup(["sleep", "1000"], start_new_session=True)
    with open(sys.argv[1], "w") as file:
        file.write(f"{child.pid}\\n")
    child.wait()

worker._planned = stuck
worker.main()
"""
"""The worker with an engine that never ends."""


def python(code, *arguments):
    return (sys.executable, "-c", code, *map(str, arguments))


def answering(outcome):
    return python(f"import sys; sys.stdin.readline(); print({json.dumps(outcome)!r})")


async def refused(*command, wanted=Wanted(), problem=PROBLEM):
    with pytest.raises(PlanningError) as caught:
        await plan(DOMAIN, problem, wanted, **({"command": command} if command else {}))
    return caught.value


async def written(path):
    async with asyncio.timeout(30):
        while not path.exists() or not path.read_text().endswith("\n"):
            await asyncio.sleep(0.01)
    return int(path.read_text())


def _process(pid):
    """(its parent, whether it still runs, its command line); None if it is not there."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(parent), state != "Z", Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None


async def gone(pid):
    """Waits for it: a process that was killed is there until its new parent has noticed."""
    async with asyncio.timeout(30):
        while (found := _process(pid)) is not None and found[1]:
            await asyncio.sleep(0.01)


async def test_an_engines_plan_is_checked_not_believed():
    steps = [[step.action, *step.arguments] for step in read_plan(PLAN)]
    good = await plan(DOMAIN, PROBLEM, Wanted(), command=answering({"plan": steps, "engine": "e"}))
    assert (good.cost, good.engine, [str(step) for step in good.steps]) == (COST, "e", PLAN.splitlines())
    error = await refused(*answering({"plan": steps[1:], "engine": "e"}))
    assert (error.kind, "e gave a plan that does not hold: step 1" in error.message) == ("invalid_plan", True)


async def test_wrong_pddl_starts_no_process():
    error = await refused("/nonexistent", problem=PROBLEM.replace("(in cup", "(inn cup"))
    assert error.kind == "unknown"


async def test_without_unified_planning_it_says_how_to_get_it():
    error = await refused(*python("import sys; sys.modules['unified_planning'] = None\n"
                                  "from tools.pddl.worker import main; main()"))  # fmt: skip
    assert error.kind == "engine_missing"
    assert "pip install 'sandtable[planner]'" in error.message


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (python("pass"), "engine_failed"),
        (python("print('x' * 100)"), "engine_failed"),
        (python("from tools.pddl import worker\n"
                "def full(job): raise MemoryError\n"
                "worker._planned = full; worker.main()"), "out_of_memory"),
        (python("from tools.pddl import worker\n"
                "def broken(job): raise KeyError('x')\n"
                "worker._planned = broken; worker.main()"), "engine_failed"),
    ],
)  # fmt: skip
async def test_a_planner_that_breaks_is_an_outcome(command, kind):
    assert (await refused(*command)).kind == kind


async def test_the_time_limit_holds():
    async with asyncio.timeout(20):
        error = await refused(*python("import time; time.sleep(1000)"), wanted=Wanted(seconds=0.2))
    assert (error.kind, error.message) == ("timed_out", "no plan within 0.2 seconds; give it more time")


async def test_what_the_engine_started_ends_with_it(tmp_path):
    planning = asyncio.create_task(
        plan(DOMAIN, PROBLEM, Wanted(), command=python(STUCK, tmp_path / "pid"))
    )  # fmt: skip
    pid = await written(tmp_path / "pid")
    planning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await planning
    await gone(pid)


async def test_who_is_killed_leaves_no_engine_behind(tmp_path):
    program = f"""
import asyncio, sys
from tests.tools.planning_texts import DOMAIN, PROBLEM
from tools.pddl.planning import Wanted, plan
asyncio.run(plan(DOMAIN, PROBLEM, Wanted(), command={python(STUCK, tmp_path / "pid")!r}))
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    pid = await written(tmp_path / "pid")
    parent.kill()
    await parent.wait()
    await gone(pid)


async def test_a_memory_limit_holds():
    code = (
        "from tools.pddl import worker\n"
        "worker._planned = lambda job: {'plan': [], 'engine': str(len(bytes(1 << 30)))}\n"
        "worker.main()"
    )
    error = await refused(*python(code), wanted=Wanted(memory_mb=512))
    assert (error.kind, error.message) == ("out_of_memory", "planning needs more than 512 MiB")


@pytest.mark.slow
@pytest.mark.parametrize("optimal", [True, False])
async def test_fast_downward_plans_with_types_constants_negation_equality_and_costs(optimal):
    found = await plan(DOMAIN, PROBLEM, Wanted(optimal=optimal))
    assert found.optimal is optimal
    assert found.cost == COST
    assert [step.action for step in found.steps] == ["go", "take", "go", "unlock", "go", "take"]


@pytest.mark.slow
async def test_without_a_metric_a_plan_costs_its_steps():
    found = await plan(DOMAIN, PROBLEM.replace("(:metric minimize (total-cost))", ""), Wanted(optimal=True))
    assert found.cost == len(found.steps) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(in k1 kitchen)", ""),  # nothing opens the cellar
        ("(= (way hall cellar) 5)", ""),  # a way without a length cannot be gone
    ],
)
@pytest.mark.parametrize("optimal", [True, False])
async def test_a_problem_without_a_plan_is_told(old, new, optimal):
    error = await refused(problem=PROBLEM.replace(old, new), wanted=Wanted(optimal=optimal))
    assert error.kind == "unsolvable"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (Wanted(engine="nosuch"), "engine_missing", "there is no engine 'nosuch': pip install"),
        (Wanted(engine="sequential_simulator"), "engine_missing", "does not plan"),
        (Wanted(engine="fast-downward", optimal=True), "unsupported", "does not promise optimal plans"),
    ],
)
async def test_engines_are_known_by_name(wanted, kind, said):
    error = await refused(wanted=wanted)
    assert error.kind == kind
    assert said in error.message


@pytest.mark.slow
async def test_another_engine_by_name():
    found = await plan(DOMAIN, PROBLEM, Wanted(engine="fast-downward-opt", optimal=True))
    assert (found.cost, found.engine) == (COST, "fast-downward-opt")


@pytest.mark.slow
async def test_the_tool_says_plan_and_cost():
    given = {"domain": DOMAIN, "problem": PROBLEM, "optimal": True}
    outcome = await perform(Toolbox()["planner"], json.dumps(given), Context())
    assert outcome.fault is None, outcome
    found = json.loads(outcome.text)
    assert (found["plan"], found["cost"], found["optimal"]) == (PLAN.splitlines(), COST, True)


@pytest.mark.slow
def test_a_planner_that_is_stopped_leaves_no_process(tmp_path):
    """The real engine, while it searches: 16 blocks are more than A* gets through in seconds."""
    names = [f"b{n}" for n in range(16)]
    tower = " ".join(f"(on {a} {b})" for a, b in pairwise(names))
    shuffled = names[::2] + names[1::2]
    goal = " ".join(f"(on {a} {b})" for a, b in pairwise(shuffled))
    (tmp_path / "problem.pddl").write_text(
        f"(define (problem hard) (:domain blocks) (:objects {' '.join(names)} - block) (:init {tower}"
        f" (on-table {names[-1]}) (clear {names[0]}) (hand-empty)) (:goal (and {goal})))"
    )
    domain = ROOT / "agents" / "domains" / "blocks" / "domain.pddl"
    command = [sys.executable, "-m", "server.cli.main", "plan", domain, tmp_path / "problem.pddl", "--optimal"]
    running = subprocess.Popen([*command, "--json"], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ})
    search = asyncio.run(_searching(running.pid))
    running.send_signal(signal.SIGKILL)
    running.communicate()
    asyncio.run(gone(search))


async def _searching(parent):
    """The process of Fast Downward's search below `parent`."""
    async with asyncio.timeout(60):
        while True:
            below = {parent}
            for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
                found = _process(pid)
                if found is not None and found[0] in below:
                    below.add(pid)
                    if "bin/downward\0" in found[2]:
                        return pid
            await asyncio.sleep(0.05)
