import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import DENSE_WEIGHT, calibrated, lexical_parts, readable, reciprocal_rank

LATIN = frozenset({"Latin"})


@pytest.mark.parametrize(
    ("query", "share"),
    [("who won", 1.0), ("谁赢了", 0.0), ("AB世界", 0.5), ("2024", 1.0), ("", 1.0), ("😀", 1.0), ("Пушкин", 0.0)],
)
def test_readable_is_the_share_of_letters_in_known_scripts(query: str, share: float) -> None:
    assert readable(query, LATIN) == pytest.approx(share)
    assert readable(query, frozenset()) == 1.0


COSINES = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20)
SCORES = st.lists(st.just(0.0) | st.floats(0.0625, 30, width=32), min_size=1, max_size=20)
SHARES = st.floats(0, 1)


def arrays(cosines: list[float], scores: list[float]) -> tuple[np.ndarray, np.ndarray]:
    size = min(len(cosines), len(scores))
    return np.float32(cosines[:size]), np.float32(scores[:size])


@given(COSINES, SCORES, SHARES, st.floats(1, 5))
def test_calibrated_is_at_most_one_and_grows_with_both(
    cosines: list[float], scores: list[float], share: float, more: float
) -> None:
    dense, lexical = arrays(cosines, scores)
    attainable = float(lexical.max()) * more
    fused = calibrated(dense, lexical, readable=share, attainable=attainable)
    assert np.isfinite(fused).all()
    assert ((fused >= 0) & (fused <= 1 + 1e-6)).all()
    for one in range(len(dense)):
        beaten = (dense <= dense[one]) & (lexical <= lexical[one])
        assert (fused[beaten] <= fused[one] + 1e-9).all()


@given(COSINES, st.floats(0.01, 1))
def test_without_a_match_the_cosine_decides(cosines: list[float], share: float) -> None:
    dense = np.float32(cosines)
    fused = calibrated(dense, np.zeros(len(dense), np.float32), readable=1.0, attainable=0.0)
    assert fused == pytest.approx(np.maximum(dense, 0))
    partly = calibrated(dense, np.zeros(len(dense), np.float32), readable=share, attainable=5.0)
    assert partly * (DENSE_WEIGHT * share + 1 - share) == pytest.approx(fused * DENSE_WEIGHT * share)


@given(COSINES, SCORES, st.floats(1, 5))
def test_an_embedder_that_cannot_read_is_silent(cosines: list[float], scores: list[float], more: float) -> None:
    dense, lexical = arrays(cosines, scores)
    attainable = float(lexical.max()) * more
    fused = calibrated(dense, lexical, readable=0.0, attainable=attainable)
    assert fused == pytest.approx(lexical_parts(lexical, attainable))


def test_a_poor_match_says_little() -> None:
    dense, lexical = np.float32([0.7, 0.4]), np.float32([0, 2])
    assert calibrated(dense, lexical, readable=1.0, attainable=4.0).argmax() == 1
    assert calibrated(dense, lexical, readable=1.0, attainable=40.0).argmax() == 0


@pytest.mark.parametrize(("attainable", "best"), [(10.0, 1.0), (20.0, 1.0), (40.0, 0.5), (100.0, 0.2), (0.0, 0.0)])
def test_the_best_match_counts_in_full_from_half_of_the_attainable(attainable: float, best: float) -> None:
    assert lexical_parts(np.float32([10, 5, 0]), attainable) == pytest.approx([best, best / 2, 0])


def test_reciprocal_rank_follows_the_paper() -> None:
    inf = np.inf
    fused = reciprocal_rank(np.array([1, 2, inf]), np.array([1, inf, 1]))
    assert fused * 2 / 61 == pytest.approx([2 / 61, 1 / 62, 1 / 61])
    assert fused[0] == pytest.approx(1)


def test_nothing_to_fuse() -> None:
    empty = np.empty(0, np.float32)
    assert calibrated(empty, empty, readable=1.0, attainable=0.0).shape == (0,)
    assert lexical_parts(empty, 3.0).shape == (0,)
