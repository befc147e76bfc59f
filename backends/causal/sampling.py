"""The choice of the next token from the model's log-probabilities."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backends.base import Request
    from backends.causal.base import Floats

TEMPERATURE = 1.0
"""Of a request that names none: what OpenAI's servers take."""


class Sampler:
    """Temperature, then top_p, after bias and penalties as OpenAI's reference defines them. With a seed the same
    request has the same answer on one machine and version."""

    def __init__(self, request: Request) -> None:
        import numpy as np

        self._temperature = TEMPERATURE if request.temperature is None else request.temperature
        self._top_p = 1.0 if request.top_p is None else request.top_p
        self._bias = {int(token): bias for token, bias in (request.logit_bias or {}).items()}
        self._frequency = request.frequency_penalty or 0.0
        self._presence = request.presence_penalty or 0.0
        self._chosen: Counter[int] = Counter()
        self._dice = np.random.default_rng(request.seed)

    def choose(self, logprobs: Floats) -> int:
        """One of the tokens whose log-probability is not minus infinity."""
        weights = self._shifted(logprobs)
        token = int(weights.argmax()) if self._temperature == 0 else self._drawn(weights)
        self._chosen[token] += 1
        return token

    def _shifted(self, logprobs: Floats) -> Floats:
        if not self._bias and not self._frequency and not self._presence:
            return logprobs
        shifted = logprobs.copy()
        for token, bias in self._bias.items():
            if 0 <= token < len(shifted):
                shifted[token] += bias
        for token, count in self._chosen.items():
            shifted[token] -= self._frequency * count + self._presence
        return shifted

    def _drawn(self, weights: Floats) -> int:
        import numpy as np

        # The best is at 0 whatever it is divided by: a temperature near 0 leaves it alone.
        with np.errstate(over="ignore"):
            chances = np.exp((weights - weights.max()) / self._temperature)
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")
        kept = order[: int(np.searchsorted(np.cumsum(chances[order]), self._top_p)) + 1]
        below = np.cumsum(chances[kept])
        place = int(np.searchsorted(below, self._dice.random() * below[-1], side="right"))
        return int(kept[min(place, len(kept) - 1)])


def best(logprobs: Floats, n: int) -> list[int]:
    """The n most probable tokens, the most probable first; of equals, the one with the lower id."""
    import numpy as np

    n = min(n, len(logprobs))
    if n == 0:
        return []
    edge = np.partition(logprobs, len(logprobs) - n)[len(logprobs) - n]
    near = np.flatnonzero(logprobs >= edge)
    order: list[int] = near[np.lexsort((near, -logprobs[near]))].tolist()
    return order[:n]
