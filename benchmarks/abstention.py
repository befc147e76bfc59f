"""Quoting without a model: how often the answer is in the quotes, and what abstaining when it is not costs.

`python -m benchmarks.abstention --data DIR`, where DIR holds corpus.jsonl (_id, title, text), queries.jsonl (_id, text,
answers) and qrels.tsv. Each question is put to the default hybrid search over all passages, and again with the whole
article that answers it left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

PASSAGES: Final = 5
THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Question:
    text: str
    answers: Sequence[str]
    title: str
    """Of the article that answers it."""


@dataclass(frozen=True)
class Outcome:
    with_article: Evidence
    """Chosen at threshold 0, so that every higher one can be applied to its confidence afterwards."""
    without_article: Evidence
    hit: bool
    """An answer stands inside the quotes."""
    available: bool
    """An answer stands inside the passages that were found."""


@dataclass
class Library:
    """A data set under the default index, in memory."""

    embedder: MiniLM
    texts: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    dense: FlatIndex = field(init=False)
    lexical: BM25Index = field(default_factory=BM25Index)
    known: dict[str, Vectors] = field(default_factory=dict)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            for span in chunks(row["text"], AUTO, token_spans):
                self.texts.append(row["text"][span.start : span.end])
                self.titles.append(row["title"])
        ids = np.arange(len(self.texts), dtype=np.int64)
        self.dense = FlatIndex(self.embedder.dimension)
        self.dense.add(ids, self.embedder.embed(self.texts, kind="document"))
        self.lexical.add(ids, self.texts)

    def found(self, question: str, allow: Ids | None = None) -> list[str]:
        vector = self.embedder.embed([question], kind="query")[0]
        scripts = self.embedder.scripts
        ranked = search(
            question, vector, self.dense, self.lexical, PASSAGES, allow, fusion="calibrated", scripts=scripts
        )
        return [self.texts[one.id] for one in ranked]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Each text once: the same sentences come up under many questions."""
        new = list(dict.fromkeys(text for text in texts if text not in self.known))
        self.known.update(zip(new, self.embedder.embed(new, kind="document"), strict=True))
        return np.stack([self.known[text] for text in texts])

    def others(self, title: str) -> Ids:
        return np.array([place for place, of in enumerate(self.titles) if of != title], dtype=np.int64)


def measure(folder: Path, cache: Path) -> dict[str, Any]:
    """Return the shares per threshold ("curve") and at the default one ("default"), 0 to 1."""
    library = Library(MiniLM(cache))
    rows, questions = read(folder)
    library.add(rows)
    outcomes = [_outcome(library, question) for question in questions]
    curve = [_shares(outcomes, threshold) for threshold in THRESHOLDS]
    return {"questions": len(outcomes), "curve": curve, "default": _shares(outcomes, DEFAULT_THRESHOLD)}


def read(folder: Path) -> tuple[list[Mapping[str, Any]], list[Question]]:
    def rows(name: str) -> Iterator[Mapping[str, Any]]:
        return map(json.loads, (folder / name).read_text("utf-8").splitlines())

    corpus = list(rows("corpus.jsonl"))
    titles = {row["_id"]: row["title"] for row in corpus}
    judged = (line.split("\t") for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:])
    gold = {query: titles[document] for query, document, _ in judged}
    return corpus, [Question(row["text"], row["answers"], gold[row["_id"]]) for row in rows("queries.jsonl")]


def _outcome(library: Library, question: Question) -> Outcome:
    def chosen(passages: Sequence[str]) -> Evidence:
        scripts = library.embedder.scripts
        return select(question.text, passages, library.embed, scripts=scripts, threshold=0.0)

    passages = library.found(question.text)
    evidence = chosen(passages)
    quotes = [passages[quote.passage][quote.span.start : quote.span.end] for quote in evidence.quotes]
    return Outcome(
        with_article=evidence,
        without_article=chosen(library.found(question.text, library.others(question.title))),
        hit=_holds(quotes, question.answers),
        available=_holds(passages, question.answers),
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


def report(folder: Path, cache: Path) -> Report:
    figures = measure(folder, cache)
    return Report(
        name="abstention",
        title=f"Quoting without a model: {folder.name}",
        method=(
            f"{figures['questions']} questions, {PASSAGES} passages of the default hybrid search, at most two sentences"
            f" quoted. The default threshold is {DEFAULT_THRESHOLD}."
        ),
        columns=(
            "threshold",
            "answer in the quotes, of all questions",
            "of those answered",
            "abstained though the passages hold the answer",
            "abstained with the article left out",
        ),
        rows=[[f"{value:.3f}" for value in shares.values()] for shares in figures["curve"]],
        figures=figures,
    )


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    from platformdirs import user_cache_path

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of one data set")
    parser.add_argument("--cache", type=Path, default=user_cache_path("sandtable", appauthor=False))
    given = parser.parse_args(arguments)
    made = report(given.data, given.cache)
    print(made.markdown())
    return dict(made.figures)


if __name__ == "__main__":
    main()
