"""Hits on their way into a prompt: merged, fitted to a budget, numbered, and fenced so that they stay data."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import chain, zip_longest

from backends.base import Source
from retrieval.base import Hit

# The fence's own tags as a document might fake them: with spaces, invisible characters or full-width brackets inside.
_FENCE = re.compile(r"[<＜﹤](?=[\s/／\u200b-\u200f\u2060\ufeff]*(?:tool_result|sources?|memory)\b)", re.IGNORECASE)
_LONGEST_NAME = 200


def merge(rankings: Sequence[Sequence[Hit]], k: int) -> list[Hit]:
    """Take the k first distinct chunks by turns: scores of different searches cannot be compared."""
    distinct: dict[int, Hit] = {}
    for hit in chain.from_iterable(zip_longest(*rankings)):
        if hit is not None:
            distinct.setdefault(hit.chunk_id, hit)
    return list(distinct.values())[:k]


def fit(hits: Sequence[Hit], characters: int) -> list[Hit]:
    """Keep the best hits that fit into so many characters in all; the first that does not is cut, the rest dropped."""
    kept: list[Hit] = []
    for hit in hits:
        text = hit.text[:characters]
        if not text.strip():
            break
        kept.append(hit.model_copy(update={"text": text, "end": hit.start + len(text)}))
        characters -= len(text)
    return kept


def as_sources(hits: Sequence[Hit]) -> list[Source]:
    return [Source(id=str(n), title=hit.filename, text=hit.text) for n, hit in enumerate(hits, start=1)]


def fence(hits: Sequence[Hit], numbers: Sequence[int] | None = None) -> str:
    """The sources as text of a prompt, numbered from 1 or as given. No document and no file name can close its fence or
    open another."""
    blocks = (
        f'<source number="{n}" file="{_attribute(hit.filename)}">\n{unfenced(hit.text)}\n</source>'
        for n, hit in zip(numbers or range(1, len(hits) + 1), hits, strict=True)
    )
    return "\n".join(("<sources>", *blocks, "</sources>"))


def unfenced(text: str) -> str:
    """The text with every tag of ours in it made harmless."""
    return _FENCE.sub("&lt;", text)


def _attribute(name: str) -> str:
    return html.escape(" ".join(name.split())[:_LONGEST_NAME])
