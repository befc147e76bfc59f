"""Passages and queries out of the data sets: each short enough to be one chunk, so that an oracle need not cut."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

SETS = ("xquad-en", "hotpotqa-sample", "cranfield")
LONGEST = 4
"""Neighbouring sentences that one passage may have: there are only some 10,500 sentences."""
HELD_OUT = 400
SESSION = re.compile(r"session_\d+")


def sentences_of(data: Path) -> list[list[str]]:
    """The sentences of each document, those of 31 to 499 characters."""
    from retrieval.sentences import sentences

    found = []
    for text in documents_of(data):
        spans = [span for span in sentences(text) if 30 < span.end - span.start < 500]
        found.append([text[span.start : span.end].strip() for span in spans])
    return found


def documents_of(data: Path) -> Iterator[str]:
    """The sets' documents, then each session of the conversations."""
    for name in SETS:
        for line in (data / name / "corpus.jsonl").read_text("utf-8").splitlines():
            yield json.loads(line)["text"]
    for path in sorted((data / "locomo").glob("*.json")):
        for name, session in json.loads(path.read_text("utf-8")).items():
            if SESSION.fullmatch(name):
                yield "\n".join(turn["text"] for turn in session)


def runs(documents: list[list[str]]) -> Iterator[str]:
    """All single sentences, then all pairs of neighbours, and so on."""
    for length in range(1, LONGEST + 1):
        some = [" ".join(d[at : at + length]) for d in documents for at in range(len(d) - length + 1)]
        random.Random(length).shuffle(some)
        yield from some


def passages(data: Path, count: int) -> tuple[list[str], list[str]]:
    """`count` different passages and 400 queries that are none of them. Raises ValueError if there are not so many."""
    documents = sentences_of(data)
    found = list(dict.fromkeys(runs(documents)))
    queries, rest = found[:HELD_OUT], found[HELD_OUT:]
    if count > len(rest):
        raise ValueError(f"the data sets make {len(rest):,} passages, not {count:,}")
    return rest[:count], queries
