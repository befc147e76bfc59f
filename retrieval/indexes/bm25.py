"""Lexical search by BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, section 3.4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retrieval import analysis
from retrieval.indexes.places import best, check_k, found_at, last_of_each, stacked
from retrieval.indexes.postings import Postings, invert, load, merge, save, stretches
from retrieval.indexes.segments import Segment, Segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores

# The defaults of Anserini. On the sets of tests/retrieval/test_quality.py k1 of 0.9 to 1.2 and b of 0.4 to 0.75 differ
# by less than .01 once fused.
K1: Final = 0.9
B: Final = 0.4


class BM25Index:
    """An Index (retrieval.base) of texts. A document scores, over the terms of the query with their repetitions,

        sum of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length)),
        idf = ln(1 + (N - df + 0.5) / (df + 0.5))

    the idf as in Lucene, which is never negative. N, df and lengths are exact at any time, removals included.
    """

    def __init__(self, *, k1: float = K1, b: float = B) -> None:
        self.k1, self.b = k1, b
        self._segments: Segments[Postings] = Segments(merge)
        self._kept_scores: tuple[int, Counter[str], list[Scores]] = (-1, Counter(), [])
        """Of the last query: a hybrid search asks twice, the second time for what only its other half found."""
        self._kept_norms: tuple[int, list[NDArray[np.float32]]] = (-1, [])

    @classmethod
    def load(cls, path: Path, *, k1: float = K1, b: float = B) -> BM25Index:
        """Read what `save` wrote, memory-mapped. The files may be deleted while the index lives."""
        index = cls(k1=k1, b=b)
        index._segments = Segments(merge, [load(path)])
        return index

    def snapshot(self) -> Callable[[Path], None]:
        merged = self._segments.frozen()
        return lambda path: save(merged(), path)

    def __len__(self) -> int:
        return len(self._segments)

    def held(self) -> Ids:
        """The ids of all documents, ascending."""
        import numpy as np

        parts = self._segments.parts
        return np.sort(np.concatenate([np.empty(0, np.int64), *(part.rows.ids[part.alive] for part in parts)]))

    def add(self, ids: Ids, payload: Sequence[str], *, terms: Sequence[Sequence[str]] | None = None) -> None:
        """Add texts, or their `terms` where they are known already; an id that is there is replaced.

        Raises ValueError when there are not as many texts as ids.
        """
        import numpy as np

        if len(payload) != len(ids) or (terms is not None and len(terms) != len(ids)):
            raise ValueError(f"{len(payload)} texts, {None if terms is None else len(terms)} terms: not {len(ids)} ids")
        documents = terms if terms is not None else [analysis.terms(text) for text in payload]
        ids = np.asarray(ids, np.int64)
        places = last_of_each(ids)
        self._segments.add(invert(ids[places], [documents[place] for place in places.tolist()]))

    def remove(self, ids: Ids) -> None:
        self._segments.remove(ids)

    def search(self, queries: Sequence[str], k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return scores and ids (n, k) of documents with a term of the query, best first, padded with (-inf, -1).

        Raises ValueError for k < 1.
        """
        check_k(k)
        masks = [part.chosen(allow) for part in self._segments.parts]
        return stacked([self._search(Counter(analysis.terms(query)), k, masks) for query in queries], k)

    def matched(self, query: str, id: int) -> list[str]:
        """Return the terms of the query that document `id` holds, each once, in the order of the query."""
        import numpy as np

        wanted = list(dict.fromkeys(analysis.terms(query)))
        for part in self._segments.parts:
            for place in found_at(part.rows.ids, np.array([id])):
                if part.alive[place]:
                    where = stretches(part.rows, wanted)
                    return [t for t, at in zip(wanted, where, strict=True) if (part.rows.places[at] == place).any()]
        return []

    def idf(self, term: str) -> float:
        """Return how telling a term (as retrieval.analysis makes it) is: near 0 in all documents, most in none."""
        frequency = sum(_frequency(part, stretches(part.rows, [term])[0]) for part in self._segments.parts)
        return self._idf(frequency)

    def attainable(self, query: str) -> float:
        """Return the score that a document full of every term of the query would near, terms nobody holds left out."""
        wanted = Counter(analysis.terms(query))
        where = [stretches(part.rows, list(wanted)) for part in self._segments.parts]
        total = 0.0
        for number, times in enumerate(wanted.values()):
            frequency = sum(_frequency(part, at[number]) for part, at in zip(self._segments.parts, where, strict=True))
            total += times * self._idf(frequency) * (self.k1 + 1) if frequency else 0.0
        return total

    def _idf(self, frequency: int) -> float:
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def _search(self, query: Counter[str], k: int, masks: Sequence[NDArray[np.bool_]]) -> tuple[Scores, Ids]:
        import numpy as np

        found = [(np.empty(0, np.float32), np.empty(0, np.int64))]
        for part, mask, scores in zip(self._segments.parts, masks, self._scores(query), strict=True):
            places = np.flatnonzero((scores > 0) & mask)
            found.append((scores[places], part.rows.ids[places]))
        scores, ids = (np.concatenate(column) for column in zip(*found, strict=True))
        return best(scores, ids, k)

    def _scores(self, query: Counter[str]) -> list[Scores]:
        """Per segment the scores (n,) of all its documents, the removed ones included."""
        import numpy as np

        version, asked, scores = self._kept_scores
        if version == self._segments.version and asked == query:
            return scores
        parts, norms = self._segments.parts, self._norms()
        where = [stretches(part.rows, list(query)) for part in parts]
        scores = [np.zeros(len(part.alive), np.float32) for part in parts]
        for number, times in enumerate(query.values()):
            frequency = sum(_frequency(part, at[number]) for part, at in zip(parts, where, strict=True))
            weight = np.float32(times * self._idf(frequency) * (self.k1 + 1))
            for part, at, norm, score in zip(parts, where, norms, scores, strict=True):
                places = part.rows.places[at[number]]
                count = part.rows.counts[at[number]].astype(np.float32)
                score[places] += weight * count / (count + norm[places])
        self._kept_scores = (self._segments.version, query, scores)
        return scores

    def _norms(self) -> list[NDArray[np.float32]]:
        """Per segment (n,): k1 * (1 - b + b * length / mean length). Kept until the next change."""
        import numpy as np

        version, norms = self._kept_norms
        if version == self._segments.version:
            return norms
        parts, version = self._segments.parts, self._segments.version
        total = sum(int(part.rows.lengths[part.alive].sum()) for part in parts)
        mean = max(total, 1) / max(len(self), 1)
        norms = [
            (self.k1 * (1 - self.b + self.b / mean * part.rows.lengths.astype(np.float32))).astype(np.float32)
            for part in parts
        ]
        self._kept_norms = (version, norms)
        return norms


def _frequency(part: Segment[Postings], stretch: slice) -> int:
    """In how many documents of a segment a term stands."""
    if part.dead == 0:
        return int(stretch.stop - stretch.start)
    return int(part.alive[part.rows.places[stretch]].sum())
