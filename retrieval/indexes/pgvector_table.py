"""The table of a `pgvector` index: made, told apart from others, its graph built, its size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from retrieval.indexes.postgres import Link, Postgres

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from retrieval.base import Ids
    from retrieval.pace import Pace

WHOLE: Final = 2_000
"""Dimensions of which pgvector makes a graph over whole vectors; a page of the database must hold one."""
HALVES: Final = 4_000
"""Dimensions of which it makes one over halves (halfvec); these only propose, whole vectors are compared."""
CONSTRUCTION: Final = 80
"""As of faiss's graphs (`finder.CONSTRUCTION`), at least twice the links."""
MEMORY: Final = (64, 1_024)
"""Megabytes for the building of a graph, at least and at most. One that does not fit is built many times slower."""
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Table:
    """Every method raises IndexUnavailable, and goes without the limit of time that searches have."""

    postgres: Postgres
    name: str
    dimension: int
    links: int
    about: str
    """What its vectors are of: a table of this name that says otherwise is made anew."""

    def open(self) -> tuple[Ids, bool]:
        """Make it, if it is not there. The ids that it holds, ascending, and whether it has its graph."""

        def work(link: Link) -> tuple[Ids, bool]:
            import numpy as np

            with link.connection.transaction():
                # Of two that make a schema at once one would fail.
                link.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self.postgres.schema,))
                if self._said(link) != self.about:
                    self._make(link)
            with link.connection.transaction():
                # A process that was killed may have left a change at work in the server: after it is over.
                link.execute(self.sql("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
                named = "SELECT count(*) > 0 FROM pg_indexes WHERE schemaname = %s AND indexname = %s"
                graph = link.execute(named, (self.postgres.schema, self.graph)).fetchone()[0]
                with link.connection.cursor(binary=True) as cursor:
                    held = cursor.execute(self.sql("SELECT id FROM {table} ORDER BY id"))
                    return np.fromiter((id for (id,) in held), np.int64), graph

        ids, graph = self.unhurried(work)
        return ids, graph

    def build(self, rows: int, pace: Pace) -> None:
        """Build the graph over the rows that there are, some `rows`; it grows with later ones. Raises Stopped."""
        self.unhurried(lambda link: self._build(link, rows, pace))

    def sizes(self) -> tuple[int, int]:
        """Bytes of the graph, and of all."""
        sizes = (
            "SELECT coalesce(sum(pg_relation_size(c.oid)) FILTER (WHERE relname = %(graph)s), 0)::bigint, "
            "coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE relname = %(table)s), 0)::bigint "
            "FROM pg_class c WHERE relnamespace = to_regnamespace(%(schema)s)"
        )
        names = {"graph": self.graph, "table": self.name, "schema": self.postgres.schema}
        graph, everything = self.postgres.run(lambda link: link.execute(sizes, names).fetchone())
        return graph, everything

    @property
    def graph(self) -> str:
        return f"{self.name}_graph"

    @property
    def halves(self) -> bool:
        """Whether the graph is over halves."""
        return self.dimension > WHOLE

    def unhurried(self, work: Callable[[Link], Any]) -> Any:
        def patient(link: Link) -> Any:
            with link.unhurried():
                return work(link)

        return self.postgres.run(patient)

    def sql(self, text: str, **more: Any) -> Composed:
        from psycopg.sql import SQL, Identifier, Literal

        schema = self.postgres.schema
        names = {"schema": Identifier(schema), "table": Identifier(schema, self.name), "graph": Identifier(self.graph)}
        return SQL(text).format(dimension=Literal(self.dimension), **names, **more)

    def _said(self, link: Link) -> str | None:
        """What an existing one is of."""
        said = (
            "SELECT obj_description(oid, 'pg_class') FROM pg_class WHERE relnamespace = to_regnamespace(%s) "
            "AND relname = %s"
        )
        row = link.execute(said, (self.postgres.schema, self.name)).fetchone()
        return None if row is None else row[0]

    def _make(self, link: Link) -> None:
        from psycopg.sql import Literal

        for line in (
            "CREATE SCHEMA IF NOT EXISTS {schema}",
            "DROP TABLE IF EXISTS {table}",
            "CREATE TABLE {table} (id bigint PRIMARY KEY, v vector({dimension}) NOT NULL)",
            "COMMENT ON TABLE {table} IS {about}",
        ):
            link.execute(self.sql(line, about=Literal(self.about)))
        if not self.halves:
            # In the row, where an exact search finds it without a second look.
            link.execute(self.sql("ALTER TABLE {table} ALTER COLUMN v SET STORAGE PLAIN"))

    def _build(self, link: Link, rows: int, pace: Pace) -> None:
        import psycopg

        column = "(v::halfvec({dimension})) halfvec_ip_ops" if self.halves else "v vector_ip_ops"
        size = (2 if self.halves else 4) * self.dimension + 32 * self.links + 256
        memory = min(max(MEMORY[0], (rows * size * 5 // 4) >> 20), MEMORY[1])
        link.set(maintenance_work_mem=f"'{memory}MB'", max_parallel_maintenance_workers=0)
        how = f"WITH (m = {self.links}, ef_construction = {max(CONSTRUCTION, 2 * self.links)})"
        create = self.sql(f"CREATE INDEX IF NOT EXISTS {{graph}} ON {{table}} USING hnsw ({column}) {how}")
        failed: list[Exception] = []

        def make() -> None:
            try:
                link.execute(create)
            except Exception as error:
                failed.append(error)

        making = Thread(target=make, name="pgvector graph", daemon=True)
        making.start()
        try:
            while making.is_alive():
                pace.slice(*self._progress(rows))
                making.join(POLL_SECONDS)
        except BaseException:
            with suppress(psycopg.Error):
                link.connection.cancel_safe(timeout=5)
            making.join()
            raise
        if failed:
            raise failed[0]
        link.execute(self.sql("ANALYZE {table}"))

    def _progress(self, rows: int) -> tuple[int, int]:
        asked = (
            "SELECT tuples_done FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.relid "
            "WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s"
        )
        row = self.postgres.run(lambda link: link.execute(asked, (self.postgres.schema, self.name)).fetchone())
        return (min(row[0] or 0, rows), rows) if row is not None else (0, 0)
