"""Depth first through mini crosswords: the authors' run visit by visit, and a small game whose search is known."""

import json

import pytest

from agents import catalog
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.tasks.crosswords import Crosswords
from agents.tasks.scores import mean_of
from backends.errors import BadSpec
from backends.recorded import Recorded, read_record
from backends.scripted import Scripted

TOT = catalog.get("tot")
QUESTION = "\n".join(f"{way}{n}. clue {way}{n}" for way in "hv" for n in range(1, 6))


async def searched(backend, question=QUESTION, limits=None, **options):
    options = TOT.options(problem="crosswords", **options)
    deps = Deps(backend=backend, options=options, limits=limits or Limits(model_calls=None))
    return [event async for event in stream(TOT, RunInput(question=question), deps, run_id="r")]


def visits(events):
    """The words of each visited state, and whether it was given up."""
    pruned = {event.candidate for event in events if event.type == "pruned"}
    return [(e.state.split("\n")[:-1], e.id in pruned) for e in events if e.type == "candidate"]


async def replayed(folder, most):
    """Verdicts on what our search makes of the authors' run, visit by visit."""
    task, record = Crosswords(), read_record(folder / "infoss_dfs_prune.json")
    log, verdicts = json.loads((folder / "infoss_dfs_prune.json").read_text()), []
    for item, game in zip(task.items(folder)[:most], log[:most], strict=True):
        events = await searched(Recorded(record, "recorded:dfs"), item.question)
        assert events[-1].type == "run_finished"
        assert visits(events) == [(visit["actions"], visit["count"]["impossible"] > 0) for visit in game]
        (last,) = [e.update for e in events if e.type == "step_finished" and e.node == "finish"]
        verdicts.append(task.check(item, events[-1].answer, last["finalists"]))
    return verdicts


@pytest.mark.slow
async def test_a_recorded_search_is_visited_in_its_order_with_its_prunes(data_dir):
    assert [verdict.score for verdict in await replayed(data_dir / "crosswords", 2)] == [0.0, 1.0]


@pytest.mark.slow
async def test_all_twenty_recorded_searches_come_to_the_papers_figures(data_dir):
    verdicts = await replayed(data_dir / "crosswords", 20)
    details = [verdict.details for verdict in verdicts]
    means = {name: round(mean_of([one[name] for one in details]).mean, 3) for name in details[0]}
    # The figures of the paper's table 3, from our own checker.
    assert (means["letter"], means["word"], sum(verdict.score for verdict in verdicts)) == (0.78, 0.6, 4)
    assert (means["best_letter"], means["best_word"], means["best_game"]) == (0.824, 0.675, 0.35)


def test_the_record_needs_its_puzzles(tmp_path):
    visit = {"actions": ["h1. abcde"], "count": {"sure": 0, "maybe": 1, "impossible": 0}}
    (tmp_path / "log.json").write_text(json.dumps([[visit]]))
    with pytest.raises(BadSpec, match="mini0505_0_100_5"):
        read_record(tmp_path / "log.json")
    (tmp_path / "mini0505_0_100_5.json").write_text(json.dumps([[["one"], []]]))
    with pytest.raises(BadSpec, match="no log of a search"):
        read_record(tmp_path / "log.json")


class Player:
    """Proposes by state, and calls words impossible; counts what it was asked."""

    def __init__(self, proposals, impossible=()):
        self.proposals, self.impossible, self.asked = proposals, impossible, []

    def __call__(self, request):
        stage, state = request.subject["stage"], request.subject["state"]
        prompt = request.messages[-1].content
        self.asked.append((stage, prompt))
        if stage == "propose":
            return self.proposals.get(" ".join(sorted(state.split("\n"))).strip(), "")
        letters = prompt.strip().rpartition(": ")[2]
        return "It cannot be.\nImpossible." if letters.replace(" ", "") in self.impossible else "so\nmaybe"


