"""Cutting a document into chunks: spans of at most so many tokens, on the boundaries the text itself has."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from retrieval import code
from retrieval.atoms import AFTER_A_HEADING, HEADING, Atom, atoms, sentences
from retrieval.base import Span, Value
from retrieval.errors import BadChunking
from retrieval.scripts import shares


class Chunking(Value):
    max_tokens: int
    overlap_tokens: int
    """At most so many tokens at a chunk's end come again in the next one: whole sentences, none across a heading."""
    type: Literal["auto", "static"] = "static"

    @property
    def key(self) -> str:
        """What chunks are stored under: equal keys cut alike."""
        return "auto" if self.type == "auto" else f"static:{self.max_tokens}:{self.overlap_tokens}"


# The bundled embedder sees 256 tokens, two of them its own. The overlap holds one sentence of usual length (about 25
# tokens), so that a pronoun at the start of a chunk keeps what it refers to.
AUTO: Final = Chunking(max_tokens=254, overlap_tokens=32, type="auto")
# Text in scripts the bundled model was not trained on has about a token a letter and is found by its words alone: two
# windows hold what one holds of English. One window costs BM25 on XQuAD-zh a point of recall@1 (best chunk counts).
AUTO_UNTRAINED: Final = Chunking(max_tokens=508, overlap_tokens=64, type="auto")

SMALLEST: Final = 100
LARGEST: Final = 4096


def from_strategy(strategy: Mapping[str, Any] | None) -> Chunking:
    """Read OpenAI's `chunking_strategy`; None is `{"type": "auto"}`. Raises BadChunking naming field and value."""
    if strategy is None:
        return AUTO
    kind = strategy.get("type")
    if kind == "auto":
        _only(strategy, "chunking_strategy", "type")
        return AUTO
    if kind != "static":
        raise BadChunking(f"chunking_strategy.type: {kind!r} is not one of 'auto', 'static'")
    _only(strategy, "chunking_strategy", "type", "static")
    sizes = strategy.get("static")
    if not isinstance(sizes, Mapping):
        raise BadChunking(
            f"chunking_strategy.static: {sizes!r} is not an object with max_chunk_size_tokens and chunk_overlap_tokens"
        )
    _only(sizes, "chunking_strategy.static", "max_chunk_size_tokens", "chunk_overlap_tokens")
    size = _integer(sizes, "max_chunk_size_tokens", SMALLEST, LARGEST, "")
    overlap = _integer(sizes, "chunk_overlap_tokens", 0, size // 2, f", half of max_chunk_size_tokens ({size}) at most")
    return Chunking(max_tokens=size, overlap_tokens=overlap)


def from_key(key: str) -> Chunking:
    """The chunking of a `Chunking.key`."""
    if key == "auto":
        return AUTO
    _, size, overlap = key.split(":")
    return Chunking(max_tokens=int(size), overlap_tokens=int(overlap))


def _only(given: Mapping[str, Any], where: str, *fields: str) -> None:
    for field in given:
        if field not in fields:
            raise BadChunking(f"{where}.{field}: not a field here; the fields are {', '.join(fields)}")


def _integer(sizes: Mapping[str, Any], field: str, low: int, high: int, why: str) -> int:
    value = sizes.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadChunking(
            f"chunking_strategy.static.{field}: {value!r} is not a whole number from {low} to {high}{why}"
        )
    return value


def chunks(
    text: str, chunking: Chunking, token_spans: Callable[[str], Any], media_type: str = "text/plain"
) -> list[Span]:
    """Return the chunks of `text`: spans in code points, in order, every non-space character in at least one.

    `token_spans(text)` gives (n, 2) starts and ends of tokens. No chunk has more than `max_tokens` (`AUTO` stands for
    `AUTO_UNTRAINED` where the text is mostly non-Latin); a text that fits is one chunk. Cuts fall before a heading,
    else a paragraph, else a sentence; only a sentence longer than a chunk is cut inside, between words. Chunks come
    out of similar length. Source code, by its `media_type`, is cut before definitions, at blank lines, between lines
    (see `code`), and keeps its indentation. Near-linear.
    """
    sizes = AUTO_UNTRAINED if chunking == AUTO and _untrained(text) else chunking
    places = code.places(text) if code.is_code(media_type) else sentences(text)
    units = atoms(text, places, token_spans(text), sizes.max_tokens)
    return [Span(start=units[i].start, end=units[k - 1].end) for i, k in _pack(units, sizes)]


def _untrained(text: str) -> bool:
    scripts = shares(text)
    return bool(scripts) and scripts.get("Latin", 0.0) < 0.5


def _pack(units: Sequence[Atom], chunking: Chunking) -> Iterator[tuple[int, int]]:
    """Yield the chunks as ranges of atoms."""
    before = [0]
    for unit in units:
        before.append(before[-1] + unit.weight)
    first, done, n = 0, 0, len(units)
    while done < n:
        if before[n] - before[first] <= chunking.max_tokens:
            yield first, n
            return
        cut = _choose(units, before, first, done, chunking)
        yield first, cut
        first, done = _step_back(units, before, first, cut, chunking), cut


def _choose(units: Sequence[Atom], before: Sequence[int], first: int, done: int, chunking: Chunking) -> int:
    """The cut behind at least one atom not `done` yet, at the strongest boundary of the later half of what fits.

    When two chunks will do for the rest, they share it evenly: a short last chunk would rank by its length alone. But
    three that begin at headings are better than two of which one begins inside a section or a block of a table.
    """
    size = chunking.max_tokens
    rest = before[-1] - before[first]
    last = bisect_right(before, before[first] + size, lo=first) - 1
    halves = rest <= 2 * size
    aim = rest / 2 if halves else float(size)
    least = max(0.6 * aim, rest - size) if halves else size / 2
    possible = range(max(first, done) + 1, last + 1)
    fitting = [k for k in possible if before[k] - before[first] >= least]
    if halves and not any(units[k].boundary == HEADING for k in fitting):
        sections = [k for k in possible if units[k].boundary == HEADING and before[k] - before[first] >= size / 2]
        fitting = sections or fitting
    if not fitting:
        return last
    return max(fitting, key=lambda k: (units[k].boundary, -abs(before[k] - before[first] - aim)))


def _step_back(units: Sequence[Atom], before: Sequence[int], first: int, cut: int, chunking: Chunking) -> int:
    """Where the next chunk starts: at the cut, or as many atoms before it as the overlap holds."""
    start = cut
    # An overlap does not cost the last chunk its place: what would fit in one chunk stays in one.
    limit = before[-1] - chunking.max_tokens if before[-1] - before[cut] <= chunking.max_tokens else 0
    while start - 1 > first and units[start].boundary not in (HEADING, AFTER_A_HEADING):
        longer = start - 1
        if before[cut] - before[longer] > chunking.overlap_tokens:
            break
        if before[cut + 1] - before[longer] > chunking.max_tokens or before[longer] < limit:
            break
        start = longer
    return start
