"""Tree of Thoughts: the recorded run of its authors step by step, and searches whose best move is known."""

import json

import pytest

from agents import catalog
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.tasks.game24 import check, numbers_of, solvable
from agents.thoughts.base import choice
from backends.recorded import Recorded, read_record
from backends.scripted import Scripted
from tests.agents.players import player

TOT = catalog.get("tot")
FREE = Limits(model_calls=None)


async def searched(backend, question, limits=FREE, **options):
    deps = Deps(backend=backend, options=TOT.options(**options), limits=limits)
    return [event async for event in stream(TOT, RunInput(question=question), deps, run_id="r")]


def updates(events, node):
    return [event.update for event in events if event.type == "step_finished" and event.node == node]


@pytest.mark.slow
async def test_the_recorded_run_of_the_authors_is_replayed_step_by_step(data_dir):
    path = data_dir / "game24" / "recorded_tot_900_949.json"
    record, log = read_record(path), json.loads(path.read_text())
    selections = equal = any_of_b = first = 0
    for run in log:
        puzzle = run["steps"][0]["x"]
        events = await searched(Recorded(record, "recorded:log"), puzzle, problem="game24")
        for kept, step in zip(updates(events, "keep"), run["steps"], strict=True):
            selections += 1
            equal += [thought["state"] for thought in kept["frontier"]] == step["select_new_ys"]
        (last,) = updates(events, "finish")
        any_of_b += any(check(puzzle, answer).correct for answer in last["finalists"])
        first += check(puzzle, events[-1].answer).correct
    assert (selections, equal, any_of_b, first) == (200, 200, 35, 32)


async def test_an_exact_judge_finds_the_way():
    for puzzle in ("4 5 6 10", "1 2 4 7", "3 3 8 8"):
        events = await searched(Scripted(player()), puzzle, problem="game24", b=1, evaluations=1)
        assert check(puzzle, events[-1].answer).correct


@pytest.mark.slow
async def test_success_rises_with_the_breadth_where_the_judge_errs():
    """A judge who is wrong one time in twenty: a wider beam keeps the way that a narrow one loses."""
    puzzles = ["4 5 6 10", "1 2 4 7", "3 3 8 8", "2 5 8 11", "1 8 10 11", "4 4 10 10", "1 3 4 6", "1 4 5 6", "5 5 7 11"]
    assert all(solvable(numbers_of(puzzle)) for puzzle in puzzles)
    found = {}
    for b in (1, 2, 4):
        first = any_of_b = 0
        for seed, puzzle in enumerate(puzzles * 2):
            backend = Scripted(player(0.05, seed))
            events = await searched(backend, puzzle, problem="game24", b=b, evaluations=1)
            (last,) = updates(events, "finish")
            assert last["finalists"][0] == events[-1].answer
            first += check(puzzle, events[-1].answer).correct
            any_of_b += any(check(puzzle, answer).correct for answer in last["finalists"])
        assert first <= any_of_b
        found[b] = any_of_b
    assert found[1] < found[2] < found[4]


async def test_of_equal_states_the_first_counts_and_equal_prompts_are_asked_once():
    asked = []

    def reply(request):
        asked.append(dict(request.subject))
        if request.subject["stage"] == "propose":
            return "1 + 3 = 4 (left: 4)\n1 + 3 = 4 (left: 4)\n2 + 2 = 4 (left: 4)\n"
        return "likely"

    events = await searched(Scripted(reply), "1 2 3 4", problem="game24", depth=1, b=3)
    values = [(event.state.strip(), event.value) for event in events if event.type == "candidate"]
    assert values == [("1 + 3 = 4 (left: 4)", 3.0), ("1 + 3 = 4 (left: 4)", 0.0), ("2 + 2 = 4 (left: 4)", 3.0)]
    assert [about["stage"] for about in asked] == ["propose", "value", "value", "value"]


# A tree with its values: the depth-first order is A, its child AB, back to A's other child AA, then C.
TREE = {"": ["C 5", "A 9", "B 1"], "A": ["AA 3", "AB 8"], "AB": [], "AA": [], "C": ["CC 2"], "CC": []}


def tree_reply(request):
    if request.subject["stage"] == "propose":
        path = request.subject["state"].strip().split("\n")[-1].split(" ")[0]
        return "\n".join(TREE[path])
    return f"Mark: {request.subject['state'].rstrip().split(' ')[-1]}"


async def test_depth_first_goes_down_prunes_and_comes_back():
    events = await searched(
        Scripted(tree_reply), "?", problem="text", search="dfs", generate="propose", depth=3, threshold=1.5, k=1,
        evaluations=1,
    )  # fmt: skip
    assert events[-1].type == "run_finished"
    pruned = {event.candidate for event in events if event.type == "pruned"}
    states = {event.id: event.state for event in events if event.type == "candidate"}
    assert any(states[id].endswith("B 1") for id in pruned)


async def test_votes_choose_the_plan_and_the_answer():
    def reply(request):
        stage = request.subject["stage"]
        if stage == "vote":
            return "Both are fine.\nThe best choice is 2"
        number = request.subject["sample"]
        return f"plan {number}" if not request.subject["state"] else f"answer {number}"

    events = await searched(Scripted(reply), "Write something.", k=3, evaluations=3)
    assert events[-1].answer == "answer 1"
    assert updates(events, "keep")[0]["frontier"][0]["state"] == "plan 1"


@pytest.mark.parametrize(
    ("reply", "count", "named"),
    [("The best choice is 3", 5, 3), ("1 is good, but 10 is best: 10", 10, 10), ("none", 3, None), ("7", 3, None)],
)
def test_a_vote_names_the_last_number_on_the_ballot(reply, count, named):
    assert choice(reply, count) == named


@pytest.mark.parametrize("said", ["", "   \n", "garbage without any step", "I will not do that."])
async def test_a_model_that_says_nothing_useful_ends_the_search_all_the_same(said):
    for options in ({"problem": "game24"}, {"problem": "text"}, {"problem": "game24", "search": "dfs"}):
        events = await searched(Scripted(lambda request: said), "4 5 6 10", **options)
        assert events[-1].type == "run_finished"


async def test_a_limit_returns_the_best_state_so_far():
    events = await searched(
        Scripted(player()), "4 5 6 10", limits=Limits(model_calls=60), problem="game24", evaluations=1
    )
    assert (events[-1].type, events[-1].limit) == ("run_limited", "model_calls")
    assert "left:" in events[-1].answer
