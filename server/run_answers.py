"""A run by itself, and the answer that one which waits for a person goes on with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection, Row

from agents.approval import answered
from agents.errors import BadAnswer
from agents.events import EVENT, RunInterrupted
from server.errors import ApiError, bad_request, not_found
from server.ids import new_uuid
from server.openai.schema import Body, Json
from server.runs.order import Start, order_from
from server.runs.runs import AnsweredAlready
from server.services import Services, services_of, tenant_of
from server.storage import runs

if TYPE_CHECKING:
    from agents.events import Question

router = APIRouter(tags=["runs"])


class Answers(Body):
    answer: bool | str | Json | None = None
    """To all that is asked: true, false, a word for either, or `{approved, comment?, edit?}`."""
    answers: Json | None = None
    """Instead: answers by the id of their question; what is left out stays open."""


@router.get("/v1/runs/{run_id}")
async def retrieve_run(request: Request, run_id: str) -> dict[str, Any]:
    row, questions = await _run(request, run_id)
    return {
        "id": row.id,
        "object": "run",
        "thread_id": row.thread_id,
        "pipeline": row.pipeline,
        "backend": row.backend,
        "collection": row.collection_id,
        "status": row.status,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "answer": row.answer,
        "questions": [question.model_dump(mode="json") for question in questions],
    }


@router.post("/v1/runs/{run_id}/resume", status_code=202)
async def resume_run(request: Request, run_id: str, body: Answers) -> dict[str, Any]:
    """Answer; the run that goes on is a new one on the same thread, and lasts through a restart."""
    services = services_of(request)
    row, questions = await _run(request, run_id)
    if not questions:
        raise ApiError(409, f"The run {run_id} waits for no answer: it is {row.status!r}.", code="run_not_waiting")
    given = _answers(body, questions)
    order = replace(
        await order_from(services, row),
        run_id=new_uuid(),
        start=Start(command={"resume": given}),
        resumes=run_id,
    )
    try:
        await services.runs.submit(order, answers=run_id)
    except AnsweredAlready:
        raise ApiError(409, f"The run {run_id} has been answered already.", code="run_not_waiting") from None
    return {"id": order.run_id, "object": "run", "thread_id": order.thread_id, "resumes": run_id, "status": "queued"}


async def _run(request: Request, run_id: str) -> tuple[Row[Any], tuple[Question, ...]]:
    """The run, and what it waits to be told. Raises ApiError."""
    services: Services = services_of(request)

    def read(db: Connection) -> tuple[Row[Any] | None, tuple[Question, ...]]:
        row = runs.get_run(db, tenant_of(request), run_id)
        if row is None or row.status != "waiting" or runs.waiting_on(db, row.thread_id) != run_id:
            return row, ()
        end = EVENT.validate_json(runs.last_event(db, run_id))
        return row, end.questions if isinstance(end, RunInterrupted) else ()

    row, questions = await services.database.read(read)
    if row is None:
        raise not_found("run", run_id, "run_id")
    return row, questions


def _answers(body: Answers, questions: tuple[Question, ...]) -> dict[str, Any]:
    """By the id of the question, each readable. Raises ApiError."""
    if (body.answer is None) == (body.answers is None):
        raise bad_request("Give either 'answer' or 'answers'.", "answer", "invalid_value")
    known = [question.id for question in questions]
    given = dict.fromkeys(known, body.answer) if body.answers is None else body.answers
    for id, answer in given.items():
        where = "answer" if body.answers is None else f"answers.{id}"
        if id not in known:
            raise bad_request(f"There is no question {id!r}; asked is {', '.join(known)}.", where, "unknown_question")
        try:
            answered(answer)
        except BadAnswer as error:
            raise bad_request(str(error), where, "invalid_answer") from None
    if not given:
        raise bad_request("'answers' is empty.", "answers", "invalid_value")
    return given
