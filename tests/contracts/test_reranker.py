"""What every reranker must keep to."""

import math

import pytest

from retrieval.errors import BadReranker
from retrieval.rerankers.load import load
from retrieval.rerankers.stage import Rerankers
from tests.agents.fakes import hit
from tests.retrieval import tiny_cross_encoder

TEXTS = ["the cat runs", "the old house", "a dog is new", "中文 cat", "the cat runs old", "", "river " * 300]


@pytest.fixture(scope="module", params=["neighbours", "cross-encoder"])
def spec(request, tmp_path_factory):
    if request.param == "neighbours":
        return "neighbours"
    return f"cross-encoder:{tiny_cross_encoder.make(tmp_path_factory.mktemp('tiny'))}"


def hits(*texts):
    found = [hit(text, chunk_id=n) for n, text in enumerate(texts, start=1)]
    return [one.model_copy(update={"score": 1 - n / 10}) for n, one in enumerate(found)]


def test_it_is_named_by_its_spec(spec):
    assert load(spec).name == spec


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_a_score_for_each_hit_from_0_to_1(spec, count):
    scores = load(spec).scores("the cat 中文 \ud800", hits(*TEXTS[:count]))
    assert len(scores) == count
    assert all(isinstance(score, float) and 0 <= score <= 1 and math.isfinite(score) for score in scores)


def test_the_same_is_scored_the_same(spec):
    reranker = load(spec)
    first = reranker.scores("the cat", hits(*TEXTS))
    assert reranker.scores("the cat", hits(*TEXTS)) == pytest.approx(first)
    assert load(spec).scores("the cat", hits(*TEXTS)) == pytest.approx(first)


async def test_the_stage_orders_by_score_and_says_what_was_before(spec):
    stage = Rerankers()
    given = hits(*TEXTS)
    found = await stage.reranked(spec, "the cat", given)
    stage.close()
    assert {one.chunk_id for one in found} == {one.chunk_id for one in given}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert [one.stages.rerank_rank for one in found] == list(range(1, len(given) + 1))
    assert [one.stages.rerank for one in found] == [one.score for one in found]
    assert all(given[one.stages.candidate_rank - 1].chunk_id == one.chunk_id for one in found)


@pytest.mark.parametrize("spec", ["", "neighbors", "cross-encoder:", "cross-encoder", "Neighbours"])
def test_what_names_none_is_told_what_there_is(spec):
    with pytest.raises(BadReranker, match="'neighbours', which needs no model, or 'cross-encoder:NAME_OR_PATH'"):
        load(spec)
