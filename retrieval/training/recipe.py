"""How a retriever is trained: every setting, with its bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from retrieval.base import Value

LEARNING_RATE = 5e-5
"""DPR takes 1e-5 with batches of 128 over 40 epochs of 59,000 questions; with hundreds of questions, batches of 32 and
a few epochs, 5e-5 learned the more on the validation parts of both sets of docs/training.md."""


class Recipe(Value):
    towers: Literal["shared", "two"] = "shared"
    """One encoder for questions and passages, or one for each, both begun from the same weights (DPR has two)."""
    epochs: Annotated[int, Field(ge=1, le=200)] = 4
    batch_size: Annotated[int, Field(ge=2, le=512)] = 32
    """A question's negatives are the passages of all the others in its batch."""
    learning_rate: Annotated[float, Field(gt=0, le=0.01)] = LEARNING_RATE
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of the steps over which the rate rises; then it falls to 0 in a line."""
    scale: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """Of the dot product, before the softmax: vectors have length 1, so without it all odds would be near even."""
    hard_negatives: Annotated[int, Field(ge=0, le=8)] = 1
    """Of each question: those given, and then the best passages by BM25 that hold none of its answers."""
    skip_negatives: Annotated[int, Field(ge=0, le=100)] = 0
    """The first so many by BM25 are passed over: they may be right without having been marked."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)] = 128
    """Longer texts are cut there while training (not when they are embedded later)."""
    frozen_layers: Annotated[int, Field(ge=0, le=100)] = 0
    """Word embeddings and so many of the lowest layers keep their weights."""
    patience: Annotated[int, Field(ge=1, le=100)] = 2
    """Validations in a row without a better one after which the training ends."""
    select: Literal["average_rank", "mrr"] = "average_rank"
    """By what validations are compared. DPR: by the average rank of the right passages."""
    blend: bool = True
    """Also try mixtures of the weights before and after (WiSE-FT, Wortsman et al. 2022) and keep the best."""
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """Share of the questions that choose the weights to keep, and are not trained on."""
    held: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Share of the questions that are only measured with, at the very end. 0: nothing is measured."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
