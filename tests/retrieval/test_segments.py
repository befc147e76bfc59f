"""How the indexes hold what grows and shrinks: few segments, no memory kept for long by what was removed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.indexes.postings import invert, load, save, stretches
from retrieval.indexes.segments import Segments


@dataclass(frozen=True)
class Rows:
    ids: Any


class Counted(Segments[Rows]):
    """Counts the rows that merges copy."""

    def __init__(self) -> None:
        super().__init__(self._join)
        self.copied = 0

    def _join(self, parts: Sequence[tuple[Rows, Any]]) -> Rows:
        ids = np.sort(np.concatenate([rows.ids[alive] for rows, alive in parts]))
        self.copied += len(ids)
        return Rows(ids)


def rows(*ids: int) -> Rows:
    return Rows(np.array(sorted(set(ids)), np.int64))


def alive(segments: Segments[Rows]) -> list[int]:
    return sorted(id for part in segments.parts for id in part.rows.ids[part.alive].tolist())


def test_n_additions_copy_n_log_n_rows_into_log_n_segments() -> None:
    segments = Counted()
    for id in range(3_000):
        segments.add(rows(id))
        assert len(segments.parts) <= 1 + math.log2(id + 1)
    assert segments.copied <= 3_000 * math.log2(3_000)
    assert alive(segments) == list(range(3_000))


def test_a_segment_half_of_which_is_gone_is_written_anew() -> None:
    segments = Counted()
    segments.add(rows(*range(100)))
    segments.remove(np.arange(50))
    assert len(segments.parts[0].alive) == 100
    segments.remove(np.array([50]))
    assert len(segments.parts[0].alive) == len(segments) == 49
    segments.remove(np.arange(100))
    assert segments.parts == []


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 30), max_size=12))))
def test_holds_what_was_added_and_not_removed(changes: list[tuple[bool, list[int]]]) -> None:
    segments, held = Counted(), set[int]()
    for adding, ids in changes:
        before = segments.version
        if adding:
            segments.add(rows(*ids))
            held |= set(ids)
        else:
            segments.remove(np.array(ids, np.int64))
            held -= set(ids)
        assert segments.version > before or not ids
        assert alive(segments) == sorted(held)
        assert len(segments) == len(held)
        assert all(part.dead == int((~part.alive).sum()) <= len(part) for part in segments.parts)


def test_saved_postings_are_mapped_not_read(tmp_path: Path) -> None:
    save(invert(np.array([5, 3]), [["sand", "stone", "sand"], ["stone"]]), tmp_path)
    loaded = load(tmp_path)
    assert isinstance(loaded.places, np.memmap)
    (stone,) = stretches(loaded, ["stone"])
    assert sorted(zip(loaded.ids[loaded.places[stone]].tolist(), loaded.counts[stone].tolist(), strict=True)) == [
        (3, 1),
        (5, 1),
    ]
    assert loaded.lengths.tolist() == [1, 3]
