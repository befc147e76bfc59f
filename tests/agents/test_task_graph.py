"""The scheduler's laws over random plans, and over TaskBench's graphs of tools: order, width, failure, circles."""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.task_board import Board, End
from agents.task_graph import circles, faults, waiting_behind
from tests.agents.virtual_clock import run_virtually

FEW = settings(max_examples=25)


@st.composite
def plans(draw, most=12):
    """Ids in any order, needs that make no circle, and how long each task takes."""
    count = draw(st.integers(1, most))
    ids = draw(st.permutations(range(count)))
    needs = {
        id: draw(st.sets(st.sampled_from(ids[:place]), max_size=4)) if place else set() for place, id in enumerate(ids)
    }
    order = draw(st.permutations(ids))
    seconds = {id: draw(st.integers(1, 50)) / 10 for id in ids}
    return {id: tuple(sorted(needs[id])) for id in order}, seconds


def longest(needs, seconds):
    """Of the chains of tasks that need each other, in seconds."""
    known = {}

    def until(id):
        if id not in known:
            known[id] = seconds[id] + max((until(need) for need in needs[id]), default=0.0)
        return known[id]

    return max(map(until, needs))


@dataclass
class Told:
    began: dict = field(default_factory=dict)
    ended: dict = field(default_factory=dict)
    running: int = 0
    most: int = 0


async def carry_out(needs, seconds, width=64, failing=frozenset(), told=None):
    told, board, loop = told or Told(), Board(width), asyncio.get_running_loop()

    def performs(id):
        async def perform(ends):
            assert set(ends) == set(needs[id])
            assert not any(end.failed for end in ends.values())
            told.began[id] = loop.time()
            told.running += 1
            told.most = max(told.most, told.running)
            try:
                await asyncio.sleep(seconds[id])
            finally:
                told.running -= 1
            told.ended[id] = loop.time()
            return End(task=id, failed="it broke" if id in failing else "", text="" if id in failing else f"of {id}")

        return perform

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(board.work(id, needs[id], performs(id))) for id in needs]
    return {end.task: end for end in (task.result() for task in tasks)}, told


@FEW
@given(plans())
def test_no_task_begins_before_what_it_needs_and_the_whole_takes_as_long_as_the_longest_chain(plan):
    needs, seconds = plan
    (ends, told), wall = run_virtually(carry_out(needs, seconds))
    assert set(ends) == set(needs)
    assert all(not end.failed for end in ends.values())
    for id, all_ in needs.items():
        assert all(told.began[id] >= told.ended[need] for need in all_)
    assert wall <= 1.2 * longest(needs, seconds)
    assert wall == pytest.approx(longest(needs, seconds))


@FEW
@given(plans(), st.integers(1, 4))
def test_no_more_run_at_once_than_the_width_and_none_idles(plan, width):
    needs, seconds = plan
    (ends, told), wall = run_virtually(carry_out(needs, seconds, width))
    assert set(ends) == set(needs)
    assert told.most <= width
    # Graham 1969: no list schedule takes longer.
    work, chain = sum(seconds.values()), longest(needs, seconds)
    assert wall <= work / width + chain * (1 - 1 / width) + 1e-6
    assert wall >= max(chain, work / width) - 1e-6


@pytest.mark.slow
@FEW
@given(plans(), st.data())
def test_a_failed_task_fails_what_needs_it_and_nothing_else(plan, data):
    needs, seconds = plan
    failing = data.draw(st.sets(st.sampled_from(sorted(needs)), min_size=1, max_size=3))
    (ends, told), _ = run_virtually(carry_out(needs, seconds, failing=failing))
    behind = waiting_behind(failing, needs) | {
        id for id in failing if id in {late for one in failing - {id} for late in waiting_behind({one}, needs)}
    }
    assert set(ends) == set(needs)
    assert set(told.began) == set(needs) - behind
    for id, end in ends.items():
        if id in behind:
            assert end.because_of == tuple(need for need in needs[id] if ends[need].failed)
            assert all(str(need) in end.failed for need in end.because_of)
        else:
            assert bool(end.failed) == (id in failing)


@FEW
@given(plans(), st.data())
def test_what_ended_before_is_not_done_again(plan, data):
    needs, _seconds = plan
    known = data.draw(st.sets(st.sampled_from(sorted(needs))))

    async def rest():
        board, done = Board(64), []
        for id in known:
            board.tell(End(task=id, text="before"))

        async def perform(ends):
            done.append(ends)
            return End(task=-1)

        left = [id for id in needs if id not in known and not set(needs[id]) - known]
        for id in left:
            await board.work(id, needs[id], perform)
        return len(done) == len(left)

    assert run_virtually(rest())[0]


