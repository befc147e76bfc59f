"""Searching both halves, with vectors made by hand so that what each half says is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.indexes.bm25 import BM25Index
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.hybrid import Ranked, search
from retrieval.indexes.spec import Fusion

LATIN = frozenset({"Latin"})
TEXTS = [
    "The battery lasts ten years.",
    "Charging takes half an hour at a fast station.",
    "Invoice INV-2024-001 was paid in March.",
    "电池可以使用十年。",
    "快速充电站需要半小时。",
    "发票已于三月付清。",
]
# One direction a text: a vector near axis n means text n.
AXES = np.eye(len(TEXTS), dtype=np.float32)


def near(*weights: float) -> np.ndarray:
    vector = np.zeros(len(TEXTS), np.float32)
    vector[: len(weights)] = weights
    return vector / max(1e-9, float(np.linalg.norm(vector)))


@pytest.fixture(scope="module")
def halves() -> tuple[FlatIndex, BM25Index]:
    dense, lexical = FlatIndex(len(TEXTS)), BM25Index()
    dense.add(np.arange(len(TEXTS)), AXES)
    lexical.add(np.arange(len(TEXTS)), TEXTS)
    return dense, lexical


def ask(
    halves: tuple[FlatIndex | None, BM25Index | None],
    query: str,
    vector: np.ndarray | None,
    k: int = 6,
    allow: list[int] | None = None,
    fusion: Fusion | None = "calibrated",
) -> list[Ranked]:
    allowed = None if allow is None else np.array(allow, np.int64)
    return search(query, vector, *halves, k, allowed, fusion=fusion, scripts=LATIN)


def test_a_query_the_embedder_cannot_read_is_left_to_the_terms(halves) -> None:
    found = ask(halves, "充电站在哪里？", near(0.9, 0, 0, 0.4))
    assert found[0].id == 4
    assert found[0].score > 0.4
    assert found[0].fused == pytest.approx(found[0].score)


def test_a_query_no_term_of_which_is_there_is_left_to_the_vectors(halves) -> None:
    found = ask(halves, "longevity of accumulators", near(0.9, 0.3, 0.1))
    assert [one.id for one in found[:3]] == [0, 1, 2]
    assert found[0].score == pytest.approx(0.943, abs=0.001)
    assert found[0].lexical is found[0].lexical_rank is None


def test_a_code_is_found_though_the_vector_means_another(halves) -> None:
    found = ask(halves, "INV-2024-001", near(0.8, 0.5, 0.3))
    assert found[0].id == 2
    assert (found[0].lexical_rank, found[0].dense_rank) == (1, 3)


def test_a_query_in_two_languages(halves) -> None:
    found = ask(halves, "fast 充电站 charging", near(0.1, 0.9))
    assert {one.id for one in found[:2]} == {1, 4}


@pytest.mark.parametrize("query", ["电", "茶", "a", "", "😀", "的", "\ud800", "?" * 1000])
@pytest.mark.parametrize("fusion", ["calibrated", "rrf"])
def test_odd_queries_still_give_k(halves, query: str, fusion: Fusion) -> None:
    found = ask(halves, query, near(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), fusion=fusion)
    assert sorted(one.id for one in found) == list(range(6))


def test_where_neither_half_knows_the_nearest_comes_first(halves) -> None:
    found = ask(halves, "茶", near(0.1, 0.2, 0.9))
    assert found[0].id == 2
    assert found[0].score == 0


def test_one_document_and_none() -> None:
    dense, lexical = FlatIndex(len(TEXTS)), BM25Index()
    assert ask((dense, lexical), "battery", near(1)) == []
    dense.add(np.array([7]), AXES[:1])
    lexical.add(np.array([7]), TEXTS[:1])
    (only,) = ask((dense, lexical), "battery", near(1))
    assert (only.id, only.dense_rank, only.lexical_rank) == (7, 1, 1)
    assert only.score == pytest.approx(1, abs=1e-6)


def test_duplicates_share_their_score() -> None:
    dense, lexical = FlatIndex(len(TEXTS)), BM25Index()
    dense.add(np.array([1, 2, 3]), AXES[[0, 1, 0]])
    lexical.add(np.array([1, 2, 3]), [TEXTS[0], TEXTS[1], TEXTS[0]])
    one, other, _ = ask((dense, lexical), "battery life", near(0.9, 0.2))
    assert (one.id, other.id) == (1, 3)
    assert one.score == other.score


def test_every_passage_found_has_its_cosine(halves) -> None:
    vector = near(0.9, 0.3, 0.2)
    for one in ask(halves, "快速充电站", vector):
        assert one.dense == pytest.approx(float(AXES[one.id] @ vector), abs=1e-6)


def test_a_passage_only_one_half_puts_up_is_scored_by_the_other() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    dense, lexical = FlatIndex(16), BM25Index()
    dense.add(np.arange(400), vectors)
    far = int((vectors @ vectors[0]).argmin())
    lexical.add(np.arange(400), ["needle" if id == far else f"hay{id}" for id in range(400)])
    found = {one.id: one for one in ask((dense, lexical), "needle", vectors[0], k=101)}
    assert found[far].dense == pytest.approx(float(vectors[far] @ vectors[0]), abs=1e-6)
    assert found[far].dense_rank is None
    assert found[far].lexical_rank == 1


def test_allow_holds_for_both_halves(halves) -> None:
    assert {one.id for one in ask(halves, "battery 电池", near(1, 1, 1), allow=[1, 4])} == {1, 4}
    assert ask(halves, "battery", near(1), allow=[]) == []


def test_one_half_alone(halves) -> None:
    dense, lexical = halves
    by_vector = ask((dense, None), "battery", near(0.3, 0.9), fusion=None)
    assert [one.id for one in by_vector[:2]] == [1, 0]
    assert by_vector[0].score == pytest.approx(by_vector[0].dense)
    by_terms = ask((None, lexical), "battery years", None, fusion=None)
    assert [(one.id, one.score) for one in by_terms] == [(0, 1.0)]
    assert by_terms[0].fused is by_terms[0].dense is by_vector[0].fused is None


def test_reciprocal_ranks(halves) -> None:
    found = ask(halves, "battery", near(0.9, 0.3), k=2, fusion="rrf")
    assert found[0].id == 0
    assert found[0].score == pytest.approx(1)
    assert found[1].score == pytest.approx(61 / 62 / 2)


def test_a_huge_k_gives_all_there_is(halves) -> None:
    assert len(ask(halves, "battery", near(1), k=10**15)) == 6
    assert ask((FlatIndex(6), BM25Index()), "battery", near(1), k=10**15) == []


def test_misuse_is_refused(halves) -> None:
    with pytest.raises(ValueError, match="k: 0"):
        ask(halves, "battery", near(1), k=0)
    with pytest.raises(ValueError, match="nothing to search in"):
        ask((halves[0], None), "battery", None)


QUERIES = st.text(alphabet="battery 充电池站INV-2024 ", max_size=20)
WEIGHTS = st.lists(st.floats(-1, 1), min_size=6, max_size=6).filter(lambda weights: any(abs(w) > 0.1 for w in weights))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(QUERIES, WEIGHTS, st.integers(1, 9), st.sampled_from(["calibrated", "rrf"]))
def test_scores_fall_within_0_and_1(query: str, weights: list[float], k: int, fusion: Fusion) -> None:
    dense, lexical = FlatIndex(len(TEXTS)), BM25Index()
    dense.add(np.arange(len(TEXTS)), AXES)
    lexical.add(np.arange(len(TEXTS)), TEXTS)
    found = ask((dense, lexical), query, near(*weights), k, fusion=fusion)
    scores = [one.score for one in found]
    assert len({one.id for one in found}) == len(found) == min(k, 6)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert found[: k - 1] == ask((dense, lexical), query, near(*weights), k, fusion=fusion)[: k - 1]
