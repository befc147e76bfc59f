"""Approximate search: a finder built once over many vectors, and a small exact tail for what came since.

The finder only proposes: every score is the exact inner product with a vector, so results of all kinds of index are
alike but for what an approximate one may miss. Where few rows are allowed it is passed by, and nothing is missed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.indexes import finder
from retrieval.indexes.finder import Finder
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.places import best, found_at, stacked
from retrieval.indexes.plan import Knobs, Plan, plan
from retrieval.indexes.rows import (
    VECTORS,
    Stored,
    checked,
    merge,
    read_rows,
    rescored,
    search_rows,
    vectors_of,
    write_rows,
)
from retrieval.indexes.segments import Segment
from retrieval.pace import Pace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors

EXACT_UP_TO: Final = 1_000
"""Rows compared one by one in any case: that takes no longer than a finder's walk."""
WALK: Final = 2_048
"""Vectors that a graph compares in a search among all, about. Among a share s of n rows it is some WALK / s; comparing
those rows alone is s * n, and cheaper below sqrt(WALK * n) rows."""
FURTHER: Final = 8
"""Times the effort, where too few were found. A graph of 100,000 vectors at an effort of 8: 2,650 searches a second
with this second look, 400 where all is compared at once."""
ABOUT: Final = "plan.json"


def compares_all(allowed: int, rows: int) -> bool:
    """Whether `allowed` of `rows` are rather compared one by one than looked for."""
    return allowed <= EXACT_UP_TO or (allowed < rows and allowed * allowed <= WALK * rows)


