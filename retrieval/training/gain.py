"""What training has brought: the questions that were held back, before and after, with BM25 and the hybrid beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from retrieval.evaluation import compare, estimate
from retrieval.training.examples import Example
from retrieval.training.negatives import lexical
from retrieval.training.ranking import Places, by_model, embedded, figures

MEASURES: Final = ("mrr", "recall", "recall_at_1", "average_rank")


def others(model: Any, examples: Sequence[Example], passages: Sequence[str]) -> dict[str, Places]:
    """Ranks by BM25 alone, and by the default fusion of it with the model. Not found: the last rank of all."""
    import numpy as np

    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.hybrid import search

    documents = embedded(model, passages, "document")
    words, dense = lexical(passages), FlatIndex(documents.shape[1])
    dense.add(np.arange(len(passages)), documents)
    queries = embedded(model, [one.query for one in examples], "query")
    place = {text: number for number, text in enumerate(passages)}
    found: dict[str, Places] = {"bm25": [], "hybrid": []}
    for one, vector in zip(examples, queries, strict=True):
        right = [place[text] for text in one.positives]
        ids = words.search([one.query], len(passages))[1][0].tolist()
        found["bm25"].append(_places(ids, right, len(passages)))
        hits = search(one.query, vector, dense, words, 100, None, fusion=None, scripts=frozenset())
        found["hybrid"].append(_places([hit.id for hit in hits], right, len(passages)))
    return found


def _places(ids: Sequence[int], right: Sequence[int], last: int) -> list[int]:
    rank = {id: number for number, id in enumerate(ids, start=1) if id >= 0}
    return sorted(rank.get(id, last) for id in right)


def gain(places: Mapping[str, Places], before: str = "untuned", after: str = "tuned") -> dict[str, Any]:
    """The means of each way of searching with their intervals, and what differs between before and after, by a paired
    permutation test."""
    by_way = {way: figures(found) for way, found in places.items()}
    return {
        "n_queries": len(places[after]),
        "means": {
            way: {name: estimate(values[name]).model_dump() for name in MEASURES} for way, values in by_way.items()
        },
        "gain": {name: compare(by_way[after][name], by_way[before][name]).model_dump() for name in MEASURES},
    }


def measured(before: Any, after: Any, examples: Sequence[Example], passages: Sequence[str]) -> dict[str, Any]:
    places = {"untuned": by_model(before, examples, passages), "tuned": by_model(after, examples, passages)}
    places |= others(after, examples, passages)
    places["hybrid_untuned"] = others(before, examples, passages)["hybrid"]
    return {**gain(places), "n_passages": len(passages), "k": 10}