async def test_the_surest_go_first_what_does_not_fit_is_no_child_and_only_three_are_followed():
    first = "h1. abcde (low)\nH2. FGHIJ (certain)\nv1. zzzzz (medium)\nh1. abc (certain)\nnonsense\n- v2. bgaaa (high)"
    player = Player({"": first,
                     "h2. fghij": "v1. zzzzz (certain)\nv1. afkpu (low)\nh2. fghij (certain)"})  # fmt: skip
    events = await searched(Scripted(player))
    assert [words for words, _ in visits(events)] == [
        ["h2. fghij"], ["h2. fghij", "v1. afkpu"], ["v2. bgaaa"], ["v1. zzzzz"],
    ]  # fmt: skip
    assert events[-1].answer == "A _ _ _ _\nF G H I J\nK _ _ _ _\nP _ _ _ _\nU _ _ _ _"
    proposals = [prompt for stage, prompt in player.asked if stage == "propose"]
    assert len(proposals) == 8 * 5
    assert any("h1. clue h1: a____" in prompt and "v1. clue v1: afkpu" in prompt for prompt in proposals)


async def test_a_clue_that_is_impossible_ends_a_branch_and_the_search_goes_back():
    proposals = {"": "h1. abcde (certain)\nh2. fghij (low)", "h1. abcde": "h2. qqqqq (certain)\nh3. klmno (low)",
                 "h1. abcde h2. qqqqq": "h3. klmno (certain)"}  # fmt: skip
    events = await searched(Scripted(Player(proposals, {"aq___"})))
    assert visits(events) == [
        (["h1. abcde"], False),
        (["h1. abcde", "h2. qqqqq"], True),
        (["h1. abcde", "h3. klmno"], False),
        (["h2. fghij"], False),
    ]
    back = [event.candidate for event in events if event.type == "backtracked"]
    assert back == ["0"]
    # Without pruning, as the paper's ablation: no value is so low.
    events = await searched(Scripted(Player(proposals, {"aq___"})), threshold=-11)
    assert ["h1. abcde", "h2. qqqqq", "h3. klmno"] in [words for words, _ in visits(events)]
    assert not [event for event in events if event.type == "pruned"]


async def test_equal_states_are_asked_about_once_and_visited_once_if_one_likes():
    both = "h1. abcde (certain)\nh2. fghij (high)"
    player = Player(dict.fromkeys(("", "h1. abcde", "h2. fghij"), both))
    events = await searched(Scripted(player))
    assert len(visits(events)) == 4
    prompts = [prompt for _, prompt in player.asked]
    assert len([stage for stage, _ in player.asked if stage == "propose"]) == 8 * 4
    assert all(prompts.count(prompt) in (1, 8) for prompt in prompts)
    events = await searched(Scripted(player), skip_known=True)
    assert [words for words, _ in visits(events)] == [["h1. abcde"], ["h1. abcde", "h2. fghij"], ["h2. fghij"]]


async def test_depth_and_the_number_of_states_are_bounded():
    def endless(request):
        if request.subject["stage"] == "value":
            return "sure"
        return "\n".join(f"{way}{n}. aaaaa (certain)" for way in "hv" for n in range(1, 6))

    events = await searched(Scripted(endless))
    assert len(visits(events)) == 100
    assert max(len(words) for words, _ in visits(events)) == 9
    events = await searched(Scripted(endless), max_nodes=4)
    assert [len(words) for words, _ in visits(events)] == [1, 2, 3, 4]
    events = await searched(Scripted(endless), limits=Limits(model_calls=40))
    assert (events[-1].type, events[-1].limit) == ("run_limited", "model_calls")
    assert "A A A A A" in events[-1].answer


async def test_a_question_without_clues_is_refused_by_what_it_lacks():
    events = await searched(Scripted(lambda request: ""), question="h1. one\nWhat is this?")
    assert (events[-1].type, events[-1].error_type) == ("run_failed", "BadQuestion")
    assert "h2, h3" in events[-1].message
    assert "h1," not in events[-1].message
