"""/v1/vector_stores/{id}/judgments and /evaluate: how well the generations of a collection find what people judged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import func, select

from retrieval import generations, judgments
from retrieval.base import Rerank
from retrieval.errors import BadReranker, RerankerMissing
from retrieval.judged import evaluate
from retrieval.tables import content, document
from server.errors import bad_request
from server.openai.schema import Body, Text
from server.openai.search import Depth, Query, lane_of
from server.openai.vector_stores import existing_store, live_store
from server.services import services_of

router = APIRouter(tags=["evaluation"])


def _not_blank(query: str) -> str:
    if not query.strip():
        raise PydanticCustomError("blank", "'query' is empty")
    return query


class JudgmentBody(Body):
    query: Annotated[Query, AfterValidator(_not_blank)]
    file_id: Text
    start: Annotated[int, Field(ge=0)] | None = None
    end: Annotated[int, Field(ge=1)] | None = None
    grade: Annotated[int, Field(ge=judgments.GRADES[0], le=judgments.GRADES[-1])]

    @model_validator(mode="after")
    def both_or_none(self) -> JudgmentBody:
        if (self.start is None) != (self.end is None) or (self.start or 0) >= (self.end or 1 << 60):
            given = {"start": self.start, "end": self.end}
            raise PydanticCustomError("span", "start and end go together, start before end: {given}", {"given": given})
        return self


class Judgments(Body):
    judgments: Annotated[list[JudgmentBody], Field(min_length=1, max_length=10_000)]


class Evaluate(Body):
    generations: Annotated[list[Text], Field(min_length=1, max_length=20)] | None = None
    k: Annotated[int, Field(ge=1, le=50)] = 10
    rerank: Annotated[list[Text], Field(max_length=8)] = Field(default_factory=list)
    rerank_depth: Depth = 50


@router.post("/v1/vector_stores/{store_id}/judgments")
async def add_judgments(request: Request, store_id: str, body: Judgments) -> dict[str, Any]:
    """Adds judgments; one of the same query and stretch takes the place of the former."""
    await live_store(request, store_id)
    given = [judgments.Judgment(**one.model_dump()) for one in body.judgments]

    def put(db: Any) -> None:
        _check(db, store_id, given)
        judgments.put(db, store_id, given)

    await services_of(request).database.write(put)
    return await _listed(request, store_id)


def _check(db: Any, store_id: str, given: Sequence[judgments.Judgment]) -> None:
    """Raises ApiError for a file that is not there, or a stretch beyond its text."""
    lengths = select(document.c.file_id, func.length(content.c.text)).join(
        content, content.c.id == document.c.content_id, isouter=True
    )
    files = {file_id: length for file_id, length in db.execute(lengths.where(document.c.collection_id == store_id))}
    for number, one in enumerate(given):
        where = f"judgments[{number}]"
        if one.file_id not in files:
            raise bad_request(f"The vector store has no file {one.file_id!r}.", f"{where}.file_id", "unknown_file")
        if one.start is None or one.end is None:
            continue
        length = files[one.file_id]
        if length is None:
            message = f"The file {one.file_id!r} has no text yet, of which {one.start} to {one.end} could be a stretch."
            raise bad_request(message, f"{where}.start", "invalid_value")
        if one.end > length:
            beyond = "start" if one.start >= length else "end"
            message = f"The text of {one.file_id!r} has {length} code points: {one.start} to {one.end} is beyond it."
            raise bad_request(message, f"{where}.{beyond}", "invalid_value")


@router.get("/v1/vector_stores/{store_id}/judgments")
async def list_judgments(request: Request, store_id: str) -> dict[str, Any]:
    await existing_store(request, store_id)
    return await _listed(request, store_id)


@router.delete("/v1/vector_stores/{store_id}/judgments")
async def clear_judgments(request: Request, store_id: str) -> dict[str, Any]:
    await existing_store(request, store_id)
    clear = partial(judgments.clear, collection_id=store_id)
    count = await services_of(request).database.write(clear)
    return {"object": "vector_store.judgments.deleted", "deleted": count}


@router.post("/v1/vector_stores/{store_id}/evaluate")
async def evaluate_generations(request: Request, store_id: str, body: Evaluate) -> dict[str, Any]:
    """nDCG, MRR and recall at k of generations on the judged queries, each compared with the active one."""
    await live_store(request, store_id)
    services = services_of(request)
    collection = await services.collections.get(store_id)
    await collection.settled()
    searchable = [id for id, lane in collection.lanes.items() if lane.refusal is None]
    wanted = body.generations if body.generations is not None else searchable
    lanes = [await lane_of(collection, id, f"generations[{number}]") for number, id in enumerate(wanted)]
    judged = await services.database.read(partial(judgments.by_query, collection_id=store_id))
    if not judged:
        message = "There are no judgments of files that are here; POST some to .../judgments first."
        raise bad_request(message, None, "no_judgments")
    try:
        rerankers = [collection.resources.rerankers.get(spec).name for spec in body.rerank]
        rerank = [Rerank(ranker=name, depth=body.rerank_depth) for name in rerankers]
        found = await evaluate(collection, lanes, judged, body.k, rerank)
    except BadReranker as error:
        raise bad_request(str(error), "rerank", "unknown_ranker") from None
    except RerankerMissing as error:
        raise bad_request(str(error), "rerank", "reranker_missing") from None
    if body.k == 10:
        for one in found:
            if one["rerank"] is not None:
                continue
            figures = {f"{name}_at_10": one["metrics"][name]["mean"] for name in ("ndcg", "mrr")}
            merge = partial(generations.add_metrics, generation_id=one["generation"], figures=figures)
            await services.database.write(merge)
    return {
        "object": "vector_store.evaluation",
        "vector_store_id": store_id,
        "k": body.k,
        "n_queries": len(judged),
        "judgments_without_file": await services.database.read(partial(judgments.without_file, collection_id=store_id)),
        "active_generation": collection.generation_id,
        "data": found,
    }


async def _listed(request: Request, store_id: str) -> dict[str, Any]:
    def read(db: Any) -> tuple[dict[str, list[judgments.Judgment]], int]:
        return judgments.by_query(db, store_id), judgments.without_file(db, store_id)

    judged, lost = await services_of(request).database.read(read)
    rows = [one.model_dump() for found in judged.values() for one in found]
    return {"object": "list", "data": rows, "without_file": lost}
