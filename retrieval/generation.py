"""One generation at work: its index in memory, and its base on disk.

The database is the truth. The base is a snapshot of the index under the data directory, so that a start need not read
every vector and tokenise every text again; chunks that came or went since are found by comparing ids. A base is written
to a temporary name and renamed, and folded anew only when the tail has grown to half of it, so n additions cost O(n).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from retrieval.base import Embedder
from retrieval.indexes.spec import IndexSpec
from retrieval.rwlock import ReadWriteLock

if TYPE_CHECKING:
    from retrieval.base import Ids, Vectors
    from retrieval.indexes.bm25 import BM25Index
    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.hybrid import Ranked

FOLD_AT_LEAST = 2_000
"""Chunks in the tail under which a new base is not worth its writing (some 0.3 s to rebuild them on start)."""
FORMAT = 1


@dataclass(frozen=True)
class Batch:
    """Chunks ready to be indexed. `vectors` is None for a generation without a dense half."""

    ids: Ids
    texts: Sequence[str]
    terms: Sequence[Sequence[str]] | None
    vectors: Vectors | None


class Generation:
    """Thread-safe: searches share a lock that additions and removals take alone. Every method blocks."""

    def __init__(self, spec: IndexSpec, embedder: Embedder, directory: Path) -> None:
        self.spec = spec
        self.embedder = embedder
        self._directory = directory
        self._lock = ReadWriteLock()
        self._folding = Lock()
        self._dense: FlatIndex | None = None
        self._lexical: BM25Index | None = None
        self._ids: set[int] = set()
        self._base_size = 0
        self._changed = 0

    def open(self, alive: Ids, batches: Callable[[Ids], Iterator[Batch]]) -> None:
        """Load the base, forget what is no longer alive, add what it lacks. `batches` makes Batches for given ids."""
        import numpy as np

        for half_written in self._directory.glob("tmp-*"):
            shutil.rmtree(half_written, ignore_errors=True)
        based = self._load_base()
        gone, missing = np.setdiff1d(based, alive), np.setdiff1d(alive, based)
        self._base_size = len(based)
        self._ids = set(based.tolist())
        self.remove(gone)
        for batch in batches(missing):
            self.add(batch)
        self.fold_if_due()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, batch: Batch) -> None:
        with self._lock.writing():
            if self._dense is not None and batch.vectors is not None:
                self._dense.add(batch.ids, batch.vectors)
            if self._lexical is not None:
                self._lexical.add(batch.ids, batch.texts, terms=batch.terms)
            self._ids.update(batch.ids.tolist())
            self._changed += len(batch.ids)

    def remove(self, ids: Ids) -> None:
        if len(ids) == 0:
            return
        with self._lock.writing():
            for index in (self._dense, self._lexical):
                if index is not None:
                    index.remove(ids)
            self._ids.difference_update(ids.tolist())
            self._changed += len(ids)

    def search(self, query: str, vector: Vectors | None, k: int, allow: Ids | None) -> list[Ranked]:
        """The best k chunks, best first; `vector` (d,) is not needed by a lexical generation."""
        from retrieval.indexes.hybrid import search

        with self._lock.reading():
            found: list[Ranked] = search(
                query,
                vector,
                self._dense,
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

    def fold_if_due(self, *, at_least: int = FOLD_AT_LEAST) -> bool:
        """Write a new base if enough has changed since the last one."""
        with self._folding:
            if self._changed < max(at_least, self._base_size // 2):
                return False
            with self._lock.reading():
                self._write_base()
            return True

    def _halves(self) -> list[tuple[str, FlatIndex | BM25Index]]:
        named: list[tuple[str, FlatIndex | BM25Index | None]] = [("dense", self._dense), ("lexical", self._lexical)]
        return [(name, index) for name, index in named if index is not None]

    def _write_base(self) -> None:
        import numpy as np

        number = 1 + max((_number(p) for p in self._bases()), default=0)
        temporary = self._directory / f"tmp-{number}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        ids = np.array(sorted(self._ids), np.int64)
        np.save(temporary / "ids.npy", ids)
        for name, index in self._halves():
            (temporary / name).mkdir()
            index.save(temporary / name)
        files = sorted(p for p in temporary.rglob("*") if p.is_file())
        manifest = {
            **self._identity(),
            "covers": len(ids),
            "last_chunk_id": int(ids[-1]) if len(ids) else 0,
            "sha256": {str(p.relative_to(temporary)): _sha256(p) for p in files},
        }
        (temporary / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in (*files, temporary / "manifest.json"):
            _sync(path)
        old = self._bases()
        temporary.rename(self._directory / f"base-{number}")
        _sync(self._directory)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        self._base_size, self._changed = len(ids), 0

    def _identity(self) -> dict[str, str | int]:
        return {
            "format": FORMAT,
            "index": self.spec.text,
            "embedder": self.embedder.name,
            "fingerprint": self.embedder.fingerprint,
            "dimension": self.embedder.dimension,
        }

    def _bases(self) -> list[Path]:
        """Bases on disk, newest first."""
        named = (p for p in self._directory.glob("base-*") if p.name.removeprefix("base-").isdecimal())
        return sorted(named, key=_number, reverse=True)

    def _load_base(self) -> Ids:
        """Load the newest base that is whole and of this generation's kind; else start empty. Returns its ids."""
        import numpy as np

        from retrieval.indexes.bm25 import BM25Index
        from retrieval.indexes.flat import FlatIndex

        dense, lexical = self.spec.dense is not None, self.spec.lexical
        base = next((b for b in self._bases() if self._is_whole(b)), None)
        if base is not None:
            self._dense = FlatIndex.load(base / "dense") if dense else None
            self._lexical = BM25Index.load(base / "lexical") if lexical else None
            ids: Ids = np.load(base / "ids.npy")
            return ids
        self._dense = FlatIndex(self.embedder.dimension) if dense else None
        self._lexical = BM25Index() if lexical else None
        return np.empty(0, np.int64)

    def _is_whole(self, base: Path) -> bool:
        try:
            manifest = dict(json.loads((base / "manifest.json").read_text(encoding="utf-8")))
            same_kind = all(manifest.get(key) == value for key, value in self._identity().items())
            return same_kind and all(_sha256(base / name) == digest for name, digest in manifest["sha256"].items())
        except (OSError, ValueError, TypeError, KeyError):
            return False


def _number(base: Path) -> int:
    return int(base.name.removeprefix("base-"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
