"""Tree of Thoughts: the recorded run of its authors step by step, and searches whose best move is known."""

import json
from random import Random

import pytest

from agents import catalog
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.tasks.game24 import check, numbers_of, solvable, steps
from agents.thoughts.base import choice
from agents.thoughts.game24 import numbers_left
from backends.recorded import Recorded, read_record
from backends.scripted import Scripted

TOT = catalog.get("tot")
FREE = Limits(model_calls=None)


async def searched(backend, question, limits=FREE, **options):
    deps = Deps(backend=backend, options=TOT.options(**options), limits=limits)
    return [event async for event in stream(TOT, RunInput(question=question), deps, run_id="r")]


def updates(events, node):
    return [event.update for event in events if event.type == "step_finished" and event.node == node]


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


def oracle(noise, seed=0):
    """Proposes every step there is, and judges by the truth; with `noise`, now and then by the opposite."""
    dice = Random(seed)

    def reply(request):
        puzzle, stage, state = request.question, request.subject["stage"], request.subject["state"]
        left = [*map(_fraction, numbers_left(puzzle, state).split())]
        if stage == "propose" and left == [24]:
            return "Answer: " + _expression(puzzle)
        if stage == "propose":
            return "\n".join(f"{said} (left: {' '.join(map(str, rest))})" for said, rest in steps(left))
        good = not left or solvable(left)
        return "sure" if good != (dice.random() < noise) else "impossible"

    return Scripted(reply)


def _fraction(text):
    from fractions import Fraction

    return Fraction(text)


def _expression(puzzle):
    """Any solution, so that the last level has something to say."""
    found = _solve([(number, str(number)) for number in numbers_of(puzzle)])
    assert found is not None
    return f"{found} = 24"


def _solve(parts):
    if len(parts) == 1:
        return parts[0][1] if parts[0][0] == 24 else None
    for i, (x, left) in enumerate(parts):
        for j, (y, right) in enumerate(parts):
            if i == j:
                continue
            rest = [part for place, part in enumerate(parts) if place not in (i, j)]
            joined = [(x + y, "+"), (x - y, "-"), (x * y, "*"), *([(x / y, "/")] if y else [])]
            for value, sign in joined:
                if (found := _solve([*rest, (value, f"({left} {sign} {right})")])) is not None:
                    return found
    return None


async def test_an_exact_judge_finds_the_way(data_dir):
    for puzzle in ("4 5 6 10", "1 2 4 7", "3 3 8 8"):
        events = await searched(oracle(0.0), puzzle, problem="game24", b=1, evaluations=1)
        assert check(puzzle, events[-1].answer).correct


async def test_a_wider_beam_forgives_a_judge_that_errs():
    puzzles = ["4 5 6 10", "1 2 4 7", "3 3 8 8", "2 5 8 11", "1 8 10 11", "4 4 10 10"]
    found = {}
    for b in (1, 5):
        right = 0
        for seed, puzzle in enumerate(puzzles * 2):
            events = await searched(oracle(0.25, seed), puzzle, problem="game24", b=b, evaluations=1)
            (last,) = updates(events, "finish")
            right += any(check(puzzle, answer).correct for answer in last["finalists"])
        found[b] = right
    assert found[1] < found[5] <= len(puzzles) * 2


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
    events = await searched(oracle(0.0), "4 5 6 10", limits=Limits(model_calls=60), problem="game24", evaluations=1)
    assert (events[-1].type, events[-1].limit) == ("run_limited", "model_calls")
    assert "left:" in events[-1].answer
