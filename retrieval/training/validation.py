"""What training is steered by: the ranks of right passages among those of the other questions and what BM25 finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from retrieval.training import ranking
from retrieval.training.examples import Example
from retrieval.training.negatives import lexical, mined

WRONG: Final = 30
"""Passages that BM25 finds for each question, as DPR's validation by average rank has it."""
MOST: Final = 1_000
"""Passages in the pool: every validation embeds them all."""


def pool(examples: Sequence[Example], passages: Sequence[str], seed: int, most: int = MOST) -> list[str]:
    """Passages to rank: the right ones, and of the wrong ones that BM25 finds, then of all others, up to `most`."""
    index, chance = lexical(passages), random.Random(seed)
    right = dict.fromkeys(text for one in examples for text in one.positives)
    if len(passages) <= most:
        return list(dict.fromkeys((*right, *passages)))
    hard = dict.fromkeys(text for one in examples for text in mined(one, passages, index, WRONG))
    others = [text for text in passages if text not in hard]
    chance.shuffle(others)
    wrong = [text for text in (*hard, *others) if text not in right]
    return [*right, *wrong[: max(0, most - len(right))]]


def evaluator(examples: Sequence[Example], passages: Sequence[str]) -> Any:
    """An evaluator of sentence-transformers that gives `average_rank`, `mrr`, `recall` and `recall_at_1`."""
    from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

    class ByRank(SentenceEvaluator):  # type: ignore[misc]
        def __call__(
            self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
        ) -> dict[str, float]:
            return ranking.means(ranking.figures(ranking.by_model(model, examples, passages)))

    found = ByRank()
    found.primary_metric = "average_rank"
    return found
