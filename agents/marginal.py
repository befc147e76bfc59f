"""RAG's arithmetic in log space: an answer's probability with the document summed out, and the document's given it.

Source: Lewis et al. 2020 (arXiv:2005.11401), section 2.1, with x the question, y the answer and z one of k documents:

    RAG-Sequence  p(y|x) = sum_z p(z|x) prod_i p(y_i|x,z,y_<i)
    RAG-Token     p(y|x) = prod_i sum_z p(z|x) p(y_i|x,z,y_<i)

p(z|x) is a softmax over the retriever's scores of the k documents alone. `-inf` is the logarithm of nought.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NEVER = -math.inf


def log_sum(logs: Sequence[float]) -> float:
    """log sum exp, without leaving log space; of nothing: -inf."""
    highest = max(logs, default=NEVER)
    return highest + math.log(math.fsum(math.exp(log - highest) for log in logs)) if highest > NEVER else NEVER


def log_prior(scores: Sequence[float], temperature: float = 1.0) -> list[float]:
    """log p(z|x): the softmax of scores / temperature."""
    highest = max(scores, default=0.0)
    scaled = [(score - highest) / temperature for score in scores]
    whole = log_sum(scaled)
    return [one - whole for one in scaled]


def sequence(prior: Sequence[float], likelihood: Sequence[float]) -> float:
    """log p(y|x) of RAG-Sequence; `likelihood`: log p(y|x,z) by document."""
    return log_sum([p + q for p, q in zip(prior, likelihood, strict=True)])


def token(prior: Sequence[float], tokens: Sequence[Sequence[float]]) -> float:
    """log p(y|x) of RAG-Token; `tokens`: by document, log p(y_i|x,z,y_<i) by place."""
    places = list(zip(*tokens, strict=True))
    return sum(sequence(prior, place) for place in places) if places else 0.0


def posterior(prior: Sequence[float], likelihood: Sequence[float]) -> list[float]:
    """p(z|x,y) by document; the prior if no document can have said it."""
    whole = sequence(prior, likelihood)
    if whole == NEVER:
        return [math.exp(p) for p in prior]
    return [math.exp(p + q - whole) for p, q in zip(prior, likelihood, strict=True)]


def token_posterior(prior: Sequence[float], tokens: Sequence[Sequence[float]]) -> list[float]:
    """The share of each document in an answer of RAG-Token: the mean over its tokens of p(z|x,y_i,y_<i), as each token
    has a document of its own there."""
    places = [posterior(prior, place) for place in zip(*tokens, strict=True)]
    if not places:
        return [math.exp(p) for p in prior]
    return [math.fsum(column) / len(places) for column in zip(*places, strict=True)]
