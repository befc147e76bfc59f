"""What the routes of the LangGraph API have in common."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from server.errors import ApiError, from_validation

MOST_LISTED = 1_000
MOST_SKIPPED = 2**31
Limit = Annotated[int, Field(ge=1, le=MOST_LISTED)]
Offset = Annotated[int, Field(ge=0, le=MOST_SKIPPED)]


class LangGraphRoute(APIRoute):
    """Answers 422 where a request is wrong: LangGraph's clients have an error of their own for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Any = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                reply: Response = await handler(request)
                return reply
            except RequestValidationError as error:
                raise unprocessable(from_validation(list(error.errors()), error.body)) from None
            except ApiError as error:
                raise unprocessable(error) from None

        return handle


def unprocessable(error: ApiError) -> ApiError:
    if error.status != 400:
        return error
    return ApiError(422, error.message, param=error.param, code=error.code, headers=error.headers)


def not_supported(what: str, where: str, way_out: str = "") -> ApiError:
    message = f"{what} is not supported here{': ' + way_out if way_out else ''}."
    return ApiError(501, message, param=where, code="not_supported", type="not_supported_error")


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def contains(whole: Any, part: Any) -> bool:
    """Whether `part` is in `whole`, as PostgreSQL's `@>` has it for JSON."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(item, wanted) for item in whole) for wanted in part)
    return type(whole) is type(part) and bool(whole == part)


def selected(row: dict[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    return row if not names else {name: row[name] for name in names}


def _uuid(text: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"must be a UUID, not {text[:50]!r}") from None


Uuid = Annotated[str, AfterValidator(_uuid)]
