"""What answers are held against: passages with questions (the BEIR form), or conversations of LoCoMo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.tasks.base import BadData

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


def material(folder: Path) -> Material:
    """Raises BadData."""
    if (folder / "corpus.jsonl").is_file():
        return _of_passages(folder)
    conversations = sorted(folder.glob("*.json"))
    if not conversations:
        raise BadData(f"{str(folder)!r} has neither corpus.jsonl nor conversations of LoCoMo (*.json)")
    return _of_conversations(conversations)


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
