"""A language model in this process: token ids in, natural log-probabilities out. Knows no requests and no threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backends.base import Message

    Floats = NDArray[np.float64]


class Walk(Protocol):
    """An answer on its way, one token after the other."""

    def next(self) -> Floats:
        """The log-probability of each token of the vocabulary as the next one."""
        ...

    def push(self, token: int) -> None: ...


class Beams(Protocol):
    """Answers to one prompt that grow together, each from one of those before."""

    def next(self, answers: Sequence[Sequence[int]]) -> Floats:
        """Log-probabilities of the token after each of the answers: answers × vocabulary."""
        ...


class Guide(Protocol):
    """Which tokens may come next in an answer that fits a schema."""

    def allowed(self) -> NDArray[np.bool_] | None:
        """By token; None: the answer is whole."""
        ...

    def push(self, token: int) -> None: ...


class Model(Protocol):
    """Used by one thread at a time. All raise RequestRefused for what they cannot take."""

    ends: frozenset[int]
    """Tokens that end an answer."""
    window: int | None
    """Tokens of prompt and answer together, at most; None: no limit."""

    def prompt(self, messages: Sequence[Message], *, plain: bool) -> list[int]:
        """In the form of the model's chat; `plain`: the joined texts as they stand."""
        ...

    def continued(self, messages: Sequence[Message], text: str, *, plain: bool) -> list[int]:
        """The tokens of `text` as it follows the prompt."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Without the tokens that stand for no text. Half of a character is U+FFFD."""
        ...

    def walk(self, prompt: Sequence[int]) -> Walk: ...

    def beams(self, prompt: Sequence[int]) -> Beams: ...

    def score(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> list[list[float]]:
        """The log-probability of each token of each answer."""
        ...

    def guide(self, schema: Mapping[str, Any]) -> Guide: ...
