"""What is left of a long conversation within a budget: recall of the evidence, by policy, budget and distance.

No model is asked: a question's evidence is in what is kept or it is not, and what is not there cannot be answered.
Conversations and evidence are LoCoMo's (Maharana et al. 2024, arXiv:2402.17753); questions come after the last turn.
The policies: `drop` keeps the last turns; `retrieve` those nearest to the question by BM25; `both` spends half of the
budget on each; `summarise` is an extract that does not know the question: the turns whose words are rarest in the
conversation, which is what can be had without a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any, NamedTuple

from agents.tasks.locomo import talks
from agents.tasks.scores import mean_of
from retrieval.analysis import terms
from retrieval.descriptions import ranked

BUDGETS = (250, 500, 1_000, 2_000, 4_000, 8_000)
"""Words."""
BANDS = 5
"""Of distance: the fifth of the conversation nearest to its end, and so on."""


class Turn(NamedTuple):
    id: str
    text: str

    @property
    def words(self) -> int:
        return len(self.text.split())


Turns = tuple[Turn, ...]
Keep = Callable[[str, Turns, int], set[str]]


class Probe(NamedTuple):
    question: str
    turns: Turns
    evidence: tuple[str, ...]


def probes(folder: Path, most: int | None) -> list[Probe]:
    """Questions with evidence, evenly over all. Raises BadData."""
    found = []
    for talk in talks(folder):
        turns = tuple(Turn(turn.id, f"{turn.speaker}: {turn.text}") for turn in talk.turns)
        found += [Probe(question.text, turns, question.evidence) for question in talk.questions]
    return found if most is None else [found[place * len(found) // most] for place in range(min(most, len(found)))]


def within(turns: Sequence[Turn], budget: int) -> set[str]:
    """The first turns of the order given that fit; one that does not is passed over."""
    kept, left = set(), budget
    for turn in turns:
        if turn.words <= left:
            kept.add(turn.id)
            left -= turn.words
    return kept


def drop(_question: str, turns: Turns, budget: int) -> set[str]:
    kept, left = set(), budget
    for turn in reversed(turns):
        left -= turn.words
        if left < 0:
            break
        kept.add(turn.id)
    return kept


def retrieve(question: str, turns: Turns, budget: int, without: Collection[str] = ()) -> set[str]:
    return within([turn for turn in _nearest(question, turns) if turn.id not in without], budget)


@lru_cache(4)
def _nearest(question: str, turns: Turns) -> list[Turn]:
    return [turns[found.place] for found in ranked(question, [turn.text for turn in turns], None, "lexical")]


def both(question: str, turns: Turns, budget: int) -> set[str]:
    last = drop(question, turns, budget // 2)
    return last | retrieve(question, turns, budget - budget // 2, last)


def summarise(_question: str, turns: Turns, budget: int) -> set[str]:
    return within(_by_rarity(turns), budget)


@lru_cache(32)
def _by_rarity(turns: Turns) -> list[Turn]:
    spoken = [set(terms(turn.text)) for turn in turns]
    common = Counter(term for one in spoken for term in one)
    weights = [
        sum(log(len(turns) / common[term]) for term in one) / max(turn.words, 1)
        for turn, one in zip(turns, spoken, strict=True)
    ]
    return [turns[place] for place in sorted(range(len(turns)), key=lambda place: -weights[place])]


POLICIES: dict[str, Keep] = {"drop": drop, "summarise": summarise, "retrieve": retrieve, "both": both}


def measured(asked: Sequence[Probe], budgets: Sequence[int] = BUDGETS) -> dict[str, Any]:
    """Recall of the evidence by policy and budget, and for each also by band of distance."""
    rows = []
    for policy, keep in POLICIES.items():
        for budget in budgets:
            shares: list[float] = []
            by_band: list[list[float]] = [[] for _ in range(BANDS)]
            for probe in asked:
                kept = keep(probe.question, probe.turns, budget)
                places = {turn.id: place for place, turn in enumerate(probe.turns)}
                for id in probe.evidence:
                    band = (len(probe.turns) - 1 - places[id]) * BANDS // len(probe.turns)
                    by_band[band].append(float(id in kept))
                shares.append(sum(id in kept for id in probe.evidence) / len(probe.evidence))
            mean = mean_of(shares)
            rows.append(
                {
                    "policy": policy, "budget": budget, "recall": mean.mean, "low": mean.low, "high": mean.high,
                    "by_distance": [sum(band) / len(band) if band else None for band in by_band],
                }
            )  # fmt: skip
    words = [sum(turn.words for turn in probe.turns) for probe in asked]
    return {"questions": len(asked), "mean_words": sum(words) / len(words), "rows": rows}


def at(rows: Sequence[Mapping[str, Any]], policy: str, budget: int) -> Mapping[str, Any]:
    return next(row for row in rows if row["policy"] == policy and row["budget"] == budget)
