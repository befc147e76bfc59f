"""From tokens to text, token by token: one may be half of a character, and some take the space before them along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.base import TokenLogprob

HALF = "\ufffd"


class Pieces:
    """`decode` gives the text of ids. Each token is decoded with the few before it, not with all: the offsets are those
    of Hugging Face's text-generation-inference and vLLM."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._from = 0
        self._read = 0

    def push(self, token: int) -> str:
        """The text that this token completes; '' while a character is not whole."""
        self._ids.append(token)
        text = self._rest()
        if not text or text.endswith(HALF):
            return ""
        self._from, self._read = self._read, len(self._ids)
        return text

    def end(self) -> str:
        """What is left, halves of characters included."""
        return self._rest() if self._read < len(self._ids) else ""

    def _rest(self) -> str:
        before = self._decode(self._ids[self._from : self._read])
        return self._decode(self._ids[self._from :])[len(before) :]


class Stops:
    """Holds text back that may be the beginning of a stop sequence, and ends before the first whole one."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [word for word in stop if word]
        self._held = ""
        self._tokens: list[TokenLogprob] = []
        self._begun = 0  # characters of the first of them that are out
        self.hit = False

    def push(self, text: str, token: TokenLogprob | None = None) -> tuple[str, list[TokenLogprob]]:
        """What may go out now, and the tokens that are all in it."""
        if token is not None:
            self._tokens.append(token)
        self._held += text
        places = [place for word in self._stop if (place := self._held.find(word)) >= 0]
        if places:
            self.hit = True
            return self._out(min(places))
        return self._out(len(self._held) - self._open())

    def end(self) -> tuple[str, list[TokenLogprob]]:
        return self._out(len(self._held))

    def _open(self) -> int:
        """Characters at the end that begin a stop sequence."""
        longest = max((len(word) - 1 for word in self._stop), default=0)
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(word.startswith(self._held[-size:]) for word in self._stop):
                return size
        return 0

    def _out(self, size: int) -> tuple[str, list[TokenLogprob]]:
        text, self._held = self._held[:size], self._held[size:]
        size += self._begun
        whole: list[TokenLogprob] = []
        while self._tokens and len(self._tokens[0].token) <= size:
            size -= len(self._tokens[0].token)
            whole.append(self._tokens.pop(0))
        self._begun = size
        return text, whole
