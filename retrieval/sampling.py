"""Queries to measure a generation with: those that were asked, and sentences of the documents where these are few."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval import chunk_rows
from retrieval.lanes import every
from retrieval.sentences import sentences

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.lanes import Lane

SAMPLE = 200
LONGEST = 300
"""Characters of a sentence taken for a query."""


async def sample(collection: Collection, lane: Lane) -> list[str]:
    """Up to `SAMPLE` distinct queries, those asked last first. The same for the same collection and questions."""
    asked = list(dict.fromkeys(reversed(collection.asked)))[:SAMPLE]
    if len(asked) == SAMPLE:
        return asked
    chosen = await collection.in_thread(_chosen, lane, SAMPLE - len(asked))
    rows = await collection.resources.database.read(partial(chunk_rows.by_id, ids=chosen))
    made = await collection.in_thread(lambda: [_sentence(row) for row in rows.values()])
    return list(dict.fromkeys([*asked, *(text for text in made if text)]))


def _chosen(lane: Lane, count: int) -> list[int]:
    ids = every(lane.contents).tolist()
    return sorted(random.Random(len(ids)).sample(ids, min(count, len(ids))))


def _sentence(row: Any) -> str:
    """One of a chunk's sentences, which one by the chunk's number."""
    found = [row.text[span.start : span.end].strip() for span in sentences(row.text)]
    words = [text for text in found if any(map(str.isalnum, text))]
    return words[row.id % len(words)][:LONGEST] if words else ""
