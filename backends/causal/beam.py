"""Beam search for one answer to one prompt, or to a weighted mixture of prompts.

A mixture's next token has the probability sum_z w(z) p(token | prompt z, answer so far): the transition of RAG-Token
(Lewis et al. 2020, arXiv:2005.11401, section 2.5). With one prompt it is the model itself. Scores are sums of
log-probabilities, not divided by length: only so are they probabilities of answers, which can be weighed and summed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.causal.sampling import best

if TYPE_CHECKING:
    from backends.causal.base import Floats, Model

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Weighted:
    prompt: tuple[int, ...]
    logweight: float


@dataclass(frozen=True)
class Found:
    ids: Ids
    logprob: float
    ended: bool
    """By a token that ends an answer, or by a stop sequence."""


class Search:
    """One step a call, so that a search can be left between two of them."""

    def __init__(
        self, model: Model, mixture: Sequence[Weighted], beams: int, most: int, stops: Callable[[Ids], bool]
    ) -> None:
        """`most`: tokens of an answer; `stops`: whether an answer is over, other than by a token that says so."""
        self._model, self._beams, self._most, self._stops = model, beams, most, stops
        self._mixture = [(model.beams(part.prompt), part.logweight) for part in mixture]
        self._alive: list[tuple[Ids, float]] = [((), 0.0)]
        self._ended: list[Found] = []
        self._steps = 0

    def step(self) -> list[Found] | None:
        """None: go on; else the hypotheses, best first: those that ended, and if none did, what there is."""
        mixed = self._mixed([ids for ids, _ in self._alive])
        ranked = sorted(
            (
                (score + float(row[token]), (*ids, token))
                for (ids, score), row in zip(self._alive, mixed, strict=True)
                for token in best(row, 2 * self._beams + len(self._model.ends))
                if row[token] != float("-inf")
            ),
            key=lambda found: (-found[0], found[1]),
        )
        self._alive = []
        for score, ids in ranked:
            if len(self._alive) == self._beams:
                break
            if ids[-1] in self._model.ends or self._stops(ids):
                self._ended.append(Found(ids, score, ended=True))
            else:
                self._alive.append((ids, score))
        self._ended = sorted(self._ended, key=lambda found: (-found.logprob, found.ids))[: self._beams]
        self._steps += 1
        return self._result() if self._over() else None

    def _over(self) -> bool:
        if not self._alive or self._steps >= self._most:
            return True
        # A longer answer is never more probable than its beginning.
        return len(self._ended) == self._beams and self._ended[-1].logprob >= self._alive[0][1]

    def _result(self) -> list[Found]:
        return self._ended or [Found(ids, score, ended=False) for ids, score in self._alive]

    def _mixed(self, answers: Sequence[Ids]) -> Floats:
        import numpy as np

        one = [part.next(answers) + weight for part, weight in self._mixture]
        mixed: Floats = np.logaddexp.reduce(np.stack(one), axis=0) if len(one) > 1 else one[0]
        return mixed