@FEW
@given(plans(), st.data())
def test_whatever_a_task_raises_ends_all_at_once(plan, data):
    needs, _seconds = plan
    first = data.draw(st.sampled_from([id for id, all_ in needs.items() if not all_]))

    async def broken():
        board, told = Board(64), Told()

        async def perform(_ends):
            raise LookupError(first)

        async with asyncio.TaskGroup() as group:
            for id in needs:
                if id != first:
                    group.create_task(carry_one(board, id, needs, told))
            group.create_task(board.work(first, (), perform))

    async def carry_one(board, id, needs, told):
        async def perform(_ends):
            await asyncio.sleep(1000)
            return End(task=id)

        await board.work(id, needs[id], perform)

    async def main():
        with pytest.raises(ExceptionGroup):
            await broken()
        return asyncio.all_tasks() == {asyncio.current_task()}

    alone, wall = run_virtually(main())
    assert alone
    assert wall < 1


@pytest.mark.slow
@FEW
@given(plans())
def test_cancelling_cancels_all(plan):
    needs, _seconds = plan

    async def main():
        told = Told()
        all_ = asyncio.create_task(carry_out(needs, dict.fromkeys(needs, 1000.0), told=told))
        await asyncio.sleep(1)
        all_.cancel()
        await asyncio.gather(all_, return_exceptions=True)
        return told.running, all_.cancelled(), asyncio.all_tasks() == {asyncio.current_task()}

    assert run_virtually(main())[0] == (0, True, True)


@pytest.mark.slow
@FEW
@given(plans())
def test_a_graph_without_circles_has_no_fault(plan):
    assert faults(plan[0], dict.fromkeys(plan[0], "x")) == []


@FEW
@given(plans(), st.data())
def test_a_circle_is_found_and_told_task_by_task(plan, data):
    needs, _ = plan
    round_ = data.draw(st.lists(st.sampled_from(sorted(needs)), min_size=1, max_size=5, unique=True))
    closed = {id: set(all_) for id, all_ in needs.items()}
    for id, then in zip(round_, [*round_[1:], round_[0]], strict=True):
        closed[id].add(then)
    wrong = faults(closed, {id: f"kind{id}" for id in closed})
    assert wrong
    if len(round_) == 1:
        assert f"task {round_[0]} (kind{round_[0]}) needs its own result" in wrong
        return
    found = circles(closed)
    assert found
    for circle in found:
        for id, then in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert then in closed[id]
    assert sum("in a circle" in one for one in wrong) == len(found)
    assert len({id for circle in found for id in circle}) == sum(map(len, found))


@FEW
@given(plans(), st.data())
def test_a_need_of_no_task_is_told_by_name(plan, data):
    needs, _ = plan
    id = data.draw(st.sampled_from(sorted(needs)))
    (wrong,) = faults({**needs, id: (*needs[id], 99)}, dict.fromkeys(needs, "translation"))
    assert wrong.startswith(f"task {id} (translation) needs task 99, which there is not; there are ")


@pytest.mark.parametrize("name", ["huggingface", "multimedia", "dailylifeapis"])
def test_tools_of_taskbench_run_in_the_order_of_their_graph(data_dir, name):
    """Its graphs of tools say which one's output another one takes: chains along the links, and joins of two."""
    found = json.loads((data_dir / "taskbench" / "taskbench" / f"data_{name}" / "graph_desc.json").read_text())
    ids = {node["id"]: place for place, node in enumerate(found["nodes"])}
    links = [(ids[link["source"]], ids[link["target"]]) for link in found["links"]]
    after = {id: [target for source, target in links if source == id and target != id] for id in ids.values()}
    for start in ids.values():
        chain = [start]
        while more := [then for then in after[chain[-1]] if then not in chain]:
            chain.append(more[len(chain) % len(more)])
        needs = {id: (before,) for before, id in pairwise(chain)} | {start: ()}
        (_, told), wall = run_virtually(carry_out(needs, dict.fromkeys(needs, 1.0)))
        assert list(told.began) == chain
        assert wall == pytest.approx(len(chain))
    # All tools at once, each after those before it that it takes the output of: a DAG over every link one way.
    needs = {id: tuple(source for source, target in links if target == id and source < id) for id in ids.values()}
    assert faults(needs, {id: found["nodes"][id]["id"] for id in needs}) == []
    seconds = {id: 1.0 + id % 3 for id in needs}
    (ends, told), wall = run_virtually(carry_out(needs, seconds))
    assert len(ends) == len(ids)
    assert all(told.began[id] >= told.ended[need] for id, all_ in needs.items() for need in all_)
    assert wall <= 1.2 * longest(needs, seconds)
    back = {id: tuple({source for source, target in links if target == id}) for id in ids.values()}
    if any(source == target or (target, source) in set(links) for source, target in links):
        assert faults(back, {id: found["nodes"][id]["id"] for id in back})
