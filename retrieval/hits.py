"""From what an index found to hits: with their texts from the database, and their files from the contents map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval import chunk_rows
from retrieval.base import Hit, StageScores
from retrieval.rwlock import Busy

if TYPE_CHECKING:
    from retrieval.chunk_rows import Shown
    from retrieval.contents import Contents, FileEntry
    from retrieval.database import Database
    from retrieval.filters import Predicate
    from retrieval.indexes.hybrid import Ranked
    from retrieval.lanes import Lane


def found(
    database: Database, lane: Lane, contents: Contents, query: str, vector: Any | None, k: int, spare: int,
    where: Predicate | None = None, *, wait: bool = True,
) -> tuple[int, list[Hit]]:  # fmt: skip
    """How many the index found, of `k` and some to spare, and the best `k` of them that are still there.

    On one thread: a change of it costs 0.3 ms. Raises Busy if the index is being changed and this must not `wait`."""
    allow = contents.allowed(where) if where is not None else None
    ranked = lane.generation.search(query, vector, k + spare, allow, wait=wait)
    shown = [(one, file) for one in ranked if (file := contents.file_of(one.id, where)) is not None]
    hits: list[Hit] = []
    while shown and len(hits) < k:
        some, shown = shown[: k - len(hits)], shown[k - len(hits) :]
        rows = chunk_rows.shown(database, [one.id for one, _ in some])
        hits += [_hit(one, rows[one.id], file) for one, file in some if one.id in rows]
    return len(ranked), hits


def found_at_once(
    database: Database, lane: Lane, contents: Contents, query: str, vector: Any, *, k: int, spare: int
) -> tuple[Any, tuple[int, list[Hit]] | None]:  # fmt: skip
    """The vector, and what `found` returns; None: the index is being changed, which other queries must not wait for."""
    try:
        return vector, found(database, lane, contents, query, vector, k, spare, wait=False)
    except Busy:
        return vector, None


def _hit(ranked: Ranked, row: Shown, file: FileEntry) -> Hit:
    stages = StageScores(
        dense=ranked.dense,
        dense_rank=ranked.dense_rank,
        lexical=ranked.lexical,
        lexical_rank=ranked.lexical_rank,
        fused=ranked.fused,
    )
    return Hit(
        chunk_id=ranked.id,
        file_id=file.file_id,
        filename=file.filename,
        text=row.text,
        start=row.start,
        end=row.end,
        score=ranked.score,
        stages=stages,
        attributes=dict(file.attributes),
    )
