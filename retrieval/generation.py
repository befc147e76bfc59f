"""One generation at work: its index in memory, and its base on disk.

The database is the truth. The base is a snapshot of the index under the data directory, so that a start need not read
every vector and tokenise every text again; chunks that came or went since are found by comparing ids. It is folded anew
only when as much has changed as a share of it, so n additions cost O(n); searches and changes go on meanwhile.

A dense half that an engine keeps (`IndexSpec.outside`) has no base. It is asked for the ids that it holds instead, and
again whenever it may have missed something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from retrieval import bases
from retrieval.base import Embedder
from retrieval.indexes.plan import Knobs
from retrieval.indexes.spec import IndexSpec
from retrieval.pace import Pace
from retrieval.rwlock import ReadWriteLock

if TYPE_CHECKING:
    from retrieval.base import Ids, Vectors
    from retrieval.indexes.ann import AnnIndex
    from retrieval.indexes.bm25 import BM25Index
    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.hybrid import Ranked
    from retrieval.indexes.pgvector import PgvectorIndex
    from retrieval.indexes.postgres import Postgres

FOLD_AT_LEAST = 2_000
"""Chunks in the tail under which a new base is not worth its writing (some 0.3 s to rebuild them on start)."""
FOLD_SHARE = 2
"""Half of the base may have changed; where the tail of an approximate index is searched one by one, a quarter."""
FOLD_SHARE_APPROXIMATE = 4


@dataclass(frozen=True)
class Batch:
    """Chunks ready to be indexed. `vectors` is None for a generation without a dense half."""

    ids: Ids
    texts: Sequence[str]
    terms: Sequence[Sequence[str]] | None
    vectors: Vectors | None


class Generation:
    """Thread-safe: searches share a lock that additions and removals take alone. Every method blocks."""

    def __init__(
        self, spec: IndexSpec, embedder: Embedder, directory: Path, postgres: Postgres | None = None
    ) -> None:  # fmt: skip
        self.spec = spec
        self.embedder = embedder
        self.directory = directory
        self._lock = ReadWriteLock()
        self._folding = Lock()
        self._postgres = postgres
        self._dense: FlatIndex | AnnIndex | PgvectorIndex | None = None
        self._outside: PgvectorIndex | None = None
        """The same, if an engine keeps it."""
        self._lexical: BM25Index | None = None
        self._ids: set[int] = set()
        self._base_size = 0
        self._changed = 0
        self.knobs = Knobs()

    def open(self, alive: Ids, batches: Callable[[Ids], Iterator[Batch]], pace: Pace | None = None) -> None:
        """Load the base, forget what is no longer alive, add what it lacks. `batches` makes Batches for given ids.

        Raises IndexUnavailable: it is `behind` then. Raises Stopped if `pace` says so."""
        bases.sweep(self.directory)
        based = self._load_base()
        self.set_knobs(self.knobs)
        self._base_size = len(based)
        self._ids = set(based.tolist())
        if self.spec.outside:
            self.catch_up(alive, batches, pace)
        else:
            self.reconcile(alive, batches)

    def catch_up(
        self, alive: Ids, batches: Callable[[Ids], Iterator[Batch]], pace: Pace | None = None, *, last: bool = True
    ) -> int:  # fmt: skip
        """Bring an engine's half in line, whatever it has missed; returns how much it lacked. Raises as `open`.

        `last`: nothing changes meanwhile, so that it is no longer `behind`.
        """
        import numpy as np

        assert self._outside is not None
        self._outside.behind = True
        held = self._outside.open()
        if self._lexical is None:
            self._ids = set(held.tolist())
        else:
            self._ids.intersection_update(held.tolist())
            self._outside.remove(np.setdiff1d(held, np.array(sorted(self._ids), np.int64), assume_unique=True))
        lacked = self.reconcile(alive, batches)
        self._outside.settle(pace)
        self._outside.behind = not last
        return lacked

    def reconcile(self, alive: Ids, batches: Callable[[Ids], Iterator[Batch]]) -> int:
        """Bring the index in line with the ids that the database has; returns how many it lacked."""
        import numpy as np

        held = np.array(sorted(self._ids), np.int64)
        self.remove(np.setdiff1d(held, alive, assume_unique=True))
        missing = np.setdiff1d(alive, held, assume_unique=True)
        for batch in batches(missing):
            self.add(batch)
        return len(missing)

    @property
    def behind(self) -> bool:
        """Whether an engine may lack changes, or is not open yet: `catch_up` before anything else."""
        return self.spec.outside if self._outside is None else self._outside.behind

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def notes(self) -> list[str]:
        """What of the index is not as its spec says, and why."""
        with self._lock.reading():
            plan = getattr(self._dense, "plan", None)
            return list(plan.notes) if plan is not None else []

    def add(self, batch: Batch) -> None:
        """Raises IndexUnavailable: the generation is `behind` then."""
        if self._outside is not None and batch.vectors is not None:
            # The engine keeps its searches and changes apart by itself, and may take long.
            self._outside.add(batch.ids, batch.vectors)
        with self._lock.writing():
            if self._dense is not None and batch.vectors is not None and self._outside is None:
                self._dense.add(batch.ids, batch.vectors)
            if self._lexical is not None:
                self._lexical.add(batch.ids, batch.texts, terms=batch.terms)
            self._ids.update(batch.ids.tolist())
            self._changed += len(batch.ids)

    def remove(self, ids: Ids) -> None:
        """Raises as `add`."""
        if len(ids) == 0:
            return
        if self._outside is not None:
            self._outside.remove(ids)
        with self._lock.writing():
            for index in (self._dense if self._outside is None else None, self._lexical):
                if index is not None:
                    index.remove(ids)
            self._ids.difference_update(ids.tolist())
            self._changed += len(ids)

    def check(self) -> None:
        """Raises IndexUnavailable if there is an engine that cannot be reached."""
        if self.spec.outside and self._postgres is not None:
            self._postgres.check()

    def search(
        self, query: str, vector: Vectors | None, k: int, allow: Ids | None, *, exactly: bool = False, wait: bool = True
    ) -> list[Ranked]:  # fmt: skip
        """The best k chunks, best first; `vector` (d,) is not needed by a lexical generation.

        `exactly`: with every vector compared, which is what an approximate index is measured by. Raises
        IndexUnavailable, and Busy if it is being changed and must not `wait`.
        """
        from retrieval.indexes.hybrid import Exactly, search

        with self._lock.reading(wait=wait):
            dense = Exactly(self._dense) if exactly and self._dense is not None else self._dense
            found: list[Ranked] = search(
                query,
                vector,
                dense,
                self._lexical,
                k,
                allow,
                fusion=self.spec.fusion,
                scripts=self.embedder.scripts,
            )
            return found

    def matched_terms(self, query: str, chunk_id: int) -> list[str]:
        with self._lock.reading():
            return self._lexical.matched(query, chunk_id) if self._lexical is not None else []

    def looks(self) -> tuple[int, int] | None:
        """How far its index looks, and the most that makes a difference; None: it looks at everything."""
        with self._lock.reading():
            return getattr(self._dense, "looks", None)

    def approximates(self, allowed: int) -> bool:
        """Whether a dense search among so many chunks may miss some."""
        with self._lock.reading():
            approximates: Callable[[int], bool] = getattr(self._dense, "approximates", lambda _: False)
            return approximates(allowed)

    def disk_bytes(self) -> int:
        return bases.size(self.directory) + (self._outside.table.sizes()[1] if self._outside is not None else 0)

    def bytes_per_vector(self) -> float | None:
        """Of what a dense search goes through: codes and links, or the vectors. None: no base, or no dense half."""
        if self._outside is not None and len(self._ids):
            return round(self._outside.table.sizes()[0] / len(self._ids), 1)
        base = bases.newest(self.directory)
        if self.spec.dense is None or base is None or not self._base_size:
            return None
        finder, vectors = base / "dense" / "finder.faiss", base / "dense" / "vectors.faiss"
        return round((finder if finder.is_file() else vectors).stat().st_size / self._base_size, 1)

    def set_knobs(self, knobs: Knobs) -> None:
        from retrieval.indexes.flat import FlatIndex

        with self._lock.writing():
            self.knobs = knobs
            if self._dense is not None and not isinstance(self._dense, FlatIndex):
                self._dense.knobs = knobs

    def is_due(self, at_least: int = FOLD_AT_LEAST) -> bool:
        """Whether enough has changed since the last base to write a new one."""
        if self._outside is not None and self._lexical is None:
            return False
        share = FOLD_SHARE if self.spec.outside or self.spec.dense in (None, "flat") else FOLD_SHARE_APPROXIMATE
        return self._changed >= max(at_least, self._base_size // share)

    def fold_if_due(self, *, at_least: int = FOLD_AT_LEAST, pace: Pace | None = None) -> bool:
        """Write a new base if enough has changed since the last one. Raises Stopped if `pace` says so."""
        with self._folding:
            if not self.is_due(at_least):
                return False
            self._fold(pace)
            return True

    def _fold(self, pace: Pace | None) -> None:
        import numpy as np

        from retrieval.indexes.ann import AnnIndex
        from retrieval.indexes.flat import FlatIndex

        parts: dict[str, Callable[[Path], None]] = {}
        with self._lock.writing():
            dense, lexical, changed = self._dense, self._lexical, self._changed
            ids = np.array(sorted(self._ids), np.int64)
            if isinstance(dense, AnnIndex):
                parts["dense"] = dense.snapshot(pace)
            elif isinstance(dense, FlatIndex):
                parts["dense"] = dense.snapshot()
            if lexical is not None:
                parts["lexical"] = lexical.snapshot()
        base = bases.write(self.directory, self._identity(), ids, parts)
        if isinstance(dense, AnnIndex):
            fresh = AnnIndex.load(base / "dense", dense.dense)
            with self._lock.writing():
                dense.adopt(fresh)
        bases.keep_only(self.directory, base)
        if pace is not None:
            pace.keep()
        with self._lock.writing():
            self._base_size = len(ids)
            self._changed -= changed

    def _identity(self) -> dict[str, str | int]:
        """Without a dense half no model is asked for anything, and may be away."""
        named: dict[str, str | int] = {"index": self.spec.text, "embedder": self.embedder.name}
        if self.spec.dense is None:
            return named
        return {**named, "fingerprint": self.embedder.fingerprint, "dimension": self.embedder.dimension}

    def _load_base(self) -> Ids:
        """Load the newest base that is whole and of this generation's kind; else start empty. Returns its ids."""
        import numpy as np

        from retrieval import halves

        identity = self._identity()
        base = bases.newest_whole(self.directory, identity)
        bases.keep_only(self.directory, base)
        self._outside = halves.outside_half(self.spec, identity, self._postgres, self.directory.name)
        dimension = self.embedder.dimension if self.spec.dense is not None else 0
        local = halves.dense_half(self.spec, dimension, base)
        self._dense = local if self._outside is None else self._outside
        self._lexical = halves.lexical_half(self.spec, base)
        return np.empty(0, np.int64) if base is None else np.load(base / "ids.npy")
