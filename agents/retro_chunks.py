"""Chunks of m tokens, and the neighbours of a chunk with what follows them, as RETRO retrieves them.

Source: Borgeaud et al. 2021 (arXiv:2112.04426): a text is cut into chunks of m = 64 tokens; a neighbour of a chunk is a
pair [N, F], a chunk of the collection and its continuation, together 128 tokens; what stems from the chunk's own
document is left out. Tokens are those of the bundled embedder's vocabulary; the paper has one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.analysis import terms
from retrieval.base import Hit
from retrieval.tokens import token_spans


@dataclass(frozen=True)
class Neighbour:
    hit: Hit
    """`text` is N and F together, `start` and `end` their place in the document."""
    continues: int
    """Where in `text` F begins; its end if there is none."""

    def whole(self, m: int) -> bool:
        """Whether F has its m tokens."""
        return len(token_spans(self.continuation)) >= m

    @property
    def chunk(self) -> str:
        return self.hit.text[: self.continues]

    @property
    def continuation(self) -> str:
        return self.hit.text[self.continues :]


def chunks(text: str, m: int) -> list[tuple[int, int]]:
    """Places of the text's chunks of m tokens, the last one shorter; what stands between two belongs to the first."""
    starts = [span[0] for span in token_spans(text).tolist()][::m]
    if not starts:
        return []
    return list(zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True))


def last_chunk(text: str, m: int) -> str:
    """The last m tokens: what the search looks for neighbours of."""
    spans = token_spans(text).tolist()
    return text[spans[-m][0] :] if len(spans) > m else text


def neighbour(hit: Hit, following: Sequence[Hit], query: str, m: int) -> Neighbour:
    """The chunk of the hit that shares most with the query, and the m tokens after it.

    `following`: other passages of the same file, from which the continuation is taken where the hit ends too early. The
    collection's passages are longer than m tokens, so it is the search that finds a passage, and words that find the
    chunk in it. Of chunks that share equally much the first is taken.
    """
    text = _with_next(hit, following, m)
    places = chunks(text, m)
    inside = [number for number, (start, _) in enumerate(places) if start < len(hit.text)]
    wanted = set(terms(query))
    shared = [len(wanted & set(terms(text[start:end]))) for start, end in places]
    if not places:
        return Neighbour(hit, len(hit.text))
    best = max(inside, key=lambda number: shared[number])
    start, middle = places[best]
    end = places[best + 1][1] if best + 1 < len(places) else middle
    cut = hit.model_copy(update={"text": text[start:end], "start": hit.start + start, "end": hit.start + end})
    return Neighbour(cut, middle - start)


def _with_next(hit: Hit, following: Sequence[Hit], m: int) -> str:
    """The hit's text, drawn out by the next passage if that begins where it ends, or before."""
    after = [o for o in following if o.file_id == hit.file_id and o.start <= hit.end < o.end]
    if not after:
        return hit.text
    longest = max(after, key=lambda other: other.end)
    more = longest.text[hit.end - longest.start :]
    ends = chunks(more, 2 * m)
    return hit.text + (more[: ends[0][1]] if ends else "")


def joint(before: str, piece: str) -> str:
    """What stands between a text and the piece that goes on with it: a blank between two Latin words."""
    if not before or not piece or before[-1].isspace() or piece[0].isspace():
        return ""
    return " " if before[-1].isascii() and piece[0].isascii() and (piece[0].isalnum() or piece[0] in "([\"'") else ""


ECHO = 4
"""Tokens at the end of a text from which on the same once more is no chance."""


def says_again(written: str, piece: str, m: int) -> bool:
    """Whether the piece only repeats what is written: half a chunk or more that stands there already, all of it, or its
    end. A few words that also stand elsewhere, as in "in 2019.", are no repetition."""
    said = piece.strip()
    if said not in written:
        return False
    size = len(token_spans(said))
    return size >= m // 2 or said == written.strip() or (size >= ECHO and written.rstrip().endswith(said))


def whole_words(piece: str) -> str:
    """A piece that was cut off by its length, without the word at its end that may be half of one."""
    cut = piece.rstrip()
    if cut != piece or not cut or not cut[-1].isascii() or not cut[-1].isalnum():
        return piece
    words = cut.rfind(" ")
    return piece[:words] if words > 0 else piece
