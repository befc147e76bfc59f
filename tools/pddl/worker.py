"""The process that plans, once: `python -m tools.pddl.worker`. A job is a line of JSON on stdin, its outcome one on
stdout. The end of stdin ends the process with all that it started: who is killed leaves no engine behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from threading import Thread
from typing import Any, Final

from tools.pddl.domain import read_domain
from tools.pddl.errors import PlanningError
from tools.pddl.problem import read_problem

SATISFICING = "fast-downward"
INSTALL = "pip install 'sandtable[planner]'"
# Seconds of processor time beyond the limit, after which the kernel ends what nobody stopped.
_GRACE: Final = 10


def main() -> None:
    # Engines may print: the reply keeps the real stdout for itself.
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    Thread(target=_end_with_stdin, daemon=True).start()
    tempfile.tempdir = job["folder"]
    os.chdir(job["folder"])
    _limit(job["memory_mb"], job["seconds"])
    try:
        outcome = _planned(job)
    except PlanningError as error:
        outcome = {"kind": error.kind, "message": error.message}
    except MemoryError:
        outcome = {"kind": "out_of_memory", "message": f"planning needs more than {job['memory_mb']} MiB"}
    except Exception as error:
        outcome = {"kind": "engine_failed", "message": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
    reply.write(json.dumps(outcome) + "\n")
    reply.flush()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


class _InThisGroup(subprocess.Popen[Any]):
    """unified-planning starts engines in sessions of their own, where nobody would find them to end them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        named.pop("start_new_session", None)
        super().__init__(*arguments, **named)


def _limit(memory_mb: int, seconds: float) -> None:
    if sys.platform != "linux":
        return
    import resource

    wanted = {
        resource.RLIMIT_AS: memory_mb * 2**20,
        resource.RLIMIT_CPU: int(seconds) + _GRACE,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in wanted.items():
        _, hard = resource.getrlimit(limit)
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (lower, hard))


def _planned(job: dict[str, Any]) -> dict[str, Any]:
    """Raises PlanningError."""
    domain = read_domain(job["domain"])
    problem = read_problem(job["problem"], domain)
    up = _unified_planning()
    from tools.pddl.engine_model import EngineModel

    model = EngineModel(problem, shortest=job["optimal"])
    searches = _searches(up, job["engine"], job["optimal"], job["seconds"])
    subprocess.Popen = _InThisGroup  # type: ignore[misc]
    status = up.engines.PlanGenerationResultStatus
    for name, engine in searches:
        if not engine.supports(model.problem.kind):
            raise PlanningError("unsupported", f"{name} does not plan for problems of this kind")
        result = engine.solve(model.problem)
        if result.plan is not None and result.status in (status.SOLVED_OPTIMALLY, status.SOLVED_SATISFICING):
            return {"plan": [[step.action, *step.arguments] for step in model.steps(result.plan)], "engine": name}
        failed = _failed(status, result, name, job["memory_mb"])
        if failed.kind not in ("timed_out", "out_of_memory"):
            break
    raise failed


def _unified_planning() -> Any:
    """Raises PlanningError if it is not installed."""
    try:
        import unified_planning
        import unified_planning.shortcuts
    except ImportError as error:
        raise PlanningError("engine_missing", f"planning needs unified-planning ({error}): {INSTALL}") from None
    unified_planning.environment.get_environment().credits_stream = None
    return unified_planning


def _searches(up: Any, wanted: str, optimal: bool, seconds: float) -> list[tuple[str, Any]]:
    """Engines by what they are called, to be tried one after the other. Raises PlanningError."""
    if wanted != "auto":
        return [(wanted, _engine(up, wanted, optimal, {}))]
    if not optimal:
        return [("Fast Downward, LAMA's first search", _engine(up, SATISFICING, False, {}))]
    # LM-cut sees farthest, and costs most for each state: where that does not pay, as in Barman (15 s of processor time
    # against more than 60), A* without a heuristic gets there, so it has what is left after a third of the time.
    lmcut = {
        "fast_downward_search_config": "astar(lmcut())",
        "fast_downward_search_time_limit": f"{max(1, int(seconds / 3))}s",
    }
    blind = {"fast_downward_search_config": "astar(blind())"}
    return [
        ("Fast Downward, A* with LM-cut", _engine(up, SATISFICING, False, lmcut)),
        ("Fast Downward, A* without a heuristic", _engine(up, SATISFICING, False, blind)),
    ]


def _engine(up: Any, name: str, optimal: bool, settings: dict[str, str]) -> Any:
    """Raises PlanningError for one that is not there, or that does not promise what is asked."""
    from unified_planning.exceptions import UPException

    factory = up.environment.get_environment().factory
    if name not in factory.engines:
        ours = name.startswith(SATISFICING)
        how = INSTALL if ours else f"pip install the package of unified-planning that has it (up-{name}, for example)"
        planners = [one for one in factory.engines if factory.engine(one).is_oneshot_planner()]
        raise PlanningError(
            "engine_missing", f"there is no engine {name!r}: {how}; there are {', '.join(planners) or 'none'}"
        )
    kind = factory.engine(name)
    if not kind.is_oneshot_planner():
        raise PlanningError("engine_missing", f"the engine {name!r} does not plan")
    if optimal and not kind.satisfies(up.engines.OptimalityGuarantee.SOLVED_OPTIMALLY):
        raise PlanningError("unsupported", f"the engine {name!r} does not promise optimal plans; leave optimal out")
    try:
        return factory.OneshotPlanner(name=name, params=settings)
    except UPException as error:
        raise PlanningError("engine_missing", f"the engine {name!r} cannot be used: {error}") from None


def _failed(status: Any, result: Any, engine: str, memory_mb: int) -> PlanningError:
    match result.status:
        case status.UNSOLVABLE_PROVEN:
            return PlanningError("unsolvable", "no plan leads from :init to :goal; the search has seen all there is")
        case status.UNSOLVABLE_INCOMPLETELY:
            return PlanningError("unsolvable", f"{engine} found no plan; it does not prove that there is none")
        case status.TIMEOUT:
            return PlanningError("timed_out", f"{engine} gave up on time")
        case status.MEMOUT:
            return PlanningError("out_of_memory", f"{engine} needs more than {memory_mb} MiB")
        case status.UNSUPPORTED_PROBLEM:
            return PlanningError("unsupported", f"{engine} does not plan for problems of this kind")
    said = " ".join(" ".join(log.message for log in result.log_messages or ()).split())[-300:]
    return PlanningError("engine_failed", f"{engine} ended as {result.status.name}: {said}")


if __name__ == "__main__":
    main()
