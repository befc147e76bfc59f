"""An index in a PostgreSQL with pgvector: one table, a graph over it, and filters inside of the query.

What is added or removed is committed there before the call returns. Scores are exact inner products; where few rows are
allowed, or there are few, they are compared one by one and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from retrieval.errors import BadIndexSpec
from retrieval.indexes.ann import compares_all
from retrieval.indexes.places import best, last_of_each, stacked
from retrieval.indexes.plan import REFINE, Knobs
from retrieval.indexes.postgres import SEARCH_SECONDS, Link, Postgres
from retrieval.indexes.rows import checked
from retrieval.pace import Pace

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from retrieval.base import Ids, Scores, Vectors

PREFIX: Final = "pgvector:"
WHOLE: Final = 2_000
"""Dimensions of which pgvector makes a graph over whole vectors; a page of the database must hold one."""
HALVES: Final = 4_000
"""Dimensions of which it makes one over halves (halfvec); these only propose, whole vectors are compared."""
CONSTRUCTION: Final = 80
"""As of faiss's graphs (`finder.CONSTRUCTION`), at least twice the links."""
EFFORT: Final = 64
MOST_EFFORT: Final = 1_000
"""hnsw.ef_search goes no further; a filtered search goes on from there by itself."""
MEMORY: Final = (64, 1_024)
"""Megabytes for the building of a graph, at least and at most. One that does not fit is built many times slower."""
POLL_SECONDS: Final = 0.1


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
        self, dense: str, dimension: int, postgres: Postgres, table: str, about: str = "",
        *, compares_all: Callable[[int, int], bool] = compares_all,
    ) -> None:  # fmt: skip
        self.dimension = dimension
        self.knobs = Knobs()
        self._links = int(dense.removeprefix(PREFIX))
        self._postgres, self.table, self._about = postgres, table, f"{dimension} {about}"
        self._compares_all = compares_all
        self._count = 0
        self._graph = False

    def open(self) -> Ids:
        """Make the table, if it is not there; the ids that it holds, ascending."""
        import numpy as np

        def work(link: Link) -> Any:
            with link.connection.transaction():
                # Of two that make a schema at once one would fail.
                link.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._postgres.schema,))
                if self._said(link) != self._about:
                    self._make(link)
                graph = link.execute(
                    "SELECT count(*) > 0 FROM pg_indexes WHERE schemaname = %s AND indexname = %s",
                    (self._postgres.schema, f"{self.table}_graph"),
                ).fetchone()[0]
                with link.connection.cursor(binary=True) as cursor:
                    held = cursor.execute(self._sql("SELECT id FROM {table} ORDER BY id"))
                    return np.fromiter((id for (id,) in held), np.int64), graph

        ids, self._graph = self._postgres.run(lambda link: self._unhurried(link, work))
        self._count = len(ids)
        return ids  # type: ignore[no-any-return]

    def settle(self, pace: Pace | None = None) -> None:
        """Build the graph over the rows that there are, if there is none; it grows with later ones. Raises Stopped."""
        if not self._graph:
            self._postgres.run(lambda link: self._unhurried(link, lambda link: self._build(link, pace or Pace())))
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
                with link.connection.cursor().copy(
                    self._sql("COPY {table} (id, v) FROM STDIN WITH (FORMAT BINARY)")
                ) as copy:
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

    def sizes(self) -> tuple[int, int]:
        """Bytes of what a search goes through, and of all."""
        graph = f"{self.table}_graph"

        def work(link: Link) -> tuple[int, int]:
            row = link.execute(
                "SELECT coalesce(sum(pg_relation_size(c.oid)) FILTER (WHERE c.relname = %(graph)s), 0)::bigint, "
                "coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname = %(table)s), 0)::bigint "
                "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s "
                "AND c.relname IN (%(graph)s, %(table)s)",
                {"graph": graph, "table": self.table, "schema": self._postgres.schema},
            ).fetchone()
            return row[0], row[1]

        return self._postgres.run(work)

    def _search(self, queries: Vectors, k: int, allow: Ids | None, *, exactly: bool) -> tuple[Scores, Ids]:
        queries = checked(queries, k, self.dimension)
        most = self._count if allow is None else min(len(allow), self._count)
        if most == 0 or len(queries) == 0:
            return stacked([best(*_nothing(), k) for _ in queries], k)
        asks = not exactly and self.approximates(most)

        def work(link: Link) -> list[tuple[Scores, Ids]]:
            found = []
            for query in queries:
                rows = self._proposed(link, query, k, allow, most) if asks else None
                if rows is None or len(rows[1]) < min(k, most):
                    # An island of the graph, or rows that are not there: rather slow than short.
                    rows = self._compared(link, query, k, allow)
                found.append(best(*rows, k))
            return found

        return stacked(self._postgres.run(work), k)

    def _proposed(self, link: Link, query: Vectors, k: int, allow: Ids | None, most: int) -> tuple[Scores, Ids]:
        halves = self.dimension > WHOLE
        wanted = min(k * (self.knobs.refine or (REFINE if halves else 1)), most)
        effort = max((self.knobs.effort or EFFORT) * self._count // most, wanted)
        link.set(
            enable_seqscan="off", enable_sort="off", enable_bitmapscan="off", hnsw__iterative_scan="relaxed_order",
            hnsw__ef_search=min(effort, MOST_EFFORT), hnsw__max_scan_tuples=max(20_000, self._count),
        )  # fmt: skip
        order = "v <#> %(query)b"
        if halves:
            order = "(v::halfvec({dimension})) <#> %(query)b::vector::halfvec({dimension})"
        chosen = "WHERE id = ANY(%(allow)b::bigint[]) " if allow is not None else ""
        return self._rows(
            link, f"SELECT id, -(v <#> %(query)b) FROM {{table}} {chosen}ORDER BY {order} LIMIT {wanted}", query, allow
        )

    def _compared(self, link: Link, query: Vectors, k: int, allow: Ids | None) -> tuple[Scores, Ids]:
        few = allow is not None and len(allow) * 4 < self._count
        link.set(enable_seqscan="off" if few else "on", enable_sort="on", enable_bitmapscan="on")
        chosen = "WHERE id = ANY(%(allow)b::bigint[]) " if allow is not None else ""
        # The sum keeps the graph out of it. All that tie with the k-th are wanted: the ids decide among them.
        inner = f"SELECT id, (v <#> %(query)b) + 0 AS away FROM {{table}} {chosen}"
        return self._rows(link, f"SELECT id, -away FROM ({inner}) AS rows ORDER BY away, id LIMIT {k}", query, allow)

    def _rows(self, link: Link, query: str, vector: Vectors, allow: Ids | None) -> tuple[Scores, Ids]:
        import numpy as np

        values = {"query": vector} | ({"allow": allow.tolist()} if allow is not None else {})
        with link.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(self._sql(query), values).fetchall()
        return np.array([score for _, score in rows], np.float32), np.array([id for id, _ in rows], np.int64)

    def _change(self, added: int, work: Callable[[Link], int]) -> None:
        """Have `work` done, which returns how many rows it took away, and keep count."""
        tries = 0

        def counting(link: Link) -> int:
            nonlocal tries
            tries += 1
            return work(link)

        gone = self._postgres.run(lambda link: self._unhurried(link, counting))
        self._count += added - gone
        if tries > 1:
            # The first try may have been committed before its connection died.
            self._count = self._postgres.run(
                lambda link: link.execute(self._sql("SELECT count(*) FROM {table}")).fetchone()[0]
            )

    def _delete(self, link: Link, ids: Ids) -> int:
        gone: int = link.execute(self._sql("DELETE FROM {table} WHERE id = ANY(%b::bigint[])"), (ids.tolist(),)).rowcount
        return gone

    def _unhurried(self, link: Link, work: Callable[[Link], Any]) -> Any:
        """Without the limit of time that searches have."""
        link.set(statement_timeout=0)
        done = work(link)
        link.set(statement_timeout=SEARCH_SECONDS * 1000)
        return done

    def _said(self, link: Link) -> str | None:
        """What an existing table is of."""
        row = link.execute(
            "SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            (self._postgres.schema, self.table),
        ).fetchone()
        return None if row is None else row[0]

    def _make(self, link: Link) -> None:
        from psycopg.sql import Literal

        for line in (
            "CREATE SCHEMA IF NOT EXISTS {schema}",
            "DROP TABLE IF EXISTS {table}",
            "CREATE TABLE {table} (id bigint PRIMARY KEY, v vector({dimension}) NOT NULL)",
            "COMMENT ON TABLE {table} IS {about}",
        ):
            link.execute(self._sql(line, about=Literal(self._about)))
        if self.dimension <= WHOLE:
            # In the row, where an exact search finds it without a second look.
            link.execute(self._sql("ALTER TABLE {table} ALTER COLUMN v SET STORAGE PLAIN"))

    def _build(self, link: Link, pace: Pace) -> None:
        import psycopg

        halves = self.dimension > WHOLE
        column = "(v::halfvec({dimension})) halfvec_ip_ops" if halves else "v vector_ip_ops"
        size = (2 if halves else 4) * self.dimension + 32 * self._links + 256
        memory = min(max(MEMORY[0], (self._count * size * 5 // 4) >> 20), MEMORY[1])
        link.set(maintenance_work_mem=f"'{memory}MB'", max_parallel_maintenance_workers=0)
        how = f"WITH (m = {self._links}, ef_construction = {max(CONSTRUCTION, 2 * self._links)})"
        failed: list[Exception] = []

        def make() -> None:
            try:
                link.execute(self._sql(f"CREATE INDEX IF NOT EXISTS {{graph}} ON {{table}} USING hnsw ({column}) {how}"))
            except Exception as error:
                failed.append(error)

        making = Thread(target=make, name="pgvector graph", daemon=True)
        making.start()
        try:
            while making.is_alive():
                pace.slice(*self._progress())
                making.join(POLL_SECONDS)
        except BaseException:
            with suppress(psycopg.Error):
                link.connection.cancel_safe(timeout=5)
            making.join()
            raise
        if failed:
            raise failed[0]
        link.execute(self._sql("ANALYZE {table}"))

    def _progress(self) -> tuple[int, int]:
        asked = "SELECT tuples_done FROM pg_stat_progress_create_index WHERE relid = %s::regclass"
        name = f'"{self._postgres.schema}"."{self.table}"'
        row = self._postgres.run(lambda link: link.execute(asked, (name,)).fetchone())
        return (min(row[0] or 0, self._count), self._count) if row is not None else (0, 0)

    def _sql(self, text: str, **more: Any) -> Composed:
        from psycopg.sql import SQL, Identifier, Literal

        schema = self._postgres.schema
        names = {
            "schema": Identifier(schema),
            "table": Identifier(schema, self.table),
            "graph": Identifier(f"{self.table}_graph"),
            "dimension": Literal(self.dimension),
        }
        return SQL(text).format(**names, **more)


def _nothing() -> tuple[Scores, Ids]:
    import numpy as np

    return np.empty(0, np.float32), np.empty(0, np.int64)
