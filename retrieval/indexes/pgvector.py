"""An index in a PostgreSQL with pgvector: one table, a graph over it, and filters inside of the query.

What is added or removed is committed there before the call returns. Scores are exact inner products; where few rows are
allowed, or there are few, they are compared one by one and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from retrieval.errors import BadIndexSpec, IndexUnavailable
from retrieval.indexes.ann import compares_all
from retrieval.indexes.pgvector_table import HALVES, Table
from retrieval.indexes.places import best, last_of_each, stacked
from retrieval.indexes.plan import REFINE, Knobs
from retrieval.indexes.postgres import Link, Postgres
from retrieval.indexes.rows import checked
from retrieval.pace import Pace

if TYPE_CHECKING:
    from retrieval.base import Ids, Scores, Vectors

PREFIX: Final = "pgvector:"
EFFORT: Final = 64
MOST_EFFORT: Final = 1_000
"""hnsw.ef_search goes no further; a filtered search goes on from there by itself."""
LEAST_SCAN: Final = 20_000
"""hnsw.max_scan_tuples as pgvector has it; here it is all rows, if there are more."""


def check(dense: str, dimension: int) -> None:
    """Raise BadIndexSpec where pgvector makes no graph of vectors of so many dimensions."""
    if dense.startswith(PREFIX) and dimension > HALVES:
        raise BadIndexSpec(
            f"index spec {dense!r}: pgvector's graph takes vectors of at most {HALVES:,} dimensions, the embedder's "
            f"have {dimension:,}; take 'flat' or 'hnsw', or an embedder that can shorten its vectors"
        )


class PgvectorIndex:
    """An Index (retrieval.base) of unit vectors under `pgvector:M`. `open` it before anything else.

    `about`: what its vectors are of; a table that says otherwise is made anew. Thread-safe. Every method raises
    IndexUnavailable. `compares_all` is the rule of sizes.
    """

    def __init__(
        self, dense: str, dimension: int, postgres: Postgres, name: str, about: str = "",
        *, compares_all: Callable[[int, int], bool] = compares_all,
    ) -> None:  # fmt: skip
        self.dimension = dimension
        self.knobs = Knobs()
        self.table = Table(
            postgres, name, dimension, int(dense.removeprefix(PREFIX)), f"{about} of {dimension} dimensions"
        )
        self.behind = True
        """Whether the table may lack a change: one failed, or it was lost, or it is not open yet. The caller, who knows
        what there should be, sets it back."""
        self._compares_all = compares_all
        self._count = 0
        self._graph = False

    def open(self) -> Ids:
        """Make the table, if it is not there; the ids that it holds, ascending."""
        ids, self._graph = self.table.open()
        self._count = len(ids)
        return ids

    def settle(self, pace: Pace | None = None) -> None:
        """Build the graph, if there is none. Raises Stopped."""
        if not self._graph:
            self.table.build(self._count, pace or Pace())
            self._graph = True

    def __len__(self) -> int:
        return self._count

    def add(self, ids: Ids, payload: Vectors) -> None:
        """Add vectors float32 (n, dimension), in place of any with the same id. Raises ValueError for another shape."""
        import numpy as np

        if payload.shape != (len(ids), self.dimension):
            raise ValueError(f"vectors of shape {payload.shape!r} do not fit {len(ids)} ids x {self.dimension}")
        ids = np.asarray(ids, np.int64)
        places = last_of_each(ids)
        ids, vectors = ids[places], np.asarray(payload, np.float32)[places]

        def work(link: Link) -> int:
            with link.connection.transaction():
                replaced = self._delete(link, ids)
                into = self.table.sql("COPY {table} (id, v) FROM STDIN WITH (FORMAT BINARY)")
                with link.connection.cursor().copy(into) as copy:
                    copy.set_types(["int8", "vector"])
                    for row in zip(ids.tolist(), vectors, strict=True):
                        copy.write_row(row)
            return replaced

        if len(ids):
            self._change(len(ids), work)

    def remove(self, ids: Ids) -> None:
        if len(ids):
            self._change(0, lambda link: self._delete(link, ids))

    def search(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return inner products and ids (n, k), best first, padded with (-inf, -1). As many as there are, up to k, are
        always found. Raises ValueError for k < 1."""
        return self._search(queries, k, allow, exactly=False)

    def search_exactly(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """As `search`, every vector compared: what its results are measured by."""
        return self._search(queries, k, allow, exactly=True)

    def approximates(self, allowed: int) -> bool:
        """Whether a search among so many of its rows asks the graph."""
        return self._graph and self._count > 0 and not self._compares_all(min(allowed, self._count), self._count)

    @property
    def looks(self) -> tuple[int, int] | None:
        """Effort as it is, and the most that there is; None: every vector is compared."""
        return (self.knobs.effort or EFFORT, MOST_EFFORT) if self.approximates(self._count) else None

    def _search(self, queries: Vectors, k: int, allow: Ids | None, *, exactly: bool) -> tuple[Scores, Ids]:
        queries = checked(queries, k, self.dimension)
        most = self._count if allow is None else min(len(allow), self._count)
        asks = not exactly and most > 0 and self.approximates(most)

        def work(link: Link) -> list[tuple[Scores, Ids]]:
            found = []
            for query in queries:
                rows = self._proposed(link, query, k, allow, most) if asks else None
                if rows is None or len(rows[1]) < min(k, most):
                    # An island of the graph, or rows that are not there: rather slow than short.
                    rows = self._compared(link, query, k, allow)
                found.append(best(*rows, k))
            return found

        try:
            return stacked(self.table.postgres.run(work), k)
        except IndexUnavailable as error:
            self.behind = self.behind or error.lost
            raise

    def _proposed(self, link: Link, query: Vectors, k: int, allow: Ids | None, most: int) -> tuple[Scores, Ids]:
        halves = self.table.halves
        wanted = min(k * (self.knobs.refine or (REFINE if halves else 1)), most)
        effort = max((self.knobs.effort or EFFORT) * self._count // most, wanted)
        link.set(
            enable_seqscan="off", enable_sort="off", enable_bitmapscan="off", hnsw__iterative_scan="relaxed_order",
            hnsw__ef_search=min(effort, MOST_EFFORT), hnsw__max_scan_tuples=max(LEAST_SCAN, self._count),
        )  # fmt: skip
        away = "v <#> %(query)b"
        nearness = "(v::halfvec({dimension})) <#> %(query)b::vector::halfvec({dimension})" if halves else away
        return self._rows(
            link, f"SELECT id, -({away}) FROM {{table}} {_where(allow)} ORDER BY {nearness} LIMIT {wanted}",
            query, allow,
        )  # fmt: skip

    def _compared(self, link: Link, query: Vectors, k: int, allow: Ids | None) -> tuple[Scores, Ids]:
        few = allow is not None and len(allow) * 4 < self._count
        link.set(enable_seqscan="off" if few else "on", enable_sort="on", enable_bitmapscan="on")
        # The sum keeps the graph out of it.
        rows = f"SELECT id, (v <#> %(query)b) + 0 AS away FROM {{table}} {_where(allow)}"
        return self._rows(link, f"SELECT id, -away FROM ({rows}) AS rows ORDER BY away, id LIMIT {k}", query, allow)

    def _rows(self, link: Link, query: str, vector: Vectors, allow: Ids | None) -> tuple[Scores, Ids]:
        import numpy as np

        values = {"query": vector} | ({"allow": allow.tolist()} if allow is not None else {})
        with link.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(self.table.sql(query), values).fetchall()
        return np.array([score for _, score in rows], np.float32), np.array([id for id, _ in rows], np.int64)

    def _change(self, added: int, work: Callable[[Link], int]) -> None:
        """Have `work` done, which returns how many rows it took away, and keep count."""
        tries = 0

        def counting(link: Link) -> int:
            nonlocal tries
            tries += 1
            return work(link)

        try:
            self._count += added - self.table.unhurried(counting)
            if tries > 1:
                # The first try may have been committed before its connection died.
                count = self.table.sql("SELECT count(*) FROM {table}")
                self._count = self.table.unhurried(lambda link: link.execute(count).fetchone()[0])
        except BaseException:
            self.behind = True
            raise

    def _delete(self, link: Link, ids: Ids) -> int:
        delete = self.table.sql("DELETE FROM {table} WHERE id = ANY(%b::bigint[])")
        gone: int = link.execute(delete, (ids.tolist(),)).rowcount
        return gone


def _where(allow: Ids | None) -> str:
    return "WHERE id = ANY(%(allow)b::bigint[])" if allow is not None else ""
