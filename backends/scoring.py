"""How probable a given text is: `log p(continuation | prompt)`, token by token.

Scoring is a request like any other (`Request.continuations`), so that what it says is retried, cached, counted, traced
and replayed as answers are. This is its short form.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Protocol

from backends.base import Backend, Completion, Message, Request, TokenLogprob, complete
from backends.errors import BadReply

Scores = tuple[TokenLogprob, ...]


class Scorer(Protocol):
    async def score(self, prompt: str, continuation: str) -> list[TokenLogprob]:
        """The tokens of `continuation` as it follows the plain text `prompt`, natural logarithms.

        Raises CapabilityMissing, BackendError.
        """
        ...

    async def score_all(self, prompt: str, continuations: Sequence[str]) -> list[list[TokenLogprob]]:
        """The same for several that follow one prompt, which is read once."""
        ...


class Scored:
    """The Scorer that any backend with the capability `scoring` is."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def score(self, prompt: str, continuation: str) -> list[TokenLogprob]:
        return (await self.score_all(prompt, (continuation,)))[0]

    async def score_all(self, prompt: str, continuations: Sequence[str]) -> list[list[TokenLogprob]]:
        messages = (Message(role="user", content=prompt),)
        request = Request(messages=messages, plain=True, continuations=tuple(continuations))
        reply = await complete(self._backend.stream(request))
        return [list(scores) for scores in scores_of(request.continuations, reply, self._backend.name)]


def scores_of(continuations: Sequence[str | tuple[int, ...]], reply: Completion, backend: str) -> tuple[Scores, ...]:
    """What a reply says to a request to score `continuations`. Raises BadReply if it is about another text."""
    if len(reply.scores) != len(continuations):
        raise BadReply(
            f"the backend {backend!r} was asked to score {len(continuations)} continuations, and gave the "
            f"log-probabilities of {len(reply.scores)}"
        )
    for wanted, scores in zip(continuations, reply.scores, strict=True):
        text = "".join(token.token for token in scores)
        # A server may show half of a character as U+FFFD; it has checked what it can itself.
        if isinstance(wanted, str) and text != wanted and "\ufffd" not in text:
            raise BadReply(f"the backend {backend!r} scored {text[:200]!r} where {wanted[:200]!r} was asked for")
    return reply.scores


def total(scores: Sequence[TokenLogprob]) -> float:
    """Natural logarithm of the probability of all the tokens together."""
    return fsum(token.logprob for token in scores)
