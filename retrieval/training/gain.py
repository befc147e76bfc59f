"""What training has brought: the questions that were held back, before and after, with BM25 and the hybrid beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from retrieval.evaluation import compare, estimate
from retrieval.training.examples import Example
from retrieval.training.negatives import lexical
from retrieval.training.ranking import Places, by_vectors, embedded, figures

if TYPE_CHECKING:
    from retrieval.indexes.bm25 import BM25Index

MEASURES: Final = ("mrr", "recall", "recall_at_1", "average_rank")
LOWER_IS_BETTER: Final = frozenset({"average_rank"})
FUSED: Final = {"untuned": "hybrid_untuned", "tuned": "hybrid"}
DEEP: Final = 100
"""Of a fusion, so many ranks are looked at."""


def places(before: Any, after: Any, examples: Sequence[Example], passages: Sequence[str]) -> dict[str, Places]:
    """Ranks of the right passages by both models, by each in the default fusion with BM25, and by BM25 alone. What a
    fusion or BM25 does not find has the last rank of all."""
    words = lexical(passages)
    found = {}
    for way, model in (("untuned", before), ("tuned", after)):
        found[way], found[FUSED[way]] = _both(model, words, examples, passages)
    where = {text: number for number, text in enumerate(passages)}
    ids = words.search([one.query for one in examples], len(passages))[1].tolist()
    found["bm25"] = [_ranks(row, one, where) for row, one in zip(ids, examples, strict=True)]
    return found


def _both(model: Any, words: BM25Index, examples: Sequence[Example], passages: Sequence[str]) -> tuple[Places, Places]:
    import numpy as np

    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.hybrid import search

    documents = embedded(model, passages, "document")
    queries = embedded(model, [one.query for one in examples], "query")
    dense = FlatIndex(documents.shape[1])
    dense.add(np.arange(len(passages)), documents)
    where, fused = {text: number for number, text in enumerate(passages)}, []
    for one, vector in zip(examples, queries, strict=True):
        hits = search(one.query, vector, dense, words, DEEP, None, fusion=None, scripts=frozenset())
        fused.append(_ranks([hit.id for hit in hits], one, where))
    return by_vectors(queries, documents, examples, passages), fused


def _ranks(ids: Sequence[int], example: Example, where: Mapping[str, int]) -> list[int]:
    rank = {id: number for number, id in enumerate(ids, start=1) if id >= 0}
    return sorted(rank.get(where[text], len(where)) for text in example.positives)


def gain(found: Mapping[str, Places]) -> dict[str, Any]:
    """The means of each way of searching with their intervals, and what differs between before and after, by a paired
    permutation test. Of every measure more than 0 is better: of ranks it is the places that were gained."""
    by_way = {way: figures(one) for way, one in found.items()}
    after, before = by_way["tuned"], by_way["untuned"]
    sides = {name: (before, after) if name in LOWER_IS_BETTER else (after, before) for name in MEASURES}
    return {
        "n_queries": len(found["tuned"]),
        "means": {
            way: {name: estimate(values[name]).model_dump() for name in MEASURES} for way, values in by_way.items()
        },
        "gain": {name: compare(better[name], worse[name]).model_dump() for name, (better, worse) in sides.items()},
    }


def measured(before: Any, after: Any, examples: Sequence[Example], passages: Sequence[str]) -> dict[str, Any]:
    return {**gain(places(before, after, examples, passages)), "n_passages": len(passages), "k": 10}
