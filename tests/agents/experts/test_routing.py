"""The routing of a mixture of experts: published examples, laws, and chance by the numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agents.experts.gate import gates, kept, softmax
from agents.experts.load import load
from agents.experts.routing import balanced, capacity, gshard, second_odds, switch

# Two inputs, four experts: the worked example of chapter 4 of the course notes on large language models.
TWO = np.array([[0.2, 0.6, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1]])


def test_the_two_highest_gates_are_renormalised():
    assert kept(np.array([[0.04, 0.8, 0.01, 0.15]]), 2) == pytest.approx(np.array([[0, 0.842, 0, 0.158]]), abs=5e-4)


def test_the_worked_example_of_the_chapter():
    assert kept(TWO, 2) == pytest.approx(np.array([[0.25, 0.75, 0, 0], [0, 0.75, 0.25, 0]]))
    example = load(TWO, 2)
    assert example.chosen.tolist() == [1, 2, 1, 0]
    # Not B, as the text says, but 2B: each input has two choices.
    assert example.chosen.sum() == 2 * len(TWO)
    assert example.gate == pytest.approx([0.3, 1.2, 0.3, 0.2])
    assert example.product() == pytest.approx(3.0)
    assert example.product(0.01 / len(TWO)) == pytest.approx(0.015)
    assert example.gshard() == pytest.approx(0.15)
    assert example.switch() == pytest.approx(2.4)
    # The text's rule of 2B/E has one place for each, and expert 1 (counted from 0) is wanted twice.
    assert capacity(2, 4, k=2) == 1
    assert gshard(TWO, 1, np.random.default_rng(0)).overflow[1] == 1


@pytest.mark.parametrize(("rule", "odds"), [("raw", 0.4), ("gshard", 0.5), ("threshold", 1.0)])
def test_three_rules_for_the_second_expert(rule, odds):
    first, second = np.array([0.6]), np.array([0.2])
    assert second_odds(first, second, rule) == pytest.approx([odds])


@pytest.mark.parametrize(("rule", "odds"), [("raw", 0.4), ("gshard", 0.5), ("threshold", 1.0)])
def test_the_second_expert_comes_as_often_as_its_odds_say_in_20000_draws(rule, odds):
    draws = 20_000
    routes = gshard(np.tile(TWO[:1], (draws, 1)), draws, np.random.default_rng(7), rule)
    share = float((routes.experts[:, 1] == 0).mean())
    # Four standard deviations; 0.014 for odds of a half.
    assert share == pytest.approx(odds, abs=4 * (odds * (1 - odds) / draws) ** 0.5 + 1e-12)
    # Its weight stays g1 / (g1 + g2) with and without the second.
    assert np.unique(routes.weights[:, 0]) == pytest.approx([0.75])


def test_the_same_seed_draws_the_same_second_experts():
    gated = softmax(np.random.default_rng(1).normal(size=(64, 8)))
    once, again, other = (gshard(gated, 64, np.random.default_rng(seed)).experts.tolist() for seed in (3, 3, 4))
    assert once == again != other


def test_what_overflows_passes_by():
    gated = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    routes = switch(gated, capacity(4, 2))
    assert routes.experts.tolist() == [[1], [1], [-1], [0]]
    assert routes.weights == pytest.approx(np.array([[0.9], [0.8], [0.0], [0.6]]))
    assert (routes.overflow.tolist(), routes.bypassed()) == ([0, 1], [2])
    roomy = switch(gated, capacity(4, 2, factor=1.5))
    assert roomy.bypassed() == []


def test_second_experts_get_what_first_ones_left():
    gated = np.array([[0.5, 0.5 - 1e-9, 1e-9], [0.5, 0.5 - 1e-9, 1e-9], [1e-9, 0.5, 0.5 - 1e-9]])
    routes = gshard(gated, 2, np.random.default_rng(0))
    # Expert 1 is the first choice of the third input, so one place is left for the two that have it second.
    assert routes.experts.tolist() == [[0, 1], [0, -1], [1, 2]]
    assert routes.overflow.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("inputs", "experts", "k", "factor", "room"), [(10, 1, 1, 1.1, 11), (2, 4, 1, 1.0, 1), (100, 8, 2, 1.25, 32)]
)
def test_capacity_is_a_share_with_room(inputs, experts, k, factor, room):
    assert capacity(inputs, experts, k, factor) == room


@pytest.mark.slow
def test_base_assigns_what_is_best_on_the_whole():
    scores = np.array([[3, 1], [2.5, 2.4], [2, 1.9], [1, 0.2]])
    assert balanced(scores).tolist() == [0, 1, 1, 0]
    assert scores[range(4), balanced(scores)].sum() == pytest.approx(8.3)
    assert scores.argmax(axis=1).tolist() == [0, 0, 0, 0], "each for itself would go to expert 0"


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_base_is_the_best_of_all_balanced_assignments(data):
    inputs, experts = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    scores = data.draw(arrays(np.float64, (inputs, experts), elements=st.integers(-9, 9).map(float)))
    share, more = divmod(inputs, experts)

    def fair(assigned: tuple[int, ...]) -> bool:
        counts = np.bincount(assigned, minlength=experts)
        return counts.min() >= share and counts.max() <= share + (more > 0)

    every = filter(fair, itertools.product(range(experts), repeat=inputs))
    best = max(scores[range(inputs), list(assigned)].sum() for assigned in every)
    found = balanced(scores)
    assert fair(tuple(found))
    assert scores[range(inputs), found].sum() == pytest.approx(best)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(2, 5), st.integers(1, 6))
def test_no_expert_takes_more_than_its_room(seed, inputs, experts, room):
    chance = np.random.default_rng(seed)
    gated = gates(chance.normal(size=(inputs, 3)), chance.normal(size=(experts, 3)), 0.5)
    for routes in (switch(gated, room), gshard(gated, room, chance)):
        taken = routes.experts[routes.experts >= 0]
        assert np.bincount(taken, minlength=experts).max(initial=0) <= room
        assert ((routes.weights > 0) == (routes.experts >= 0)).all()
        assert routes.weights.sum(axis=1).max() <= 1 + 1e-12
    one = gshard(gated, room, chance).experts
    assert (one[:, 0] != one[:, 1])[(one >= 0).all(axis=1)].all(), "never the same expert twice"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(2, 6))
def test_balance_losses_lie_between_even_and_collapsed(seed, inputs, experts):
    gated = softmax(np.random.default_rng(seed).normal(size=(inputs, experts)) * 3)
    measured = load(gated)
    assert measured.gate.sum() == pytest.approx(inputs)
    assert measured.first.sum() == inputs
    assert 1 <= measured.max_ratio() <= experts
    # GShard's and Switch's are one loss on two scales.
    assert measured.gshard() * experts**2 == pytest.approx(measured.switch())


def test_even_use_costs_alpha_and_collapse_costs_e_times_that():
    even, collapsed = load(np.eye(4)), load(np.tile(np.eye(4)[:1], (4, 1)))
    assert (even.switch(0.01), collapsed.switch(0.01)) == pytest.approx((0.01, 0.04))
