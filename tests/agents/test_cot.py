"""Chain of thought: what is asked, how answers are read, and who wins the vote."""

import json

import pytest

from agents import catalog
from agents.answer_text import after_marker, last_number, normalised
from agents.run import Deps, RunInput, Sampling
from agents.stream import stream
from agents.tasks.base import BadData
from agents.tasks.gsm8k import Gsm8k
from backends.scripted import Scripted
from tests.agents.fakes import Replies, said

COT = catalog.get("cot")


async def reasoned(reply, question="How many?", **options):
    requests = []

    def keeping(request):
        requests.append(request)
        return reply(request)

    deps = Deps(backend=Scripted(keeping), options=COT.options(**options))
    events = [event async for event in stream(COT, RunInput(question=question), deps, run_id="r")]
    return events, requests


async def test_few_shot_is_one_greedy_call_with_examples_and_the_answer_after_the_marker():
    events, requests = await reasoned(lambda request: "Two and two is four. The answer is 4.")
    assert (events[-1].answer, len(requests), requests[0].temperature) == ("4", 1, 0.0)
    prompt = requests[0].messages[-1].content
    assert prompt.count("The answer is") >= 5
    assert prompt.endswith("Q: How many?\nA:")
    assert [event.text for event in events if event.type == "thought"] == ["Two and two is four. The answer is 4."]


async def test_each_sample_has_its_own_seed():
    backend = Replies(said("The answer is 4."))
    deps = Deps(backend=backend, options=COT.options(n=3), sampling=Sampling(seed=7))
    _ = [event async for event in stream(COT, RunInput(question="?"), deps, run_id="r")]
    assert [request.seed for request in backend.requests] == [7, 8, 9]


async def test_examples_of_ones_own_replace_ours():
    mine = [{"question": "q1", "reasoning": "r1", "answer": "a1"}]
    _, requests = await reasoned(lambda request: "The answer is x.", examples=mine)
    assert requests[0].messages[-1].content.count("Q: ") == 2
    assert "Q: q1\nA: r1 The answer is a1." in requests[0].messages[-1].content


async def test_zero_shot_reasons_and_then_asks_for_the_answer():
    def reply(request):
        return "Long thoughts." if request.subject["stage"] == "think" else " 18 dollars."

    events, requests = await reasoned(reply, mode="zero_shot")
    assert [request.subject["stage"] for request in requests] == ["think", "conclude"]
    assert "Long thoughts." in requests[1].messages[-1].content
    assert events[-1].answer == "18 dollars."


VOTES = {
    "majority": (["4", "5", "4.0", "four"], "4", False),
    "tie": (["7", "9", "9", "7"], "7", True),
    "formats": (["1,200", "1200.", " 1200.00 ", "3"], "1,200", False),
    "chinese": (["北京。", "北京", "上海"], "北京", False),
    "no answer has no vote": (["", "", "", "6"], "6", False),
}


@pytest.mark.parametrize("name", VOTES)
async def test_the_most_frequent_answer_wins_and_of_equals_the_first(name):
    answers, winner, tied = VOTES[name]

    def reply(request):
        answer = answers[int(request.subject["sample"])]
        return f"Thinking. The answer is {answer}" if answer else "I do not know."

    events, requests = await reasoned(reply, n=len(answers))
    assert events[-1].answer == winner
    assert {request.temperature for request in requests} == {0.7}
    assert [event.code for event in events if event.type == "warning"] == (["tie"] if tied else [])


async def test_without_any_answer_the_text_is_given_and_marked():
    events, _ = await reasoned(lambda request: "Hard to say.")
    assert events[-1].answer == "Hard to say."
    assert [event.code for event in events if event.type == "warning"] == ["no_answer"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So the answer is 4.", "4"),
        ("The answer is 3. No, wait. The answer is **42**.\nDone", "42"),
        ("Answer: $5.50", "5.50"),
        ("因此答案是：北京。", "北京"),
        ("答案为 12点15分。", "12点15分"),
        ("no marker", ""),
        ("The answer is", ""),
    ],
)
def test_the_answer_is_what_follows_the_last_marker(text, answer):
    assert after_marker(text) == answer


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("18", "18.0", True), ("1,000", "1000", True), ("−3", "-3", True), ("Yes.", "yes", True), ("18", "19", False),
     ("１８", "18", True), ("a  b", "A b", True), ("", " . ", True)],
)  # fmt: skip
def test_answers_are_compared_by_what_they_say(one, other, same):
    assert (normalised(one) == normalised(other)) is same


def test_gsm8k_is_scored_by_its_number(data_dir, tmp_path):
    task = Gsm8k()
    items = task.items(data_dir / "gsm8k")
    assert (len(items), items[0].gold) == (200, "18")
    gold = [json.loads(line)["answer"] for line in (data_dir / "gsm8k" / "test_200.jsonl").read_text().splitlines()]
    last = [solution.rpartition("####")[2] for solution in gold]
    assert all(task.check(item, number).score for item, number in zip(items, last, strict=True))
    assert task.check(items[0], "She makes $18 a day. The answer is $18.00.").score == 1.0
    assert task.check(items[0], "The answer is 17, not 18").reason == "another number"
    assert task.check(items[0], "I cannot tell").reason == "no number"
    (tmp_path / "test.jsonl").write_text('{"question": "q"}\n')
    with pytest.raises(BadData, match="line 1"):
        task.items(tmp_path)


def test_the_last_number_is_found_in_any_text():
    assert [last_number(text) for text in ("a 1 b 2,500.50 c", "none", "-3 €")] == ["2500.5", "", "-3"]
