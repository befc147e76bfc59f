"""What every Index keeps: the exact ranking, `allow`, replacement, removal and what is saved, whatever came before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.analysis import terms
from retrieval.base import Index
from retrieval.indexes.ann import AnnIndex
from retrieval.indexes.bm25 import BM25Index
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.pgvector import PgvectorIndex
from retrieval.indexes.plan import Plan
from tests.postgres import connections

DIMENSION = 6
WORDS = ("sand", "table", "river", "stone", "cloud", "3.5", "北京", "大学", "東京", "서울")


@dataclass(frozen=True)
class Kind:
    """An index, how to make its payload from any seed, and a slow ranking to compare it with."""

    make: Callable[[], Any]
    load: Callable[[Path], Any]
    payload: Callable[[Sequence[int]], Any]
    reference: Callable[[dict[int, int], int], dict[int, float]]
    again: Callable[[Any], Any] | None = None
    """Opens the same anew, where another keeps it; None: it is saved to files."""


def vectors(seeds: Sequence[int]) -> Any:
    rows = [np.random.default_rng(seed).standard_normal(DIMENSION) for seed in seeds]
    made = np.array(rows, np.float32).reshape(len(seeds), DIMENSION)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def texts(seeds: Sequence[int]) -> list[str]:
    makers = [np.random.default_rng(seed) for seed in seeds]
    return [" ".join(maker.choice(WORDS, size=maker.integers(1, 12)).tolist()) for maker in makers]


def inner_products(held: dict[int, int], query: int) -> dict[int, float]:
    asked = vectors([query])[0].tolist()
    return {
        id: math.fsum(x * y for x, y in zip(vectors([seed])[0].tolist(), asked, strict=True))
        for id, seed in held.items()
    }


def bm25_by_hand(held: dict[int, int], query: int) -> dict[int, float]:
    documents = {id: Counter(terms(texts([seed])[0])) for id, seed in held.items()}
    mean = sum(d.total() for d in documents.values()) / max(1, len(documents))
    scores = {}
    for id, document in documents.items():
        score = 0.0
        for term in terms(texts([query])[0]):
            holders = sum(term in other for other in documents.values())
            idf = math.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
            norm = 1.2 * (1 - 0.5 + 0.5 * document.total() / mean)
            score += idf * document[term] * (1.2 + 1) / (document[term] + norm)
        if score > 0:
            scores[id] = score
    return scores


def approximate(factory: str, least: int, refine: int = 1) -> Kind:
    """A finder that is asked however few rows there are, with so many candidates that it misses none of them."""
    rules = {
        "planned": lambda dense, count, dimension: Plan(factory if count >= least else None, refine),
        "compares_all": lambda allowed, rows: False,
    }
    return Kind(
        lambda: AnnIndex("made", DIMENSION, **rules),
        lambda path: AnnIndex.load(path, "made", **rules),
        vectors,
        inner_products,
    )


def in_postgres(table: str = "") -> PgvectorIndex:
    """A new one, or another pair of eyes on a table. The graph is asked however few rows there are."""
    table = table or f"gen_{uuid4().hex}"
    index = PgvectorIndex("pgvector:16", DIMENSION, connections(), table, compares_all=lambda allowed, rows: False)
    index.open()
    index.settle()
    return index


LOCAL = {
    "hnsw": approximate("HNSW16", 1),
    "ivf": approximate("IVF2,Flat", 2),
    "ivfpq": approximate("IVF2,PQ3x4fs", 16, refine=50),
    "no selection of rows": approximate("PQ3x4fs", 16, refine=50),
    "rotated": approximate("PCAR4,IVF2,SQ8", 4, refine=50),
    "as planned": Kind(
        lambda: AnnIndex("ivfpq", DIMENSION), lambda path: AnnIndex.load(path, "ivfpq"), vectors, inner_products
    ),
    "flat": Kind(lambda: FlatIndex(DIMENSION), FlatIndex.load, vectors, inner_products),
    "bm25": Kind(lambda: BM25Index(k1=1.2, b=0.5), lambda p: BM25Index.load(p, k1=1.2, b=0.5), texts, bm25_by_hand),
}
KINDS = LOCAL | {
    "pgvector": Kind(
        in_postgres, in_postgres, vectors, inner_products, again=lambda index: in_postgres(index.table.name)
    )
}


def of(name: str, request: pytest.FixtureRequest) -> Kind:
    if name == "pgvector":
        request.getfixturevalue("postgres")
    return KINDS[name]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return of(request.param, request)


@pytest.fixture(params=LOCAL)
def local_kind(request: pytest.FixtureRequest) -> Kind:
    return of(request.param, request)


def ids(*values: int) -> Any:
    return np.array(values, np.int64)


def check(kind: Kind, index: Index, held: dict[int, int], k: int = 5, allow: Sequence[int] | None = None) -> None:
    """Compare two searches at once with the reference over what should be there: `held`, seed by id."""
    assert len(index) == len(held)
    allowed = None if allow is None else ids(*sorted(set(allow)))
    scores, found = index.search(kind.payload([7, 8]), k, allowed)
    assert scores.dtype == np.float32
    assert found.dtype == np.int64
    assert scores.shape == found.shape == (2, k)
    for row, query in enumerate((7, 8)):
        expected = {i: s for i, s in kind.reference(held, query).items() if allow is None or i in allow}
        best = sorted(expected.values(), reverse=True)[:k]
        size = len(best)
        assert scores[row, :size].tolist() == pytest.approx(best, abs=1e-4)
        assert [expected[i] for i in found[row, :size].tolist()] == pytest.approx(scores[row, :size].tolist(), abs=1e-4)
        assert len(set(found[row, :size].tolist())) == size
        assert np.isneginf(scores[row, size:]).all()
        assert (found[row, size:] == -1).all()


def filled(kind: Kind, held: dict[int, int]) -> Index:
    """With all in the base, where the index has one."""
    index = kind.make()
    index.add(ids(*held), kind.payload(list(held.values())))
    return index if not isinstance(index, AnnIndex) else adopted(kind, index)


def saved(kind: Kind, index: Any, folder: Path) -> Any:
    if kind.again is not None:
        return kind.again(index)
    index.snapshot()(folder)
    return kind.load(folder)


def adopted(kind: Kind, index: AnnIndex, meanwhile: Callable[[], None] = lambda: None) -> AnnIndex:
    """The index gone over to its snapshot, with what happened after it was taken and before it was written."""
    write = index.snapshot()
    meanwhile()
    with TemporaryDirectory() as folder:
        write(Path(folder))
        loaded = kind.load(Path(folder))
        assert isinstance(loaded, AnnIndex)
        index.adopt(loaded)
    return index


def test_equals_the_reference(kind: Kind) -> None:
    held = {id: id * 3 + 1 for id in (5, 2, 90, 17, 1 << 40, 3)}
    check(kind, filled(kind, held), held, k=3)


def test_k_above_the_number_held_is_padded(kind: Kind) -> None:
    held = {1: 1, 2: 2}
    check(kind, filled(kind, held), held, k=9)


def test_empty(kind: Kind) -> None:
    check(kind, kind.make(), {})
    check(kind, kind.make(), {}, allow=[1, 2])
    scores, found = filled(kind, {1: 1}).search(kind.payload([]), 4)
    assert scores.shape == found.shape == (0, 4)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(kind: Kind, k: int) -> None:
    with pytest.raises(ValueError, match=f"k: {k}"):
        filled(kind, {1: 1}).search(kind.payload([1]), k)


def test_payload_of_another_length_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match="2 ids"):
        kind.make().add(ids(1, 2), kind.payload([1]))


def test_allow_is_kept_exactly(kind: Kind) -> None:
    held = {id: id for id in range(40)}
    index = filled(kind, held)
    for allow in ([], [3], [39, 2, 11], [7, 500, -4], list(range(40))):
        check(kind, index, held, allow=allow)


def test_add_replaces(kind: Kind) -> None:
    index = filled(kind, {1: 1, 2: 2, 3: 3})
    index.add(ids(2, 4), kind.payload([20, 4]))
    check(kind, index, {1: 1, 2: 20, 3: 3, 4: 4})


def test_the_last_of_an_id_given_twice_counts(kind: Kind) -> None:
    index = kind.make()
    index.add(ids(6, 1, 6), kind.payload([1, 2, 3]))
    check(kind, index, {6: 3, 1: 2})


def test_remove_passes_over_the_unknown(kind: Kind) -> None:
    index = filled(kind, {1: 1, 2: 2, 3: 3})
    index.remove(ids(9, 2, -1))
    check(kind, index, {1: 1, 3: 3})
    index.remove(ids())
    index.remove(ids(3, 1))
    check(kind, index, {})


def test_what_was_removed_can_come_back(kind: Kind) -> None:
    index = filled(kind, {1: 1, 2: 2})
    index.remove(ids(1))
    index.add(ids(1), kind.payload([10]))
    check(kind, index, {1: 10, 2: 2})


def test_saved_and_loaded_is_the_same_and_goes_on(kind: Kind, tmp_path: Path) -> None:
    held = {id: id for id in range(30)}
    index = filled(kind, held)
    index.remove(ids(4, 8))
    index.add(ids(5), kind.payload([55]))
    loaded = saved(kind, index, tmp_path)
    held = {id: 55 if id == 5 else id for id in held if id not in (4, 8)}
    check(kind, loaded, held)
    loaded.add(ids(7, 100), kind.payload([77, 100]))
    loaded.remove(ids(0, 20))
    held = {**{id: seed for id, seed in held.items() if id not in (0, 20)}, 7: 77, 100: 100}
    check(kind, loaded, held)
    check(kind, loaded, held, allow=[7, 100, 9, 0])


def test_a_loaded_index_outlives_its_files(local_kind: Kind, tmp_path: Path) -> None:
    held = {id: id for id in range(10)}
    loaded = saved(local_kind, filled(local_kind, held), tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    check(local_kind, loaded, held)


def test_a_snapshot_is_of_its_moment(local_kind: Kind, tmp_path: Path) -> None:
    kind = local_kind
    index = filled(kind, {id: id for id in range(20)})
    write = index.snapshot()
    index.add(ids(3, 50), kind.payload([33, 50]))
    index.remove(ids(0, 1))
    write(tmp_path)
    check(kind, kind.load(tmp_path), {id: id for id in range(20)})


def test_an_empty_index_is_saved(kind: Kind, tmp_path: Path) -> None:
    loaded = saved(kind, kind.make(), tmp_path)
    check(kind, loaded, {})
    loaded.add(ids(1), kind.payload([1]))
    check(kind, loaded, {1: 1})


CHANGE = st.tuples(
    st.sampled_from(["add", "remove", "save", "adopt"]),
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 50)), max_size=20, unique_by=lambda row: row[0]),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=60, deadline=None)
@given(changes=st.lists(CHANGE, max_size=10), allow=st.none() | st.lists(st.integers(0, 25)), k=st.integers(1, 15))
def test_any_course_of_changes(
    name: str,
    request: pytest.FixtureRequest,
    changes: list[tuple[str, list[tuple[int, int]]]],
    allow: list[int] | None,
    k: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kind = of(name, request)
    index, held = kind.make(), dict[int, int]()
    for change, rows in changes:

        def add(index: Index = index, rows: Any = rows, held: dict[int, int] = held) -> None:
            index.add(ids(*(id for id, _ in rows)), kind.payload([seed for _, seed in rows]))
            held.update(rows)

        if change == "save":
            index = saved(kind, index, tmp_path_factory.mktemp("index"))
        elif change == "adopt" and isinstance(index, AnnIndex):
            adopted(kind, index, add)
        elif change in ("add", "adopt"):
            add()
        else:
            index.remove(ids(*(id for id, _ in rows)))
            held = {id: seed for id, seed in held.items() if id not in dict(rows)}
    check(kind, index, held, k, allow)
