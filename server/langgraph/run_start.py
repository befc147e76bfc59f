"""Where a run begins on its thread, and what it answers there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.approval import answered
from agents.errors import BadAnswer, BadUpdate
from agents.state_update import read_update
from server.errors import ApiError
from server.langgraph.messages import invalid
from server.langgraph.run_schema import Command, RunCreate, Send
from server.langgraph.updates import waist_of
from server.langgraph.values import as_json
from server.runs.order import Start
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Row

    from agents.pipeline import Pipeline
    from server.langgraph.snapshots import Snapshot
    from server.services import Services


def read_start(body: RunCreate, pipeline: Pipeline, base: Snapshot, *, forks: bool) -> Start:
    """`base`: the state that the run begins at; `forks`: it is not the thread's latest. Raises ApiError."""
    about: dict[str, Any] = {
        "checkpoint_id": base.checkpoint_id if forks else None,
        "interrupt_before": _steps(body.interrupt_before, "interrupt_before", pipeline),
        "interrupt_after": _steps(body.interrupt_after, "interrupt_after", pipeline),
    }
    if body.command is not None:
        if body.input is not None:
            raise invalid("input", "comes with 'command': give one of them")
        _same_pipeline(pipeline, base)
        return Start(command=_command(body.command, pipeline, base), **about)
    if body.input is None:
        if not base.exists:
            raise invalid("input", "is missing, and the thread has nothing to go on with")
        _same_pipeline(pipeline, base)
        return Start(continues=True, **about)
    return Start(**about)


async def answered_run(services: Services, tenant: str, base: Snapshot) -> Row[Any] | None:
    """The run that a state is of, which the new one goes on with."""
    run_id = base.metadata.get("run_id")
    return await services.database.read(lambda db: runs.get_run(db, tenant, run_id)) if run_id else None


def _same_pipeline(pipeline: Pipeline, base: Snapshot) -> None:
    if base.exists and base.pipeline.name != pipeline.name:
        message = f"This state is of the pipeline {base.pipeline.name!r}, which {pipeline.name!r} cannot go on with."
        raise ApiError(422, message, param="assistant_id", code="other_pipeline")


def _steps(given: str | Sequence[str] | None, where: str, pipeline: Pipeline) -> tuple[str, ...]:
    there = tuple(pipeline.graph.nodes)
    if given == "*":
        return there
    for name in given or ():
        _known_step(name, where, there)
    return tuple(given or ())


def _known_step(name: str, where: str, there: Sequence[str]) -> None:
    if name not in there:
        raise invalid(where, f"names {name!r}; the steps are {', '.join(there)}")


def _command(given: Command, pipeline: Pipeline, base: Snapshot) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "resume" in given.model_fields_set:
        _check_answer(given.resume, base)
        made["resume"] = given.resume
    if given.goto:
        steps = given.goto if isinstance(given.goto, list) else [given.goto]
        for step in steps:
            _known_step(step.node if isinstance(step, Send) else step, "command.goto", tuple(pipeline.graph.nodes))
        made["goto"] = [step.model_dump() if isinstance(step, Send) else step for step in steps]
    if given.update:
        made["update"] = as_json(read_changes(given.update, "command.update", pipeline, base))
    if not made:
        raise invalid("command", "is empty: it needs 'resume', 'update' or 'goto'")
    return made


def read_changes(
    given: Mapping[str, Any] | Sequence[Any], where: str, pipeline: Pipeline, base: Snapshot
) -> dict[str, Any]:
    """Changes of the state, by key or as pairs, in the state's own types; `messages` are the waist by another name."""
    try:
        keyed = dict(given)
    except (TypeError, ValueError):
        raise invalid(where, "must be an object, or a list of pairs of key and value") from None
    changes = waist_of(keyed, base, where)
    try:
        return read_update(pipeline, as_json(changes))
    except BadUpdate as error:
        raise ApiError(422, f"{where}: {error}.", param=f"{where}.{error.key}", code="invalid_value") from None


def _check_answer(answer: Any, base: Snapshot) -> None:
    """A wrong answer is refused here, so that the right one can still be given."""
    asked = {question.id: question.value for question in base.state.interrupts}
    where = "command.resume"
    if not asked:
        way_out = ": to go on after a breakpoint send neither input nor command" if base.state.next else ""
        raise ApiError(422, f"The thread waits for no answer{way_out}.", param=where, code="nothing_to_resume")
    by_id = isinstance(answer, dict) and bool(answer) and all(isinstance(k, str) and len(k) == 32 for k in answer)
    if by_id:
        for id in answer:
            if id not in asked:
                raise invalid(where, f"answers {id!r}; the questions are {', '.join(asked)}")
    elif len(asked) > 1:
        raise invalid(where, f"must say which question it answers, as {{id: answer}}; they are {', '.join(asked)}")
    answers = answer if by_id else dict.fromkeys(asked, answer)
    for id, given in answers.items():
        value = asked[id]
        if isinstance(value, Mapping) and set(value) == {"subject", "details"}:
            try:
                answered(given)
            except BadAnswer as error:
                raise ApiError(422, f"{where}: {error}.", param=where, code="invalid_answer") from None
