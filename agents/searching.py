"""A search of a run's collection, told to its trace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agents.errors import CollectionRequired
from agents.events import Retrieved
from agents.failures import SearchFailed
from agents.shown import shown

if TYPE_CHECKING:
    from agents.run import Run
    from retrieval.base import Hit, Rerank


async def search(run: Run, query: str, k: int, where: Any | None, rerank: Rerank | None) -> list[Hit]:
    """What an earlier attempt at the step has found already is not searched again. Raises CollectionRequired,
    RetrievalError."""
    retriever, generation = run.deps.retriever, run.deps.generation
    if retriever is None:
        raise CollectionRequired("this pipeline searches documents, and the run was given no collection")
    known = run.journal.hits(run.outlet.task_id(), query, k, where, rerank)
    if known is not None:
        return known
    about = {"query": query, "k": k, "where": where, "rerank": rerank, "generation": generation}
    began = time.perf_counter()
    more = {} if rerank is None else {"rerank": rerank}
    try:
        hits = await retriever.search(query, k, where=where, **more)
    except Exception as error:
        run.emit(SearchFailed, **about, **shown(error), seconds=time.perf_counter() - began)
        raise
    run.emit(Retrieved, **about, hits=tuple(hits), seconds=time.perf_counter() - began)
    return hits
