"""Rerankers and the joining of several queries, beyond what every reranker must keep to."""

import pytest

from retrieval.errors import RerankerMissing
from retrieval.rerankers.cross_encoder import CrossEncoderReranker
from retrieval.rerankers.neighbours import Neighbours
from retrieval.several import fuse
from tests.agents.fakes import hit
from tests.retrieval import tiny_cross_encoder


def scored(text, chunk_id, score):
    return hit(text, chunk_id=chunk_id).model_copy(update={"score": score})


def test_a_passage_gains_by_neighbours_that_score_well():
    given = [
        scored("wing flutter at supersonic speed", 1, 0.9),
        scored("flutter of a wing, supersonic", 2, 0.8),
        scored("bread and butter pudding", 3, 0.5),
        scored("the supersonic flutter of wings", 4, 0.5),
    ]
    scores = Neighbours().scores("flutter", given)
    assert scores[3] > scores[2]
    assert sorted(scores, reverse=True)[:2] == scores[:2]


def test_passages_with_nothing_in_common_keep_their_scores():
    given = [scored(text, n, 1 - n / 10) for n, text in enumerate(("alpha", "beta", "港口", "渔船"))]
    assert Neighbours().scores("x", given) == pytest.approx([1.0, 0.9, 0.8, 0.7])


@pytest.mark.slow
def test_a_missing_model_names_the_ways_out(tmp_path):
    with pytest.raises(RerankerMissing, match=r"absent.*hf download.*'neighbours', which needs no model"):
        CrossEncoderReranker(str(tmp_path / "absent")).scores("x", [hit("y")])


@pytest.mark.slow
def test_a_classifier_is_no_reranker(tmp_path):
    model = tiny_cross_encoder.make(tmp_path, labels=3)
    with pytest.raises(RerankerMissing, match="gives 3 figures for a passage"):
        CrossEncoderReranker(str(model)).scores("x", [hit("y")])


def test_several_queries_are_joined_by_their_ranks():
    a, b, c = (scored(text, n, score) for n, (text, score) in enumerate((("a", 0.9), ("b", 0.8), ("c", 0.1)), 1))
    found = fuse(["q", "r"], [[a, b], [b, c]], 10)
    assert [one.chunk_id for one in found] == [2, 1, 3]
    assert found[0].score == pytest.approx((1 / 62 + 1 / 61) / (2 / 61))
    assert [(by.query, by.rank, by.score) for by in found[0].stages.found_by] == [("q", 2, 0.8), ("r", 1, 0.8)]
    assert [by.query for by in found[1].stages.found_by] == ["q"]
    assert fuse(["q", "r"], [[a, b], [b, c]], 1) == found[:1]
    assert fuse(["q"], [[]], 3) == []
    assert fuse(["q", "r"], [[a], [a]], 3)[0].score == pytest.approx(1.0)
