"""Event of a pipeline that sums the document out: what each answer is worth, and which passage carried it."""

from __future__ import annotations

from typing import Literal

from agents.fact import Fact
from backends.base import Value


class Weighed(Value):
    text: str
    logprob: float | None
    """Natural logarithm of p(y|x); None: nought."""


class Share(Value):
    """A retrieved passage."""

    chunk_id: int
    file_id: str
    filename: str
    score: float
    prior: float
    """p(z|x): by the retriever's score, before the answer."""
    posterior: float
    """p(z|x,y): given the answer. Of RAG-Token the mean over the answer's tokens."""


class Marginalised(Fact):
    type: Literal["marginalised"] = "marginalised"
    form: Literal["sequence", "token"]
    decoding: str
    temperature: float
    """Of the softmax over the retriever's scores."""
    hypotheses: tuple[Weighed, ...]
    """The most probable first: it is the answer."""
    documents: tuple[Share, ...]
    """In the order in which they were found."""
    biases: tuple[str, ...] = ()
    """In what the figures depart from the paper's; none: they are exact for the hypotheses looked at."""
