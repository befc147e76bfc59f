"""Whether an answer stays within what its sources say: abstention, noise, and sources that are wrong.

After Chen et al. 2023, RGB (arXiv:2309.01431): negative rejection, noise robustness, counterfactual robustness. The
questions are those of a folder of the BEIR form whose queries have `answers` (XQuAD, CMRC 2018), or of LoCoMo's
conversations, where those of category 5 cannot be answered from what was said. Each condition is made by a filter of
the search alone, so that one collection serves them all; only the counterfactual sources are documents of their own,
with the answer replaced by that of another question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.abstention import sentence
from agents.markers import without_markers
from agents.tasks.base import Item, PaperFigure, Verdict
from agents.tasks.boundary_material import Asked, Document, Material
from agents.tasks.declining import declines
from agents.tasks.said import replaced, says
from retrieval.descriptions import ranked

NOISE = (0, 2, 4, 8)
"""Passages without the answer beside the one that has it."""
ALL_CHUNKS = 50
"""Of the few passages that the filter leaves: what `rag` may retrieve at most."""
_TRUE = {"type": "eq", "key": "kind", "value": "true"}


class Condition(NamedTuple):
    items: list[Item]
    noise: list[int] | None = None
    """Passages beside the one that answers, of each item; None: not what this condition is about."""


class Boundary:
    """The check; the questions are made by `conditions`."""

    name = "knowledge-boundary"
    figures: tuple[PaperFigure, ...] = ()

    def items(self, folder: Path) -> Sequence[Item]:
        return []

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """Right is: to abstain where nothing answers, else to say an answer. `follows`: what a false source says.

        Who declines and says an answer all the same has not abstained.
        """
        text = without_markers(answer)  # The 1 of [1] is no answer.
        right = any(says(text, one) for one in item.gold["answers"])
        follows = "instead" in item.gold and says(text, item.gold["instead"])
        bare = answer.strip() == sentence(item.question)
        abstained = bare or (declines(text) and not right and not follows)
        details = {"abstained": float(abstained)}
        if "instead" in item.gold:
            details["follows"] = float(follows)
        if item.gold["abstain"]:
            return Verdict(float(abstained), details, "" if abstained else "answered all the same")
        right = right and not abstained
        return Verdict(float(right), details, "" if right else "abstained" if abstained else "wrong")


def conditions(found: Material, most: int | None) -> dict[str, Condition]:
    """By name, each question under each condition; made documents are in `counterfactual`."""
    chosen = spread(found.asked, most)
    made = {"answerable": Condition([_item(one, "answerable", _whole(one)) for one in chosen if one.answers])}
    if any(one.document for one in chosen):
        made["left out"] = Condition([_item(one, "left out", _not(one.article), abstain=True) for one in chosen])
        made |= _noisy(found, chosen)
        made["counterfactual"] = Condition(
            [
                _item(one, "counterfactual", _among([false_id(one, text)]), k=ALL_CHUNKS, instead=instead)
                for one, instead, text in _false(found, chosen)
            ]
        )
    else:
        made["unanswerable"] = Condition(
            [_item(one, "unanswerable", _whole(one), abstain=True) for one in chosen if not one.answers]
        )
    return made


def counterfactual(found: Material, most: int | None) -> dict[str, Document]:
    """Documents with a false answer, by id."""
    made = {}
    for one, _, text in _false(found, spread(found.asked, most)):
        id = false_id(one, text)
        made[id] = Document(text, {"document": id, "article": id, "kind": "false"})
    return made


def false_id(one: Asked, text: str) -> str:
    """Other words are another document."""
    return f"false-{one.id}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def spread(asked: Sequence[Asked], most: int | None) -> list[Asked]:
    """So many of all, evenly over their order: neighbours share an article."""
    if most is None or most >= len(asked):
        return list(asked)
    return [asked[place * len(asked) // most] for place in range(most)]


def _noisy(found: Material, chosen: Sequence[Asked]) -> dict[str, Condition]:
    """One condition for each number of passages that some question can have; what the data lacks is not told twice."""
    beside = [_beside(found, one, max(NOISE)) for one in chosen]
    there = max(map(len, beside))
    made = {}
    for noise in sorted({min(wanted, there) for wanted in NOISE}):
        name = f"noise {noise}"
        items = [
            _item(one, name, _among([one.document, *others[:noise]]), k=ALL_CHUNKS)
            for one, others in zip(chosen, beside, strict=True)
        ]
        made[name] = Condition(items, [min(noise, len(others)) for others in beside])
    return made


def _beside(found: Material, one: Asked, most: int) -> list[str]:
    """Passages in which no answer stands: the others of the article, then those nearest to the question by BM25."""
    ids, texts = list(found.documents), [document.text for document in found.documents.values()]
    same = [id for id in ids if found.documents[id].attributes["article"] == one.article]
    nearest = (ids[hit.place] for hit in ranked(one.question, texts, None, "lexical"))
    chosen: list[str] = []
    for id in dict.fromkeys((*same, *nearest)):
        if len(chosen) == most:
            break
        if id != one.document and not any(says(found.documents[id].text, answer) for answer in one.answers):
            chosen.append(id)
    return chosen


def _false(found: Material, chosen: Sequence[Asked]) -> list[tuple[Asked, str, str]]:
    """Each question with the answer of another one, and the passage that says so; without those where none fits."""
    places = {one.id: place for place, one in enumerate(found.asked)}
    made = []
    for one in chosen:
        text = found.documents[one.document].text if one.document else ""
        place = places[one.id]
        others = (other.answers[0] for other in (*found.asked[place + 1 :], *found.asked[:place]) if other.answers)
        instead = next((other for other in others if _another(other, one, text)), None)
        if instead is None or not one.answers:
            continue
        false = text
        for answer in sorted(one.answers, key=len, reverse=True):
            false = replaced(false, answer, instead)
        if says(false, instead) and not any(says(false, answer) for answer in one.answers):
            made.append((one, instead, false))
    return made


def _another(other: str, one: Asked, text: str) -> bool:
    """Whether it can be told from the right answers, and stands neither in the passage nor in the question."""
    told = any(says(other, answer) or says(answer, other) for answer in one.answers)
    return not told and other not in text and other not in one.question


def _among(ids: Sequence[str]) -> dict[str, Any]:
    return {"type": "in", "key": "document", "value": list(ids)}


def _not(article: str) -> dict[str, Any]:
    return {"type": "and", "filters": [{"type": "ne", "key": "article", "value": article}, _TRUE]}


def _whole(one: Asked) -> dict[str, Any]:
    """Of passages the whole collection; of conversations the one that the question is about."""
    return _TRUE if one.document else {"type": "eq", "key": "article", "value": one.article}


def _item(
    one: Asked, condition: str, where: Any, *, abstain: bool = False, k: int = 5, instead: str | None = None
) -> Item:
    gold = {"answers": one.answers, "abstain": abstain} | ({} if instead is None else {"instead": instead})
    return Item(
        id=f"{condition}: {one.id}", question=one.question, gold=gold, options={"rag": {"where": where, "k": k}}
    )
