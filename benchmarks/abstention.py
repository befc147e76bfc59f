"""Quoting without a model: how often the answer is in the quotes, and what abstaining when it is not costs.

`python -m benchmarks.abstention --data DIR`, where DIR holds corpus.jsonl (_id, title, text), queries.jsonl (_id, text,
answers) and qrels.tsv, or folders that do. Each question is put to the default hybrid search over all passages, and
again with the whole article that answers it left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.harness import Report
from retrieval.chunking import AUTO, chunks
from retrieval.embedders.minilm import MiniLM
from retrieval.evidence import DEFAULT_THRESHOLD, Evidence, select
from retrieval.indexes.bm25 import BM25Index
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.hybrid import search
from retrieval.tokens import token_spans

if TYPE_CHECKING:
    from retrieval.base import Ids, Vectors

SETS: Final = ("xquad-en", "xquad-zh")
PASSAGES: Final = 5
THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Question:
    text: str
    answers: Sequence[str]
    document: str
    """The row of the corpus that answers it."""


@dataclass(frozen=True)
class Outcome:
    with_article: Evidence
    """Chosen at threshold 0, so that every higher one can be applied to its confidence afterwards."""
    without_article: Evidence
    hit: bool
    """An answer stands inside the quotes."""
    available: bool
    """The row that answers was found, in a chunk that holds an answer."""


@dataclass(frozen=True)
class Passage:
    text: str
    document: str
    title: str


class Library:
    """A data set under the default index, in memory."""

    def __init__(self, embedder: MiniLM, rows: Sequence[Mapping[str, Any]]) -> None:
        self.embedder = embedder
        self.passages = [
            Passage(row["text"][span.start : span.end], row["_id"], row["title"])
            for row in rows
            for span in chunks(row["text"], AUTO, token_spans)
        ]
        ids = np.arange(len(self.passages), dtype=np.int64)
        texts = [passage.text for passage in self.passages]
        self.dense, self.lexical = FlatIndex(embedder.dimension), BM25Index()
        self.dense.add(ids, embedder.embed(texts, kind="document"))
        self.lexical.add(ids, texts)
        self.known: dict[str, Vectors] = {}

    def search(self, question: str, allow: Ids | None = None) -> list[Passage]:
        vector = self.embedder.embed([question], kind="query")[0]
        scripts = self.embedder.scripts
        ranked = search(
            question, vector, self.dense, self.lexical, PASSAGES, allow, fusion="calibrated", scripts=scripts
        )
        return [self.passages[one.id] for one in ranked]

    def without_article(self, document: str) -> Ids:
        title = next(passage.title for passage in self.passages if passage.document == document)
        kept = [place for place, passage in enumerate(self.passages) if passage.title != title]
        return np.array(kept, dtype=np.int64)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Each text once: the same sentences come up under many questions."""
        new = list(dict.fromkeys(text for text in texts if text not in self.known))
        self.known.update(zip(new, self.embedder.embed(new, kind="document"), strict=True))
        return np.stack([self.known[text] for text in texts])


def measure(folder: Path, cache: Path) -> dict[str, Any]:
    """Return the shares per threshold ("curve") and at the default one ("default"), 0 to 1."""
    rows, questions = read(folder)
    library = Library(MiniLM(cache), rows)
    outcomes = [_outcome(library, question) for question in questions]
    curve = [_shares(outcomes, threshold) for threshold in THRESHOLDS]
    return {"questions": len(outcomes), "curve": curve, "default": _shares(outcomes, DEFAULT_THRESHOLD)}


def read(folder: Path) -> tuple[list[Mapping[str, Any]], list[Question]]:
    def rows(name: str) -> Iterator[Mapping[str, Any]]:
        with (folder / name).open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    corpus = list(rows("corpus.jsonl"))
    judged = (line.split("\t") for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:])
    gold = {query: document for query, document, _ in judged}
    return corpus, [Question(row["text"], row["answers"], gold[row["_id"]]) for row in rows("queries.jsonl")]


def _outcome(library: Library, question: Question) -> Outcome:
    def chosen(passages: Sequence[Passage]) -> Evidence:
        texts = [passage.text for passage in passages]
        return select(question.text, texts, library.embed, scripts=library.embedder.scripts, threshold=0.0)

    passages = library.search(question.text)
    others = library.search(question.text, library.without_article(question.document))
    evidence = chosen(passages)
    quotes = [passages[quote.passage].text[quote.span.start : quote.span.end] for quote in evidence.quotes]
    gold = [passage.text for passage in passages if passage.document == question.document]
    return Outcome(
        with_article=evidence,
        without_article=chosen(others),
        hit=_holds(quotes, question.answers),
        available=_holds(gold, question.answers),
    )


def _holds(texts: Sequence[str], answers: Sequence[str]) -> bool:
    return any(answer in text for text in texts for answer in answers)


def _shares(outcomes: Sequence[Outcome], threshold: float) -> dict[str, float]:
    answered = [one for one in outcomes if one.with_article.confidence >= threshold]
    available = sum(one.available for one in outcomes)
    refused = sum(one.without_article.confidence < threshold for one in outcomes)
    return {
        "threshold": threshold,
        "hit": sum(one.hit for one in answered) / len(outcomes),
        "hit_when_answered": sum(one.hit for one in answered) / max(1, len(answered)),
        "false_abstention": 1 - sum(one.available for one in answered) / max(1, available),
        "abstention": refused / len(outcomes),
    }


def run(data: Path, cache: Path | None = None) -> Report:
    """Measure one data set, or those of `SETS` that lie in `data`."""
    from platformdirs import user_cache_path

    kept = cache or user_cache_path("sandtable", appauthor=False)
    folders = [data] if (data / "corpus.jsonl").is_file() else [data / name for name in SETS if (data / name).is_dir()]
    figures = {folder.name: measure(folder, kept) for folder in folders}
    return Report(
        name="abstention",
        title="Quoting without a model: the price of abstaining",
        method=(
            f"{PASSAGES} passages of the default hybrid search, at most two sentences quoted; the default threshold is"
            f" {DEFAULT_THRESHOLD}. An abstention is false when a passage that was found holds the answer."
        ),
        columns=(
            "questions",
            "threshold",
            "answer in the quotes",
            "the same, of those answered",
            "false abstention",
            "abstention with the article left out",
        ),
        rows=[
            [f"{name} ({found['questions']})", *(f"{value:.3f}" for value in shares.values())]
            for name, found in figures.items()
            for shares in found["curve"]
        ],
        figures=figures,
    )


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of one data set or of several")
    parser.add_argument("--cache", type=Path, help="folder of the embedder's graph; default: the user's cache")
    given = parser.parse_args(arguments)
    report = run(given.data, given.cache)
    print(report.markdown())
    return dict(report.figures)


if __name__ == "__main__":
    main()
