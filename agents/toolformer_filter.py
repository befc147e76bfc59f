"""Toolformer's filter: of calls put into a text, those whose results make the model surer of what follows.

Source: Schick et al. 2023, Toolformer (arXiv:2302.04761), section 2. With x the text, cut into the model's tokens, a
call c at i, its result r, and z a prefix before the whole text,

    L_i(z) = -sum over j >= i of w_{j-i} log p(x_j | z, x_<j),    w_t = max(0, 1 - 0.2 t) / 3

and c is kept if min(L_i(nothing), L_i(c without r)) - L_i(c with r) >= tau_f. Five tokens count, with the weights
1, 0.8, 0.6, 0.4 and 0.2 over their sum; where fewer follow, the sum is the same. Losses are in nats.

The prefix stands on a line of its own before the text, an empty one too: so the text is cut into the same tokens each
time. A call in its place would be a test of another thing: of a model that was trained already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum, inf

from agents.toolformer_marks import inserted
from backends.base import TokenLogprob, Value
from backends.scoring import Scorer

WEIGHTS = tuple(w / 3.0 for w in (1.0, 0.8, 0.6, 0.4, 0.2))
LEAD = "\n"


class Candidate(Value):
    at: int
    """Code points of the text before it."""
    tool: str
    written: str
    """`calculator(7 * 18.5)`"""
    result: str
    chance: float | None = None
    """How probable a call was at this place; None: nobody asked."""


class Judged(Value):
    candidate: Candidate
    empty: float
    """Loss with nothing before the text."""
    call: float
    """With the call alone."""
    result: float
    """With the call and its result."""

    @property
    def gain(self) -> float:
        """What the result takes off the lower one of the losses without it."""
        return -inf if self.result == inf else min(self.empty, self.call) - self.result


def loss(scores: Sequence[TokenLogprob]) -> float:
    """Of the tokens that follow a place; more than five make no difference."""
    return -fsum(w * token.logprob for w, token in zip(WEIGHTS, scores, strict=False))


async def cut(scorer: Scorer, text: str) -> list[str]:
    """The tokens of the text; a character that is cut into several is one of them, and empty ones."""
    return [token.token for token in await scorer.score(LEAD, text)]


def places(tokens: Sequence[str]) -> list[int]:
    """Where a call can stand: before each token, in code points."""
    found, at = list[int](), 0
    for token in tokens:
        if token:
            found.append(at)
        at += len(token)
    return found


def ahead(text: str, tokens: Sequence[str], at: int) -> str:
    """What follows `at`, as far as the loss counts it."""
    begin = 0
    for number, token in enumerate(tokens):
        if begin + len(token) > at:
            return text[at : begin + len("".join(tokens[number : number + len(WEIGHTS)]))]
        begin += len(token)
    return ""


async def judge(scorer: Scorer, text: str, tokens: Sequence[str], candidates: Iterable[Candidate]) -> list[Judged]:
    """Those at whose place something follows. Raises BackendError, CapabilityMissing where the backend cannot score."""
    without = dict[int, tuple[list[str], float]]()
    found = list[Judged]()
    for one in candidates:
        following = ahead(text, tokens, one.at)
        if not following:
            continue
        if one.at not in without:
            without[one.at] = await _loss(scorer, LEAD + text[: one.at], following)
        called = await _loss(scorer, f"[{one.written}]{LEAD}{text[: one.at]}", following)
        answered = await _loss(scorer, f"[{one.written} → {one.result}]{LEAD}{text[: one.at]}", following)
        # Losses of other tokens cannot be compared; some tokenizers cut by what stands before.
        if without[one.at][0] == called[0] == answered[0]:
            losses = {"empty": without[one.at][1], "call": called[1], "result": answered[1]}
            found.append(Judged(candidate=one, **losses))
    return found


def kept(judged: Iterable[Judged], tau_f: float) -> list[Judged]:
    """The best one of each place, if its result helps enough; in the order of the text."""
    best = dict[int, Judged]()
    for one in judged:
        before = best.get(one.candidate.at)
        if one.gain >= tau_f and (before is None or one.gain > before.gain):
            best[one.candidate.at] = one
    return [best[at] for at in sorted(best)]


def augmented(text: str, chosen: Sequence[Judged]) -> str:
    """The text with the calls and their results in their places: what a model is trained on."""
    for one in sorted(chosen, key=lambda judged: -judged.candidate.at):
        text = inserted(text, one.candidate.at, f"[{one.candidate.written} → {one.candidate.result}]")
    return text


async def _loss(scorer: Scorer, before: str, following: str) -> tuple[list[str], float]:
    scores = await scorer.score(before, following)
    return [token.token for token in scores], loss(scores)
