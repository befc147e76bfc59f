"""From a request's `model` and `sandtable` fields to the parts that a run needs; all errors come before the run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agents import catalog as pipelines
from agents.errors import UnknownPipeline
from agents.field_names import fields_beside, place_of
from backends.capabilities import ways
from retrieval import catalog
from server.errors import ApiError, bad_request
from server.ids import new_uuid
from server.services import Services
from server.storage import threads

if TYPE_CHECKING:
    from agents.pipeline import Options, Pipeline
    from agents.spending import Limits
    from backends.base import Backend
    from retrieval.collection import Collection
    from server.openai.sandtable import RunLimits


@dataclass(frozen=True)
class Target:
    """`model`, split: the pipeline's name and, where one was given, the collection's id."""

    pipeline: str
    collection_id: str | None


async def resolve_model(services: Services, tenant: str, model: str, collection: str | None) -> Target:
    """Split `pipeline[:collection]` at the first colon and find both. Raises ApiError."""
    name, _, named = model.partition(":")
    if name not in pipelines.PIPELINES:
        message = f"No model {model!r}: it must be PIPELINE or PIPELINE:COLLECTION, with a pipeline of {known()}."
        raise ApiError(404, message, param="model", code="model_not_found")
    if named and collection is not None and named != collection:
        message = f"'model' names the collection {named!r} and 'sandtable.collection' {collection!r}."
        raise bad_request(message, "sandtable.collection", "conflicting_collection")
    wanted, param = (named, "model") if named else (collection, "sandtable.collection")
    if not wanted:
        return Target(name, None)
    return Target(name, await resolve_collection(services, tenant, wanted, param))


def known() -> str:
    return ", ".join(pipelines.PIPELINES)


async def resolve_collection(services: Services, tenant: str, wanted: str, param: str) -> str:
    """A collection by its id or its exact name. Raises ApiError if there is none, or several of the name."""

    def find(db: Any) -> list[str]:
        if catalog.get_collection(db, tenant, wanted) is not None:
            return [wanted]
        return catalog.collections_named(db, tenant, wanted)

    found = await services.database.read(find)
    if not found:
        message = f"No collection with id or name {wanted!r}; GET /v1/vector_stores lists them."
        raise ApiError(404, message, param=param, code="collection_not_found")
    if len(found) > 1:
        message = f"{len(found)} collections are named {wanted!r}; use one of their ids: {', '.join(found)}."
        raise bad_request(message, param, "ambiguous_collection")
    return found[0]


async def pipeline_of(name: str) -> Pipeline:
    """On a thread: a pipeline's first import brings LangGraph with it. Raises ApiError."""
    try:
        return await asyncio.to_thread(pipelines.get, name)
    except UnknownPipeline as error:
        raise ApiError(404, str(error), param="model", code="model_not_found") from None


async def collection_for(services: Services, pipeline: Pipeline, target: Target) -> Collection | None:
    if target.collection_id is not None:
        return await services.collections.get(target.collection_id)
    if pipeline.needs_collection:
        example = f"{pipeline.name}:NAME"
        message = f"The pipeline {pipeline.name!r} needs a collection: model {example!r} or 'sandtable.collection'."
        raise bad_request(message, "sandtable.collection", "collection_required")
    return None


def options_for(pipeline: Pipeline, given: dict[str, Any], tools: Sequence[str] | None = None) -> Options:
    """`tools`: the names that options may choose from; None: that is found out when the run begins. Raises ApiError
    that names `sandtable.options.KEY`."""
    try:
        # As JSON, so that a strict reading still takes a list for a tuple and a text for an enum.
        return pipeline.options.model_validate_json(json.dumps(given), strict=True, context={"tools": tools})
    except ValidationError as error:
        first = error.errors()[0]
        # A check of several options together is of none of them.
        key = ".".join(filter(None, ("sandtable.options", place_of(first["loc"]))))
        if first["type"] == "extra_forbidden":
            names = ", ".join(fields_beside(pipeline.options, first["loc"])) or "none"
            of = f"The options of {pipeline.name!r}" if len(first["loc"]) == 1 else "The fields there"
            message = f"Unknown parameter: {key!r}. {of}: {names}."
            raise bad_request(message, key, "unknown_parameter") from None
        why, got = first["msg"].removeprefix("Value error, ").rstrip("."), first["input"]
        # A check of ours names the value itself where that helps.
        plain = first["type"] != "value_error" and isinstance(got, str | int | float | bool)
        shown = f" (got {str(got)[:100]!r})" if plain else ""
        raise bad_request(f"Invalid value for {key!r}: {why}{shown}.", key, "invalid_value") from None


def check_capabilities(pipeline: Pipeline, backend: Backend, param: str = "sandtable.backend") -> None:
    """Raises ApiError, of `param`, if the pipeline needs what the backend lacks."""
    lacking = sorted(need for need in pipeline.needs if not getattr(backend.capabilities, need))
    if lacking:
        message = (
            f"The pipeline {pipeline.name!r} needs {', '.join(lacking)}, which the backend {backend.name!r} lacks. "
            f"Three ways to get it: {ways(lacking[0])}"
        )
        raise bad_request(message, param, "capability_missing")


def limits_for(services: Services, tenant: str, wanted: RunLimits | None, backend: Backend) -> Limits:
    """What the run may use: the request's limits, within those of the tenant. Raises ApiError."""
    from agents.spending import Limits, price_of

    asked = Limits(model_calls=None) if wanted is None else Limits(**wanted.model_dump())
    if asked.cost is not None and price_of(services.settings.prices, backend.name) is None:
        message = (
            f"'sandtable.limits.cost' needs a price for the backend {backend.name!r}: add it to the setting 'prices', "
            "or limit tokens instead."
        )
        raise bad_request(message, "sandtable.limits.cost", "price_unknown")
    return asked.within(services.settings.limits(tenant))


async def thread_for(services: Services, tenant: str, thread_id: str | None, *, alone: bool) -> str:
    """The thread of a run: a new one, or the one named. `alone`: the request has no turns before its question. Raises
    ApiError."""
    if thread_id is None:
        return new_uuid()
    where = "sandtable.thread_id"
    if await services.database.read(lambda db: threads.get_thread(db, tenant, thread_id)) is None:
        raise ApiError(404, f"No thread with id {thread_id!r}.", param=where, code="thread_not_found")
    if not alone:
        message = (
            f"The thread {thread_id!r} has the turns before this one: send one user message, or leave out {where!r}."
        )
        raise bad_request(message, "messages", "thread_has_history")
    return thread_id
