"""Connections to the PostgreSQL that holds the `pgvector` indexes: kept open, each used by one thread at a time.

All tables of a data directory lie in one schema of their own, so that several may share a database.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from retrieval.errors import IndexUnavailable

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")

SETTING: Final = "the setting pgvector_url (SANDTABLE_PGVECTOR_URL)"
LEAST_VERSION: Final = (0, 8)
"""Of pgvector: the first whose graph is searched on until enough rows pass a filter (hnsw.iterative_scan)."""
CONNECT_SECONDS: Final = 5
NOTICES_THE_END: Final = 140_000
"""The version of PostgreSQL from which it ends a statement whose client is gone: the
building of a graph would else go on for minutes after a kill."""
SEARCH_SECONDS: Final = 30
"""After which the server gives up a search, an exact one of many rows at the most."""
SLOW_SECONDS: Final = 0.5
LEFT_ALONE: Final = 2.0
"""Seconds in which a host that let a connection wait for SLOW_SECONDS in vain is not tried again: the threads of
searches are few. One that refuses is asked each time."""
ALIVE: Final = {
    "connect_timeout": CONNECT_SECONDS, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 15_000, "application_name": "sandtable",
}  # fmt: skip
"""What a connection gets unless the address says otherwise: milliseconds for the last, seconds for the others."""


@dataclass(eq=False)
class Link:
    connection: Connection[Any]
    settings: dict[str, str] = field(default_factory=dict)

    def set(self, **wanted: str | int) -> None:
        """Session settings; those of pgvector's graph as `hnsw__ef_search`. Asks the server only about what differs."""
        new = {name: str(value) for name, value in wanted.items() if self.settings.get(name) != str(value)}
        if new:
            lines = (f"SET {name.replace('__', '.')} = {value}" for name, value in new.items())
            self.connection.execute("; ".join(lines))
            self.settings |= new

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """Without the limit of time that searches have."""
        self.set(statement_timeout=0)
        yield
        self.set(statement_timeout=SEARCH_SECONDS * 1000)

    def execute(self, query: Any, values: Any = None) -> Any:
        return self.connection.execute(query, values)


