"""Whether an answer stays within what its sources say: abstention, noise, and sources that are wrong.

After Chen et al. 2023, RGB (arXiv:2309.01431): negative rejection, noise robustness, counterfactual robustness. The
questions are those of a folder of the BEIR form whose queries have `answers` (XQuAD, CMRC 2018), or of LoCoMo's
conversations, where those of category 5 cannot be answered from what was said. Each condition is made by a filter of
the search alone, so that one collection serves them all; only the counterfactual sources are documents of their own,
with the answer replaced by that of another question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.abstention import sentence
from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from agents.tasks.closed_wiki import normalised

NOISE = (0, 2, 4, 8)
"""Other passages of the same article beside the one that answers."""
_TRUE = {"type": "eq", "key": "kind", "value": "true"}
ADVERSARIAL = 5
"""LoCoMo's category of questions that nothing in the conversation answers."""


class Document(NamedTuple):
    text: str
    attributes: dict[str, str]


class Asked(NamedTuple):
    id: str
    question: str
    answers: tuple[str, ...]
    """None at all: the documents do not say."""
    document: str
    """That answers; empty: not one alone."""
    article: str


class Material(NamedTuple):
    documents: dict[str, Document]
    asked: list[Asked]


class Boundary:
    """The check; the questions are made by `conditions`."""

    name = "knowledge-boundary"
    figures: tuple[PaperFigure, ...] = ()

    def items(self, folder: Path) -> Sequence[Item]:
        return []

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """Right is: to abstain where nothing answers, else to say an answer. `follows`: what a false source says."""
        abstained = answer.strip() == sentence(item.question)
        said = normalised(answer)
        right = any(normalised(one) in said for one in item.gold["answers"])
        details = {"abstained": float(abstained)}
        if "instead" in item.gold:
            details["follows"] = float(normalised(item.gold["instead"]) in said)
        if item.gold["abstain"]:
            return Verdict(float(abstained), details, "" if abstained else "answered all the same")
        return Verdict(float(right and not abstained), details, "abstained" if abstained else "" if right else "wrong")


def material(folder: Path) -> Material:
    """Raises BadData."""
    if (folder / "corpus.jsonl").is_file():
        return _of_passages(folder)
    conversations = sorted(folder.glob("*.json"))
    if not conversations:
        raise BadData(f"{str(folder)!r} has neither corpus.jsonl nor conversations of LoCoMo (*.json)")
    return _of_conversations(conversations)


def conditions(found: Material, most: int | None) -> dict[str, list[Item]]:
    """By name, each question under each condition; made documents are in `counterfactual`."""
    chosen = spread(found.asked, most)
    made = {"answerable": [_item(one, "answerable", _whole(one)) for one in chosen if one.answers]}
    if any(one.document for one in chosen):
        made["left out"] = [_item(one, "left out", _not(one.article), abstain=True) for one in chosen]
        for noise in NOISE:
            name = f"noise {noise}"
            made[name] = [_item(one, name, _among(_beside(found, one, noise)), k=noise + 1) for one in chosen]
        made["counterfactual"] = [
            _item(one, "counterfactual", _among([false_id(one)]), k=1, instead=instead)
            for one, instead in _false(found, chosen)
        ]
    else:
        made["unanswerable"] = [
            _item(one, "unanswerable", _whole(one), abstain=True) for one in chosen if not one.answers
        ]
    return made


def counterfactual(found: Material, most: int | None) -> dict[str, Document]:
    """Documents with a false answer, by id."""
    made = {}
    for one, instead in _false(found, spread(found.asked, most)):
        text = found.documents[one.document].text.replace(one.answers[0], instead)
        id = false_id(one)
        made[id] = Document(text, {"document": id, "article": id, "kind": "false"})
    return made


def false_id(one: Asked) -> str:
    return f"false-{one.id}"


def spread(asked: Sequence[Asked], most: int | None) -> list[Asked]:
    """So many of all, evenly over their order: neighbours share an article."""
    if most is None or most >= len(asked):
        return list(asked)
    return [asked[place * len(asked) // most] for place in range(most)]


def _false(found: Material, chosen: Sequence[Asked]) -> list[tuple[Asked, str]]:
    """Each question with the answer of another, where the passage holds the right one and not the other."""
    pairs = []
    for place, one in enumerate(chosen):
        others = (other.answers[0] for other in (*chosen[place + 1 :], *chosen[:place]) if other.answers)
        text = found.documents[one.document].text if one.document else ""
        instead = next((other for other in others if other not in text and other not in one.question), None)
        if instead is not None and one.answers and one.answers[0] in text:
            pairs.append((one, instead))
    return pairs


def _beside(found: Material, one: Asked, noise: int) -> list[str]:
    others = [id for id, document in found.documents.items() if document.attributes["article"] == one.article]
    return [one.document, *[id for id in others if id != one.document][:noise]]


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


def _of_passages(folder: Path) -> Material:
    documents, asked = {}, []
    try:
        for row in _rows(folder / "corpus.jsonl"):
            text = f"{row['title']}\n\n{row['text']}"
            documents[row["_id"]] = Document(text, {"document": row["_id"], "article": row["title"], "kind": "true"})
        pairs = (line.split("\t") for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:])
        gold = {query: document for query, document, grade in pairs if int(grade) > 0}
        for row in _rows(folder / "queries.jsonl"):
            document = gold[row["_id"]]
            article = documents[document].attributes["article"]
            asked.append(Asked(row["_id"], row["text"], tuple(row["answers"]), document, article))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{str(folder)!r} is no folder of questions with answers and passages: {error!r}") from None
    return Material(documents, asked)


def _of_conversations(paths: Sequence[Path]) -> Material:
    documents, asked = {}, []
    for path in paths:
        try:
            talk = json.loads(path.read_text("utf-8"))
            for number in range(1, len(talk)):
                turns = talk.get(f"session_{number}")
                if not turns:
                    continue
                lines = "\n".join(f"{turn['speaker']}: {turn['text']}" for turn in turns)
                id = f"{path.stem}-{number}"
                text = f"{talk[f'session_{number}_date_time']}\n{lines}"
                documents[id] = Document(text, {"document": id, "article": path.stem, "kind": "true"})
            for number, row in enumerate(talk["qa"]):
                answers = () if row["category"] == ADVERSARIAL else (str(row["answer"]),)
                asked.append(Asked(f"{path.stem}-{number}", row["question"], answers, "", path.stem))
        except (ValueError, KeyError, TypeError) as error:
            raise BadData(f"{str(path)!r} is no conversation of LoCoMo: {error!r}") from None
    return Material(documents, asked)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
