"""The loss of a retriever: of all passages in the batch, a question's own is to score highest."""

from __future__ import annotations

from typing import Any


def contrastive(model: Any, scale: float) -> Any:
    """DPR's loss as sentence-transformers has it: with B questions and h hard negatives each,

        -1/B sum_i ln( exp(scale q_i.p_i) / sum_j exp(scale q_i.p_j) ),  j over all B (1 + h) passages of the batch.

    The dot product is that of unit vectors, as everywhere here.
    """
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.util import dot_score

    return MultipleNegativesRankingLoss(model, scale=scale, similarity_fct=dot_score)
