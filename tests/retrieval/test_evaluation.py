"""Measures against their formulas by hand, and tests that tell chance from a difference."""

import math
import random

import pytest

from retrieval.base import Hit
from retrieval.evaluation import compare, estimate, scores
from retrieval.judgments import Judgment, grades, ranking


def hit(chunk, file, start=0, end=10):
    return Hit(chunk_id=chunk, file_id=file, filename=file, text="", start=start, end=end, score=1.0)


def by_hand(items, graded, k):
    """nDCG with the grade as gain, MRR and recall, all at k."""
    gains = [graded.get(item, 0) for item in items[:k]]
    ideal = sorted(graded.values(), reverse=True)[:k]

    def dcg(values):
        return sum(value / math.log2(place + 2) for place, value in enumerate(values))

    first = next((place for place, gain in enumerate(gains) if gain), None)
    relevant = sum(grade > 0 for grade in graded.values())
    return (
        dcg(gains) / dcg(ideal) if relevant else 0.0,
        1 / (first + 1) if first is not None else 0.0,
        sum(gain > 0 for gain in gains) / relevant if relevant else 0.0,
    )


@pytest.mark.parametrize("k", [1, 3, 10, 50])
def test_the_measures_are_those_of_the_books(k):
    dice = random.Random(k)
    rankings, graded = {}, {}
    for query in (f"q{n}" for n in range(40)):
        items = [f"d{n}" for n in range(30)]
        dice.shuffle(items)
        rankings[query] = items[: dice.randrange(31)]
        graded[query] = {item: dice.randrange(4) for item in dice.sample(items, 8)}
    found = scores(rankings, graded, k)
    for place, (query, items) in enumerate(rankings.items()):
        expected = by_hand(items, graded[query], k)
        assert (found["ndcg"][place], found["mrr"][place], found["recall"][place]) == pytest.approx(expected), query


def test_a_query_without_anything_found_scores_nothing():
    found = scores({"a": [], "北京 大学": ["x"]}, {"a": {"x": 1}, "北京 大学": {"x": 1}}, 10)
    assert found == {"ndcg": [0.0, 1.0], "mrr": [0.0, 1.0], "recall": [0.0, 1.0]}


def test_an_interval_holds_the_mean_and_narrows_with_the_queries():
    dice = random.Random(1)
    few, many = ([dice.random() for _ in range(n)] for n in (10, 1_000))
    for values in (few, many):
        found = estimate(values)
        assert found.low < found.mean < found.high
    assert estimate(many).high - estimate(many).low < (estimate(few).high - estimate(few).low) / 3
    assert estimate([0.5]) == estimate([0.5, 0.5])


@pytest.mark.slow
def test_a_difference_is_told_from_chance():
    dice = random.Random(2)
    base = [dice.random() for _ in range(200)]
    better = [min(1.0, value + 0.05 + dice.uniform(-0.1, 0.1)) for value in base]
    shuffled = [value + dice.uniform(-0.1, 0.1) for value in base]
    assert compare(better, base).p_value < 0.001
    assert compare(base, better).mean == -compare(better, base).mean
    assert compare(shuffled, base).p_value > 0.05
    assert (compare(base, base).mean, compare(base, base).p_value) == (0.0, 1.0)
    assert compare([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]).p_value == 0.25  # 2 of the 8 ways to flip three signs


@pytest.mark.parametrize("difference", [0.0, 0.25, -1.0])
def test_one_query_proves_nothing(difference):
    found = compare([0.5 + difference], [0.5])
    assert (found.mean, found.low, found.high, found.p_value) == (difference, difference, difference, 1.0)


def test_differences_that_are_all_alike_are_tested_as_others_are():
    found = compare([0.75] * 12, [0.5] * 12)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)
    assert found.p_value == round(2 / 2**12, 4)


@pytest.mark.parametrize("values", [[], [0.5, math.nan]], ids=["none", "nan"])
def test_a_mean_of_nothing_is_no_number(values):
    with pytest.raises(ValueError, match="finite values"):
        estimate(values)
    with pytest.raises(ValueError, match="finite values"):
        compare(values, values)


def test_files_are_ranked_by_their_best_chunk_and_stretches_by_themselves():
    hits = [hit(1, "a", 0, 100), hit(2, "a", 100, 200), hit(3, "b"), hit(4, "a", 200, 300), hit(5, "c")]
    whole = [Judgment(query="q", file_id="a", grade=2), Judgment(query="q", file_id="c", grade=0)]
    assert ranking(hits, whole) == ["a", "b", "c"]
    stretch = [
        Judgment(query="q", file_id="a", start=150, end=160, grade=1),
        Judgment(query="q", file_id="a", start=195, end=205, grade=1),
    ]
    assert ranking(hits, stretch) == ["a#1", "a:150-160", "a:195-205", "b", "a#4", "c"] or ranking(hits, stretch) == [
        "a#1", "a:150-160", "a:195-205", "b", "c",
    ]  # fmt: skip
    assert grades(stretch) == {"a:150-160": 1, "a:195-205": 1}
