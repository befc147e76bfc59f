"""Training data from a collection: what people judged relevant to a query, a click being a judgment of grade 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from retrieval import judgments
from retrieval.judgments import Judgment
from retrieval.tables import chunk, document
from retrieval.training.negatives import lexical

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from retrieval.indexes.bm25 import BM25Index


def rows(db: Connection, collection_id: str) -> list[dict[str, Any]]:
    """Rows as `examples.Row` takes them: a question for each judged query, and every chunk of the collection.

    A stretch that was judged stands for the chunk that holds most of it; a whole file for that chunk of it which BM25
    ranks first for the query. Grade 0 makes negatives.
    """
    held = document.c.collection_id == collection_id
    there = select(document.c.file_id, chunk.c.start, chunk.c.end, chunk.c.text)
    found = db.execute(there.join(chunk, chunk.c.content_id == document.c.content_id).where(held).order_by(chunk.c.id))
    of_file: defaultdict[str, list[Any]] = defaultdict(list)
    for row in found:
        of_file[row.file_id].append(row)
    by_query = judgments.by_query(db, collection_id)
    best = _Best(of_file)
    made = [_question(query, judged, best) for query, judged in by_query.items()]
    return [*filter(None, made), *({"passage": row.text} for chunks in of_file.values() for row in chunks)]


class _Best:
    """The chunk of a file that BM25 ranks first for a query."""

    def __init__(self, of_file: Mapping[str, Sequence[Any]]) -> None:
        self.of_file = of_file
        self._indexes: dict[str, BM25Index] = {}

    def __call__(self, query: str, file_id: str) -> str:
        chunks = self.of_file[file_id]
        if file_id not in self._indexes:
            self._indexes[file_id] = lexical([row.text for row in chunks])
        ids = self._indexes[file_id].search([query], 1)[1]
        text: str = chunks[max(0, int(ids[0][0]))].text
        return text


def _question(query: str, judged: Sequence[Judgment], best: _Best) -> dict[str, Any] | None:
    right = list(_texts(query, [one for one in judged if one.grade >= 1], best))
    if not right:
        return None
    wrong = [text for text in _texts(query, [one for one in judged if one.grade == 0], best) if text not in right]
    return {"query": query, "positives": right, "negatives": wrong}


def _texts(query: str, judged: Sequence[Judgment], best: _Best) -> Iterator[str]:
    for one in judged:
        chunks = best.of_file.get(one.file_id, ())
        if not chunks:
            continue
        if one.start is not None and one.end is not None:
            yield max(chunks, key=lambda row: min(row.end, one.end) - max(row.start, one.start)).text
        else:
            yield best(query, one.file_id)
