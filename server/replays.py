"""Cassettes of runs, replays, and forks: a run again from a step on with other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import JSONResponse, Response

from agents.errors import BadCassette, BadPipeline, UnknownPipeline
from backends.errors import BadSpec
from server.errors import ApiError, bad_request
from server.openai.schema import Body, Json, Text
from server.runs.cassettes import cassette_of
from server.runs.forks import fork
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from agents.cassette import Cassette

router = APIRouter(tags=["runs"])
MOST_STEPS = 1_000_000


class Changes(Body):
    backend: Text | None = None
    options: Json = Field(default_factory=dict)
    """Of the pipeline; those that are not named stay."""


class Replay(Body):
    model_config = ConfigDict(extra="forbid", strict=True, validate_by_name=False)

    with_: Annotated[Changes | None, Field(alias="with")] = None
    from_step: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None


@router.get("/v1/runs/{run_id}/cassette")
async def run_cassette(request: Request, run_id: str) -> Response:
    """The document from which the run replays; of a run that is over, the same at every time."""
    cassette = await cassette_of(services_of(request), tenant_of(request), run_id)
    return Response(cassette.text(), media_type="application/json")


@router.post("/v1/runs/{run_id}/replay")
async def replay_run(request: Request, run_id: str, body: Replay) -> JSONResponse:
    """Without fields: run it again from its recording, and say whether the same happens. With: fork it."""
    services, tenant = services_of(request), tenant_of(request)
    cassette = await cassette_of(services, tenant, run_id)
    if body.with_ is None and body.from_step is None:
        return JSONResponse(await _again(cassette))
    changes = body.with_ or Changes()
    try:
        order = await fork(services, tenant, cassette, body.from_step or 1, changes.backend, changes.options)
    except BadSpec as error:
        raise bad_request(str(error), "with.backend", "bad_backend") from None
    except ApiError as error:
        error.param = error.param and error.param.replace("sandtable.", "with.", 1)
        raise
    about = {
        "id": order.run_id,
        "object": "run",
        "thread_id": order.thread_id,
        "backend": order.backend.name,
        **order.metadata,
        "status": "queued",
    }
    return JSONResponse(about)


async def _again(cassette: Cassette) -> dict[str, Any]:
    from agents.replaying import outcome

    try:
        return await outcome(cassette)
    except (BadCassette, BadPipeline, UnknownPipeline) as error:
        raise bad_request(f"{error}.", "run_id", "not_replayable") from None
