"""Where an answer cites, and which of its words each marker vouches for. Knows nothing of documents."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.base import Span
from retrieval.sentences import sentences

# [1], [1, 2], [1-3], 【1】, ［1］, [Source 2], [来源2], 【1†name】. Four digits are a year, not a source.
_MARKER = re.compile(
    r"[\[【［]\s*(?:sources?|来源|资料)?\s*(\d{1,3}(?:\s*[-–~,，、;；]\s*\d{1,3})*)\s*(?:†[^\]】］]*)?[\]】］]",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"(\d+)\s*[-–~]\s*(\d+)|(\d+)")
_WIDEST_RANGE = 50
_LIST_MARK = re.compile(r"(?:[-*•#>|]+|\d{1,2}[.)、])\s+")
_BETWEEN = re.compile(r"[\s,，、;；]*\Z")


@dataclass(frozen=True, slots=True)
class Marker:
    index: int
    """Code point of the opening bracket in the answer."""
    end: int
    numbers: tuple[int, ...]
    passage: str
    """All words since the marker before."""
    claims: tuple[str, ...]
    """Narrower readings of what it vouches for, the likeliest first: clause, sentence so far, whole sentence."""


def markers(answer: str) -> list[Marker]:
    """Return the markers in order; those side by side vouch for the same words."""
    bare = without_markers(answer)
    spans = sentences(bare)
    since, found = 0, []
    for group in _groups(answer):
        at = group[0].start()
        passage = bare[since:at].strip()
        claims = _claims(bare, spans, since, at, group[-1].end())
        found += [Marker(m.start(), m.end(), _numbers(m[1]), passage, claims) for m in group]
        since = group[-1].end()
    return found


def without_markers(answer: str) -> str:
    """Blanked, they cannot disturb the words, and every place stays where it was."""
    return _MARKER.sub(lambda match: " " * len(match[0]), answer)


def _groups(answer: str) -> Iterator[list[re.Match[str]]]:
    group: list[re.Match[str]] = []
    for match in _MARKER.finditer(answer):
        if group and not _BETWEEN.match(answer[group[-1].end() : match.start()]):
            yield group
            group = []
        group.append(match)
    if group:
        yield group


def _claims(bare: str, spans: Sequence[Span], since: int, at: int, after: int) -> tuple[str, ...]:
    before = bare[:at].rstrip(" \t")
    opens_line = not before or before.endswith("\n")
    following = bare[after:].partition("\n")[0]
    place = after + len(following) - len(following.lstrip()) if opens_line and following.strip() else at - 1
    if place < at:
        place = len(bare[:at].rstrip()) - 1
    nearest = bisect_right(spans, place, key=lambda span: span.start) - 1
    if nearest < 0:
        return ()
    span = spans[nearest]
    readings = (bare[max(since, span.start) : at], bare[span.start : at], bare[span.start : span.end])
    claims = (_LIST_MARK.sub("", reading.strip(), count=1).strip() for reading in readings)
    return tuple(dict.fromkeys(claim for claim in claims if claim))


def _numbers(text: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for first, last, single in _NUMBERS.findall(text):
        low, high = (int(first), int(last)) if first else (int(single), int(single))
        numbers += range(low, min(high, low + _WIDEST_RANGE) + 1) if low <= high else (low, high)
    return tuple(dict.fromkeys(numbers))
