"""What people hold relevant to a query: files, or stretches of their text, so that judgments outlive any chunking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select

from retrieval.base import Hit, Value
from retrieval.tables import document, judgment

if TYPE_CHECKING:
    from sqlalchemy import Connection

GRADES = range(0, 11)


class Judgment(Value):
    query: str
    file_id: str
    start: int | None = None
    end: int | None = None
    """Code points of the parsed text, half-open; None: the whole file."""
    grade: int
    """0: looked at, and not relevant."""

    @property
    def item(self) -> str:
        """What is found or not: the name of the file or stretch in a ranking."""
        return self.file_id if self.start is None else f"{self.file_id}:{self.start}-{self.end}"

    def covers(self, hit: Hit) -> bool:
        if hit.file_id != self.file_id:
            return False
        return self.start is None or self.end is None or (hit.start < self.end and self.start < hit.end)


def put(db: Connection, collection_id: str, given: Sequence[Judgment]) -> None:
    """Add judgments; one of the same query and stretch is replaced."""
    for one in given:
        values = one.model_dump(exclude={"grade"})
        same = [judgment.c[name] == value for name, value in values.items()]
        db.execute(delete(judgment).where(judgment.c.collection_id == collection_id, *same))
        db.execute(insert(judgment).values(collection_id=collection_id, **one.model_dump()))


def clear(db: Connection, collection_id: str) -> int:
    return db.execute(delete(judgment).where(judgment.c.collection_id == collection_id)).rowcount


def by_query(db: Connection, collection_id: str) -> dict[str, list[Judgment]]:
    """Those that count, with queries in the order in which they were first judged.

    A judgment counts while its file is in the collection: one that is put back counts again. A query is left out when
    no relevant file of it is left.
    """
    here = and_(document.c.collection_id == judgment.c.collection_id, document.c.file_id == judgment.c.file_id)
    query = select(judgment, document.c.file_id.is_not(None).label("there")).join(document, here, isouter=True)
    rows = db.execute(query.where(judgment.c.collection_id == collection_id).order_by(judgment.c.id))
    found: dict[str, list[Judgment]] = {}
    lost: set[str] = set()
    for row in rows:
        made = Judgment(query=row.query, file_id=row.file_id, start=row.start, end=row.end, grade=row.grade)
        if row.there:
            found.setdefault(row.query, []).append(made)
        elif made.grade:
            lost.add(row.query)
    return {query: some for query, some in found.items() if query not in lost or any(one.grade for one in some)}


def without_file(db: Connection, collection_id: str) -> int:
    """How many do not count, since their files are gone."""
    files = select(document.c.file_id).where(document.c.collection_id == collection_id)
    gone = judgment.c.collection_id == collection_id, judgment.c.file_id.not_in(files)
    return db.execute(select(func.count()).select_from(judgment).where(*gone)).scalar_one()


def grades(judged: Sequence[Judgment]) -> dict[str, int]:
    return {one.item: one.grade for one in judged}


def ranking(hits: Sequence[Hit], judged: Sequence[Judgment]) -> list[str]:
    """Items in the order in which the hits show them first.

    Chunks of a file of which stretches are judged count one by one; of any other file, the best chunk stands for it.
    """
    stretches = {one.file_id for one in judged if one.start is not None}
    items: dict[str, Any] = {}
    for hit in hits:
        shown = [one.item for one in judged if one.covers(hit)]
        if not shown:
            shown = [f"{hit.file_id}#{hit.chunk_id}" if hit.file_id in stretches else hit.file_id]
        items |= {item: None for item in shown if item not in items}
    return list(items)


Rankings = Mapping[str, Sequence[str]]
"""By query, items, best first."""
