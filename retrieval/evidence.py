"""Choosing the sentences of some passages that answer a question, or none when they do not seem to say.

No model writes here: sentences are quoted as they stand. Whether they answer is judged by how much of the question
they and their neighbourhood repeat, and by the bundled embedder's cosine where it knows the question's script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.base import Span, Value
from retrieval.candidates import WHOLE, Candidate, candidates, lexical_scores
from retrieval.question import Question, covered, read, unmentioned
from retrieval.scripts import shares

if TYPE_CHECKING:
    from retrieval.base import Vectors

Embed = Callable[[Sequence[str]], "Vectors"]

DEFAULT_THRESHOLD: Final = 0.5

# Embedding is nearly all of the time, 4 ms a sentence; beyond the dozen with the best terms it changes no choice.
_EMBEDDED: Final = 12
# As much of a sentence as tells what it is about, about 100 tokens.
_EMBEDDED_CHARACTERS: Final = 400
# A further sentence whose score is this much lower is rarely the one with the answer.
_GAP: Final = 0.5
# A name or figure of the question that no passage mentions speaks for another subject, however alike the rest is. Set,
# not fitted: about 2 of 100 answers are lost to misspelt names, and a question on Italy gets no answer about Germany.
_UNMENTIONED: Final = 6.0


class Quote(Value):
    passage: int
    """Index into the passages given."""
    span: Span
    """Code points of that passage."""
    score: float
    """0 to 1, comparable only within one selection."""


class Evidence(Value):
    quotes: tuple[Quote, ...]
    """Best first; empty when abstained."""
    confidence: float
    """0 to 1: the estimated probability that the passages answer, where half of all questions can be answered."""
    abstained: bool


QUESTION: Final = 2_000
"""Characters of a question that are looked at; beyond that it is a text, and no sentence answers a text."""


def select(
    question: str,
    passages: Sequence[str],
    embed: Embed | None,
    *,
    scripts: frozenset[str],
    max_sentences: int = 2,
    threshold: float = DEFAULT_THRESHOLD,
) -> Evidence:
    """Quote at most `max_sentences` sentences of `passages`, or abstain when the confidence is under `threshold`. Rows
    of tables count as sentences; the header row of one that is quoted is quoted before it.

    `embed` returns unit vectors (n, d) for n texts; the constants are fitted to the cosines of the bundled embedder, so
    pass that one or None. `scripts`: what it knows; a question is judged by its terms alone to the share in which it
    is written in others. Blocking. Raises ValueError when `max_sentences` is less than 1.
    """
    if max_sentences < 1:
        raise ValueError(f"max_sentences is {max_sentences!r}: ask for at least 1")
    question = question[:QUESTION]
    asked = read(question)
    found = candidates(asked, passages) if asked.weights else []
    if not found:
        return Evidence(quotes=(), confidence=0.0, abstained=True)
    trust = _trust(question, scripts) if embed else 0.0
    ranked = _ranked(question, asked, found, embed, trust)
    best = ranked[0]
    absent = unmentioned(asked, "\n".join(passages), frozenset().union(*(one.own for one in found)))
    confidence = _confidence(asked, best, absent, trust)
    if confidence < threshold:
        return Evidence(quotes=(), confidence=confidence, abstained=True)
    chosen = [one for one in ranked[:max_sentences] if one.score >= best.score - _GAP and not _less(one, best)]
    quotes: dict[tuple[int, Span], Quote] = {}
    for one in chosen:
        for quote in _quotes(one, WHOLE + trust):
            quotes.setdefault((quote.passage, quote.span), quote)
    return Evidence(quotes=tuple(quotes.values()), confidence=confidence, abstained=False)


@dataclass(frozen=True, slots=True)
class _Ranked:
    candidate: Candidate
    cosine: float
    score: float


def _trust(question: str, scripts: frozenset[str]) -> float:
    """The share of the question's letters that the embedder can read."""
    written = shares(question)
    return sum(share for script, share in written.items() if not scripts or script in scripts)


def _ranked(
    question: str, asked: Question, found: Sequence[Candidate], embed: Embed | None, trust: float
) -> list[_Ranked]:
    lexical = lexical_scores(asked, found)
    order = sorted(range(len(found)), key=lambda place: -lexical[place])
    if embed is None or not trust:
        return [_Ranked(found[place], 0.0, lexical[place]) for place in order]
    kept = order[:_EMBEDDED]
    vectors = embed([question, *(found[place].text[:_EMBEDDED_CHARACTERS] for place in kept)])
    cosines = [max(0.0, float(cosine)) for cosine in vectors[1:] @ vectors[0]]
    scored = [
        _Ranked(found[place], cosine, lexical[place] + trust * cosine)
        for place, cosine in zip(kept, cosines, strict=True)
    ]
    return sorted(scored, key=lambda one: -one.score)


# Logistic regressions of "the passages hold the answer" on the best sentence: the shares of terms around it and in it,
# and its cosine. Fitted on half of XQuAD (660 English and 530 Chinese questions; five passages found among all 240, and
# again with the article that answers left out) and rounded. In eight-fold cross-validation by article the area under
# the ROC curve is .994 with the cosine in English, and without it .976 in English, .967 in Chinese.
# `python -m benchmarks.abstention` draws the curve.
def _confidence(asked: Question, best: _Ranked, absent: float, trust: float) -> float:
    around, own = covered(asked, best.candidate.around), covered(asked, best.candidate.own)
    by_terms = -7.5 + 11.0 * around + 5.5 * own
    by_both = -11.5 + 7.0 * around + 4.0 * own + 14.0 * best.cosine
    evidence = trust * by_both + (1 - trust) * by_terms
    return 1 / (1 + math.exp(_UNMENTIONED * absent - evidence))


def _less(one: _Ranked, best: _Ranked) -> bool:
    """Whether a row holds less of the question than another of its table: of all that they share the header is most."""
    this, other = one.candidate, best.candidate
    return this.header is not None and other.header is not None and this.own < other.own


def _quotes(one: _Ranked, whole: float) -> list[Quote]:
    found = one.candidate
    score = min(1.0, one.score / whole)
    spans = [found.span] if found.header is None else [found.header, found.span]
    return [Quote(passage=found.passage, span=span, score=score) for span in spans]
