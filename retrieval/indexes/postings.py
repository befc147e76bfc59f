"""An immutable inverted list: which documents hold a term, how often, and how long they are.

Plain arrays, so that it is saved as .npy files and loaded memory-mapped. Terms are known by a 64-bit hash: a million of
them collide with a chance of 3e-8, and no vocabulary has to be read or searched as strings.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids


@dataclass(frozen=True, slots=True)
class Postings:
    ids: Ids
    """int64 (n,), ascending; a document is known by its place here."""
    lengths: NDArray[np.int32]
    """(n,): terms in a document, repetitions included."""
    hashes: NDArray[np.uint64]
    """(t,), ascending, one per term."""
    starts: NDArray[np.int64]
    """(t + 1,): where a term's stretch of `places` and `counts` begins; the last: their size."""
    places: NDArray[np.int32]
    """(p,): the documents of each term, each once."""
    counts: NDArray[np.int32]
    """(p,): how often the term is in that document."""


@lru_cache(1 << 16)
def term_hash(term: str) -> int:
    """Return the same 64-bit hash in every process."""
    digest = hashlib.blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def stretches(postings: Postings, terms: Sequence[str]) -> list[slice]:
    """Return for each term where it stands in `places` and `counts`; an empty slice for one that no document has."""
    import numpy as np

    if len(postings.hashes) == 0:
        return [slice(0, 0)] * len(terms)
    wanted = np.array([term_hash(term) for term in terms], np.uint64)
    at = np.minimum(np.searchsorted(postings.hashes, wanted), len(postings.hashes) - 1)
    known = postings.hashes[at] == wanted
    starts, ends = postings.starts[at], np.where(known, postings.starts[at + 1], postings.starts[at])
    return [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def invert(ids: Ids, documents: Sequence[Sequence[str]]) -> Postings:
    """Return the postings of `documents` (their terms) under `ids`, which are distinct and in any order."""
    import numpy as np

    order = np.argsort(ids)
    counted = [Counter(documents[place]) for place in order.tolist()]
    sizes = [len(counts) for counts in counted]
    hashes = [term_hash(term) for counts in counted for term in counts]
    return _grouped(
        np.asarray(ids, np.int64)[order],
        np.array([counts.total() for counts in counted], np.int32),
        np.array(hashes, np.uint64),
        np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        np.array([count for counts in counted for count in counts.values()], np.int32),
    )


def merge(parts: Sequence[tuple[Postings, NDArray[np.bool_]]]) -> Postings:
    """Return as one the postings of several with distinct ids: the documents that their masks (n,) say are alive."""
    import numpy as np

    if not parts:
        return invert(np.empty(0, np.int64), [])
    ids = np.concatenate([part.ids[alive] for part, alive in parts])
    order = np.argsort(ids, kind="stable")
    new_place = np.empty(len(ids), np.int32)
    new_place[order] = np.arange(len(ids), dtype=np.int32)
    hashes, places, counts, done = [], [], [], 0
    for part, alive in parts:
        renumbered = np.full(len(part.ids), -1, np.int32)
        size = int(alive.sum())
        renumbered[alive] = new_place[done : done + size]
        done += size
        place = renumbered[part.places]
        kept = place >= 0
        hashes.append(np.repeat(part.hashes, np.diff(part.starts))[kept])
        places.append(place[kept])
        counts.append(part.counts[kept])
    lengths = np.concatenate([part.lengths[alive] for part, alive in parts])[order]
    return _grouped(ids[order], lengths, np.concatenate(hashes), np.concatenate(places), np.concatenate(counts))


def _grouped(
    ids: Ids,
    lengths: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    places: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> Postings:
    """From one row per (document, term) to rows grouped by term."""
    import numpy as np

    # Stable is Timsort here: the hashes of a merge come as a few ascending runs, which it joins in linear time.
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(hashes)), np.bool_), hashes[1:] != hashes[:-1]]))
    bounds = np.append(starts, len(hashes)).astype(np.int64)
    return Postings(ids, lengths, hashes[starts], bounds, places[order], counts[order])


def save(postings: Postings, path: Path) -> None:
    """Write one .npy a field to the directory `path`."""
    import numpy as np

    for field in fields(Postings):
        np.save(path / f"{field.name}.npy", getattr(postings, field.name))


def load(path: Path) -> Postings:
    """Read what `save` wrote, memory-mapped."""
    import numpy as np

    return Postings(**{f.name: np.load(path / f"{f.name}.npy", mmap_mode="r") for f in fields(Postings)})