class AnnIndex:
    """An Index (retrieval.base) of unit vectors under a dense spec (`retrieval.indexes.spec`).

    What `snapshot` writes has all in its base, the finder built anew if anything changed since the last; `adopt` goes
    over to it. `planned` and `compares_all` are the rules of sizes.
    """

    def __init__(
        self,
        dense: str,
        dimension: int,
        *,
        planned: Callable[[str, int, int], Plan] = plan,
        compares_all: Callable[[int, int], bool] = compares_all,
    ) -> None:
        self.dense, self.dimension = dense, dimension
        self.plan = Plan(None)
        """How the base is indexed."""
        self.knobs = Knobs()
        self._rules = (planned, compares_all)
        self._base: Segment[Stored] | None = None
        self._finder: Finder | None = None
        self._tail = FlatIndex(dimension)
        self._since: list[Ids] = []
        """Ids added after the last snapshot."""

    @classmethod
    def load(cls, path: Path, dense: str, **rules: Any) -> AnnIndex:
        """Read what `snapshot` wrote, memory-mapped where faiss can. The files may be deleted while the index lives."""
        import numpy as np

        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        index = cls(dense, about["dimension"], **rules)
        index.plan = Plan(about["factory"], about["refine"], tuple(about["notes"]))
        if index.plan.factory is None:
            rows = read_rows(path)
        else:
            built = finder.read(path / "finder.faiss")
            own = finder.own_vectors(built)
            rows = Stored(np.load(path / "ids.npy"), own, built) if own is not None else read_rows(path)
            index._finder = finder.opened(built)
        if len(rows.ids):
            index._base = Segment(rows, np.ones(len(rows.ids), np.bool_))
        return index

    def snapshot(self, pace: Pace | None = None) -> Callable[[Path], None]:
        parts = [(part.rows, part.alive.copy()) for part in self._parts()]
        self._since = []
        whole = self._base is not None and len(parts) == 1 and self._base.dead == 0
        built = (self.plan, self._finder) if whole else None
        return lambda path: self._write(path, parts, built, pace or Pace())

    def adopt(self, fresh: AnnIndex) -> None:
        """Go over to what the last `snapshot` wrote, as loaded, and keep what has changed since then. Quick."""
        import numpy as np

        newer = vectors_of(self._tail.parts(), np.concatenate([_no_ids(), *self._since]), self.dimension)
        alive = np.concatenate([_no_ids(), *(part.rows.ids[part.alive] for part in self._parts())])
        base = fresh._base
        if base is not None:
            base.alive[:] = False
            base.alive[found_at(base.rows.ids, alive)] = True
            base.alive[found_at(base.rows.ids, newer.ids)] = False
            base.dead = len(base.alive) - int(base.alive.sum())
        self.plan, self._base, self._finder = fresh.plan, base, fresh._finder
        self._tail = FlatIndex(self.dimension)
        self._tail.add(newer.ids, newer.vectors)
        self._since = [newer.ids]

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())

    def add(self, ids: Ids, payload: Vectors) -> None:
        """Add vectors float32 (n, dimension), in place of any with the same id. Raises ValueError for another shape."""
        import numpy as np

        self._tail.add(ids, payload)
        self._bury(ids)
        self._since.append(np.asarray(ids, np.int64))

    def remove(self, ids: Ids) -> None:
        self._bury(ids)
        self._tail.remove(ids)

    def search(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return inner products and ids (n, k), best first, padded with (-inf, -1). As many as there are, up to k, are
        always found. Raises ValueError for k < 1."""
        return self._search(queries, k, allow, self._search_base)

    def search_exactly(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """As `search`, every vector compared: what its results are measured by."""
        return self._search(queries, k, allow, self._compare_base)

    def _search(
        self, queries: Vectors, k: int, allow: Ids | None,
        search_base: Callable[[Segment[Stored], Vectors, int, Ids | None], tuple[Scores, Ids]],
    ) -> tuple[Scores, Ids]:  # fmt: skip
        import numpy as np

        queries = checked(queries, k, self.dimension)
        found = [self._tail.search(queries, k, allow)]
        if self._base is not None:
            found.append(search_base(self._base, queries, k, allow))
        scores = np.concatenate([scores for scores, _ in found], axis=1)
        ids = np.concatenate([ids for _, ids in found], axis=1)
        return stacked([best(*row, k) for row in zip(scores, ids, strict=True)], k)

    def _search_base(self, base: Segment[Stored], queries: Vectors, k: int, allow: Ids | None) -> tuple[Scores, Ids]:
        import numpy as np

        mask, finding = base.chosen(allow), self._finder
        count = int(mask.sum())
        if finding is None or count == 0 or self._rules[1](count, len(mask)):
            return search_rows(base.rows, mask, queries, k)
        wanted = min(k * (self.knobs.refine or self.plan.refine), count)
        bits = np.packbits(mask, bitorder="little")
        effort = self.knobs.effort or finding.effort

        def proposed(asked: Vectors, effort: int) -> list[NDArray[np.int64]]:
            rows = finding.propose(asked, wanted, bits, count / len(mask), effort)
            there = [places[places >= 0] for places in rows]
            return [places[mask[places]] for places in there]

        found = []
        for query, places in zip(queries, proposed(queries, effort), strict=True):
            if len(places) < min(k, count):
                # A graph left too early, or lists that are nearly empty: look further, which costs little.
                places = proposed(query[None], min(effort * FURTHER, finding.most))[0]
            if len(places) < min(k, count):
                # An island of a graph: rather slow than short.
                scores, ids = search_rows(base.rows, mask, query[None], k)
                found.append(best(scores[0], ids[0], k))
            else:
                found.append(rescored(base.rows, places, query, k))
        return stacked(found, k)

    def _compare_base(
        self, base: Segment[Stored], queries: Vectors, k: int, allow: Ids | None
    ) -> tuple[Scores, Ids]:  # fmt: skip
        return search_rows(base.rows, base.chosen(allow), queries, k)

    def approximates(self, allowed: int) -> bool:
        """Whether a search among so many of its rows asks the finder."""
        if self._finder is None or self._base is None:
            return False
        return not self._rules[1](min(allowed, len(self._base)), len(self._base.alive))

    @property
    def looks(self) -> tuple[int, int] | None:
        """Effort as it is, and the most that makes a difference; None: every vector is compared."""
        if self._finder is None or self._base is None or not self.approximates(len(self._base)):
            return None
        return self.knobs.effort or self._finder.effort, self._finder.most

    def _write(
        self, path: Path, parts: Sequence[tuple[Stored, NDArray[np.bool_]]],
        built: tuple[Plan, Finder | None] | None, pace: Pace,
    ) -> None:  # fmt: skip
        import numpy as np

        rows = parts[0][0] if built is not None else merge(parts, self.dimension)
        if built is not None:
            how, index = built[0], built[1].faiss if built[1] is not None else None
        else:
            how, index = self._build(rows, path, pace)
        if index is not None and finder.own_vectors(index) is not None:
            np.save(path / "ids.npy", rows.ids)
        elif not (path / VECTORS).is_file():  # The training may have needed them.
            write_rows(rows, path)
        if index is not None:
            finder.write(index, path / "finder.faiss")
        about = {"dimension": self.dimension, "factory": how.factory, "refine": how.refine, "notes": how.notes}
        (path / ABOUT).write_text(json.dumps(about), encoding="utf-8")

    def _build(self, rows: Stored, path: Path, pace: Pace) -> tuple[Plan, Any]:
        how = self._rules[0](self.dense, len(rows.ids), self.dimension)
        if how.factory is None:
            return how, None
        try:
            index = finder.started(how.factory, self.dimension)
            if not index.is_trained:
                write_rows(rows, path)
            return how, finder.filled(index, rows, how.factory, path, pace)
        except RuntimeError as error:
            why = str(error).splitlines()[0].rpartition("Error: ")[2]
            return Plan(None, notes=(f"{self.dense}: faiss could not build {how.factory} ({why}): exact search",)), None

    def _parts(self) -> list[Segment[Stored]]:
        return [*([self._base] if self._base is not None else []), *self._tail.parts()]

    def _bury(self, ids: Ids) -> None:
        base = self._base
        if base is not None and len(places := found_at(base.rows.ids, ids)):
            base.alive[places] = False
            base.dead = len(base.alive) - int(base.alive.sum())


def _no_ids() -> Ids:
    import numpy as np

    return np.empty(0, np.int64)
