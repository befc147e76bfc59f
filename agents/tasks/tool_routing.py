"""How well a question finds its tool among many, by description: by words, by meaning, and by both.

The pool are all functions of the cases, one for each name. A question counts as found at k if the function that its
answer key calls is among the first k. All three are measured on the same texts, their differences tested by pairs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from agents.tasks.base import BadData
from agents.tasks.bfcl import question_of
from retrieval.descriptions import By, described, ranked
from retrieval.evaluation import compare, estimate
from retrieval.nearness import cosines

if TYPE_CHECKING:
    from retrieval.base import Embedder

KS = (1, 5, 10)
BASELINE: By = "lexical"
OTHER = "others"


class Asked(NamedTuple):
    question: str
    tool: str
    """That the answer key calls."""


def pool_of(cases: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The text of every function, by name; of several with one name the first."""
    texts: dict[str, str] = {}
    for case in cases:
        for one in case["function"]:
            texts.setdefault(one["name"], described(one["name"], one["description"], one["parameters"]["properties"]))
    return texts


def asked_of(cases: Sequence[Mapping[str, Any]]) -> list[Asked]:
    """Questions with one right function. Raises BadData if there are none."""
    keyed = [case for case in cases if len(case.get("ground_truth", ())) == 1]
    if not keyed:
        raise BadData("no case has a 'ground_truth' of one call: there is nothing to route to")
    return [Asked(question_of(case), next(iter(case["ground_truth"][0]))) for case in keyed]


def measured(pool: Mapping[str, str], asked: Sequence[Asked], embedder: Embedder) -> dict[str, Any]:
    """Recall at k for each way to route, with 95 % intervals; differences from BM25; and the confusions of the hybrid.

    Blocking: some milliseconds for each function and question.
    """
    names, texts = list(pool), list(pool.values())
    rows = cosines(embedder, [one.question for one in asked], texts)
    hits: dict[tuple[str, int], list[float]] = defaultdict(list)
    confused: Counter[tuple[str, str]] = Counter()
    for one, near in zip(asked, rows, strict=True):
        for by in get_args(By):
            found = [names[it.place] for it in ranked(one.question, texts, near, by, embedder.scripts)[: max(KS)]]
            for k in KS:
                hits[by, k].append(float(one.tool in found[:k]))
            if by == "hybrid":
                confused[one.tool, found[0]] += 1
    return {
        "tools": len(pool),
        "questions": len(asked),
        "embedder": embedder.name,
        "recall": {by: {str(k): estimate(hits[by, k]).model_dump() for k in KS} for by in get_args(By)},
        "versus_lexical": {
            by: {str(k): compare(hits[by, k], hits[BASELINE, k]).model_dump() for k in KS}
            for by in get_args(By)
            if by != BASELINE
        },
        "confusion": [
            {"tool": tool, "routed_to": routed, "questions": count} for (tool, routed), count in confused.most_common()
        ],
    }


def matrix(confusion: Sequence[Mapping[str, Any]], most: int) -> tuple[list[str], list[list[float]]]:
    """Names of the `most` tools that are asked for most, and OTHER; the share of each one's questions (rows) that went
    to each (columns)."""
    asked: Counter[str] = Counter()
    for row in confusion:
        asked[row["tool"]] += row["questions"]
    names = [name for name, _ in asked.most_common(most)]
    shares = [[0.0] * (len(names) + 1) for _ in names]
    for row in confusion:
        if row["tool"] in names:
            place = names.index(row["routed_to"]) if row["routed_to"] in names else len(names)
            shares[names.index(row["tool"])][place] += row["questions"] / asked[row["tool"]]
    return [*names, OTHER], shares
