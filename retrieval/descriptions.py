"""Which of a few described things a question is about: tools, experts. By words, by meaning, or by both.

The same BM25 and the same fusion as of a collection's search; the cosines come from whoever has the embedder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from retrieval import analysis
from retrieval.fusion import calibrated, lexical_parts, readable

if TYPE_CHECKING:
    from retrieval.indexes.bm25 import BM25Index

By = Literal["lexical", "dense", "hybrid"]
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[._]+")


class Found(NamedTuple):
    place: int
    """Of the text, from 0."""
    score: float
    """0 to 1; comparable only within one search."""
    dense: float | None
    lexical: float | None


def in_words(name: str) -> str:
    """`get_weather.byCity` -> `get weather by City`: words that a question may share."""
    return _CAMEL.sub(" ", name).strip()


def described(name: str, description: str, arguments: Mapping[str, Any]) -> str:
    """All that is known of a tool as a text to be found. `arguments`: their schemas by name."""
    told = (f"{in_words(one)}: {about.get('description', '')}".rstrip(": ") for one, about in arguments.items())
    return "\n".join((in_words(name), description, *told))


def ranked(
    query: str,
    texts: Sequence[str],
    cosines: Sequence[float] | None,
    by: By,
    scripts: frozenset[str] = frozenset(),
) -> list[Found]:
    """All texts, best first; equals in their own order. `cosines`: of each text; None: by words whatever `by` says.

    `scripts`: what the embedder reads (`Embedder.scripts`). Blocking: microseconds a text.
    """
    import numpy as np

    if not texts:
        return []
    index = _index(tuple(texts))
    lexical = np.zeros(len(texts), np.float32)
    scores, ids = index.search([query], len(texts))
    held = ids[0] >= 0
    lexical[ids[0][held]] = scores[0][held]
    attainable = _attainable(index, query)
    if cosines is None or by == "lexical":
        fused = lexical_parts(lexical, attainable)
    else:
        dense = np.asarray(cosines, np.float32)
        fused = dense.astype(np.float64)
        if by == "hybrid":
            fused = calibrated(dense, lexical, readable=readable(query, scripts), attainable=attainable)
    second = np.asarray(cosines) if cosines is not None and by != "lexical" else lexical
    order = np.lexsort((np.arange(len(texts)), -second, -fused))
    return [
        Found(
            int(place),
            round(float(min(1.0, max(0.0, fused[place]))), 6),
            None if cosines is None else round(float(cosines[place]), 6),
            round(float(lexical[place]), 6) if lexical[place] > 0 else None,
        )
        for place in order
    ]


def _attainable(index: BM25Index, query: str) -> float:
    """Of the words that no description has as well: a question full of them is meant for nobody here. Figures aside."""
    nobodys = index.idf("")
    unknown = [term for term in analysis.terms(query) if index.idf(term) == nobodys and not term[0].isdigit()]
    return index.attainable(query) + len(unknown) * nobodys * (index.k1 + 1)


@lru_cache(16)
def _index(texts: tuple[str, ...]) -> BM25Index:
    import numpy as np

    from retrieval.indexes.bm25 import BM25Index

    index = BM25Index()
    index.add(np.arange(len(texts), dtype=np.int64), texts)
    return index
