"""The queue of runs: bounded, fair among tenants, in order on a thread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.runs.turns import QueueFull, Turns


def called(tickets):
    return [ticket.called.is_set() for ticket in tickets]


def test_so_many_run_at_once_and_the_next_follows():
    turns = Turns(2, 100)
    tickets = [turns.enter("a", f"thread {n}") for n in range(3)]
    assert called(tickets) == [True, True, False]
    tickets[0].leave()
    assert called(tickets) == [True, True, True]


def test_a_thread_has_one_run_at_a_time_and_lets_others_past():
    turns = Turns(10, 100)
    first, second, other = turns.enter("a", "t"), turns.enter("a", "t"), turns.enter("a", "u")
    assert called([first, second, other]) == [True, False, True]
    first.leave()
    assert second.called.is_set()


def test_a_tenant_with_many_waits_for_one_with_few():
    turns = Turns(1, 100)
    many = [turns.enter("many", str(n)) for n in range(10)]
    few = turns.enter("few", "x")
    many[0].leave()
    assert few.called.is_set()
    few.leave()
    assert many[1].called.is_set()


def test_more_than_may_wait_are_turned_away_unless_they_were_here_before():
    turns = Turns(1, 1)
    turns.enter("a", "1")
    turns.enter("a", "2")
    with pytest.raises(QueueFull, match="1 runs are waiting"):
        turns.enter("a", "3")
    turns.enter("a", "4", always=True)


def test_whoever_leaves_the_queue_is_not_called():
    turns = Turns(1, 10)
    first, second, third = (turns.enter("a", str(n)) for n in range(3))
    second.leave()
    first.leave()
    assert called([second, third]) == [False, True]
    second.leave()
    third.leave()
    assert turns.enter("b", "x").called.is_set()


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40),
    st.randoms(use_true_random=False),
)
def test_every_run_gets_its_turn_within_the_bounds_and_in_the_order_of_its_thread(most, arrivals, dice):
    turns, waiting, order = Turns(most, 1_000), [], {}
    for place, (tenant, number) in enumerate(arrivals):
        waiting.append((place, turns.enter(tenant, f"{tenant}{number}")))
    while waiting:
        running = [(place, ticket) for place, ticket in waiting if ticket.called.is_set()]
        threads = [ticket.thread_id for _, ticket in running]
        assert 0 < len(running) <= most
        assert len(threads) == len(set(threads))
        place, ticket = dice.choice(running)
        order.setdefault(ticket.thread_id, []).append(place)
        ticket.leave()
        waiting.remove((place, ticket))
    assert all(places == sorted(places) for places in order.values())