class Postgres:
    """Thread-safe. Nothing is connected before it is needed; every method blocks."""

    def __init__(self, url: str | None, schema: str) -> None:
        self.schema = schema
        self._url = url
        self._idle: deque[Link] = deque()
        self._ended = False
        self._preparing = Lock()
        self._prepared = False
        self._down: tuple[float, str] | None = None

    @property
    def has_address(self) -> bool:
        return self._url is not None

    def run(self, work: Callable[[Link], T]) -> T:
        """Return what `work` does on a connection. Raises IndexUnavailable.

        If one that was kept has died meanwhile, `work` is done once more, on a new one: it must be fit for that.
        """
        import psycopg

        while True:
            link, kept = self._take()
            try:
                done = work(link)
            except psycopg.Error as error:
                lost = link.connection.closed
                link.connection.close()
                if not (kept and lost):
                    raise self._unavailable(error) from None
                self._let_go()
            except BaseException:
                link.connection.close()
                raise
            else:
                self._idle.append(link)
                if self._ended:
                    self._let_go()
                return done

    def check(self) -> None:
        """Raises IndexUnavailable if it cannot be used."""
        self.ready()
        self.run(lambda link: link.execute("SELECT 1"))

    def tables(self) -> list[str]:
        """The names of all in the schema. Raises IndexUnavailable, as does `drop`."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
        return self.run(lambda link: [name for (name,) in link.execute(query, (self.schema,)).fetchall()])

    def drop(self, name: str) -> None:
        from psycopg.sql import SQL, Identifier

        self.run(lambda link: link.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(self.schema, name))))

    def ready(self) -> None:
        """Raises IndexUnavailable if an address or the client is lacking. Asks nobody."""
        if self._url is None:
            raise IndexUnavailable(
                f"an index 'pgvector' needs a PostgreSQL with the extension vector: give its address in {SETTING}, as "
                "postgresql://user:password@host:5432/database"
            )
        try:
            import pgvector  # noqa: F401
            import psycopg  # noqa: F401
        except ImportError as error:
            raise IndexUnavailable(
                f"an index 'pgvector' needs the extra: pip install -c constraints.txt -e '.[pgvector]' ({error})"
            ) from None

    def close(self) -> None:
        """Let go of the connections; one that is in use goes when it is handed back."""
        self._ended = True
        self._let_go()

    def _let_go(self) -> None:
        # Others may take from it meanwhile.
        with suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def _take(self) -> tuple[Link, bool]:
        """A connection, and whether it is one that was kept."""
        try:
            return self._idle.pop(), True
        except IndexError:
            return self._connect(), False

    def _connect(self) -> Link:
        self.ready()
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        began = time.monotonic()
        if self._down is not None and began - self._down[0] < LEFT_ALONE:
            raise IndexUnavailable(self._down[1])
        assert self._url is not None
        try:
            given: dict[str, Any] = {**ALIVE, **conninfo_to_dict(self._url)}
        except psycopg.ProgrammingError:
            # The message may hold the password.
            raise IndexUnavailable(
                f"{SETTING} is no address of a PostgreSQL, as postgresql://user:password@host:5432/database"
            ) from None
        try:
            # Not prepared: a plan for any vector and any filter would be made without looking at either.
            connection = psycopg.connect(autocommit=True, prepare_threshold=None, **given)
        except psycopg.Error as error:
            failed, now = self._unavailable(error), time.monotonic()
            self._down = (now, str(failed)) if now - began > SLOW_SECONDS else None
            raise failed from None
        self._down = None
        try:
            return self._set_up(connection)
        except psycopg.Error as error:
            connection.close()
            raise self._unavailable(error) from None
        except BaseException:
            connection.close()
            raise

    def _set_up(self, connection: Connection[Any]) -> Link:
        from pgvector.psycopg import register_vector

        with self._preparing:
            if not self._prepared:
                self._prepare(connection)
                self._prepared = True
        # The extension's types and operators are found wherever it was installed.
        where = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
        found = connection.execute(where).fetchone()
        if found is None:
            self._prepared = False
            raise IndexUnavailable(f"the database of {SETTING} has lost its extension vector")
        connection.execute(f"SET search_path = {found[0]}, pg_catalog")
        register_vector(connection)
        link = Link(connection)
        link.set(statement_timeout=SEARCH_SECONDS * 1000, max_parallel_workers_per_gather=0)
        if connection.info.server_version >= NOTICES_THE_END:
            link.set(client_connection_check_interval=1_000)
        return link

    def _prepare(self, connection: Connection[Any]) -> None:
        import psycopg

        version = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        found = connection.execute(version).fetchone()
        if found is None:
            try:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            except psycopg.Error as error:
                raise IndexUnavailable(
                    f"the database of {SETTING} lacks the extension vector, and it could not be made there "
                    f"({_said(error)}): install pgvector on its server, then let its owner say CREATE EXTENSION vector"
                ) from None
            found = connection.execute(version).fetchone()
        if found is None or tuple(int(part) for part in found[0].split(".")[:2]) < LEAST_VERSION:
            least = ".".join(map(str, LEAST_VERSION))
            raise IndexUnavailable(
                f"the database of {SETTING} has pgvector {found and found[0]}, and it takes {least} or newer: install "
                "one on its server, then say ALTER EXTENSION vector UPDATE"
            )

    def _unavailable(self, error: Exception) -> IndexUnavailable:
        import psycopg

        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
            return IndexUnavailable(f"the database of {SETTING} has lost the table of this index", lost=True)
        return IndexUnavailable(f"the database of {SETTING} cannot be used now: {_said(error)}")


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def without_address() -> Postgres:
    """One that says on use how to give it an address."""
    return Postgres(None, "none")
