"""Studies of `sandtable eval`: cost side by side, and how far a score depends on the prompt."""

import json

import pytest

from tests.server.command_line import CommandLine

PROBLEMS = [("Two and three apples?", 5), ("Nine less four pears?", 5), ("Three threes?", 9)]
SCRIPT = [
    {"match": "<question>", "text": "I do not understand."},
    {"match": "The answer is[\\s\\S]*(apples|pears)", "text": "So 5. The answer is 5."},
    {"match": "The answer is[\\s\\S]*threes", "text": "So 9. The answer is 9."},
    {"match": "apples", "text": "5", "usage": {"prompt_tokens": 10, "completion_tokens": 2}},
    {"match": ".", "text": "7", "usage": {"prompt_tokens": 10, "completion_tokens": 2}},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "data").mkdir()
    lines = [json.dumps({"question": question, "answer": f"So.\n#### {gold}"}) for question, gold in PROBLEMS]
    (tmp_path / "data" / "test.jsonl").write_text("\n".join(lines))
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    return CommandLine(capsys)


COMMON = ("-o", "task=gsm8k", "--data", "data", "-b", "scripted:script.json")


def test_strategies_stand_side_by_side_with_what_a_solved_question_costs(sandtable, tmp_path):
    cost = ("eval", "cost", *COMMON, "-o", 'strategies=["chat", "cot"]', "-o", 'cot={"n": 2}')
    found = sandtable.fine(*cost, "--plot", "cost.svg", "--json").json
    chat, cot = found["strategies"]
    assert (chat["strategy"], chat["solved"], chat["total"]["calls"], chat["per_solved"]["calls"]) == ("chat", 1, 3, 3)
    assert (chat["total"]["tokens"], chat["per_solved"]["tokens"], chat["per_solved"]["cost"]) == (36, 36, None)
    assert (cot["solved"], cot["per_solved"]["calls"], cot["options"]) == (3, 2, {"n": 2})
    assert (tmp_path / "cost.svg").stat().st_size > 1_000
    assert "spent for each solved one" in sandtable.fine(*cost).out


@pytest.mark.slow
def test_a_score_by_wording_form_and_order(sandtable, tmp_path):
    robust = ("eval", "prompt-robustness", *COMMON, "-p", "cot", "-n", "2", "-o", "orders=2")
    found = sandtable.fine(*robust, "--plot", "cells.png", "--json").json
    by_form = {row["form"]: row["score"] for row in found["cells"] if row["wording"] == "polite"}
    assert by_form == {"plain": 1.0, "labelled": 1.0, "heading": 1.0, "tagged": 0.0}
    assert (found["mean"], found["worst"], found["best"], found["spread"]) == (0.75, 0.0, 1.0, 1.0)
    assert found["example_orders"]["scores"] == [1.0, 1.0]
    assert (tmp_path / "cells.png").stat().st_size > 5_000
    assert "mean 0.750, worst 0.000" in sandtable.fine(*robust).out


PASSAGES = [
    ("0-0", "Tower", "The tower of Varn is 330 metres tall. It was opened in 1889."),
    ("0-1", "Tower", "Visitors climb its 1665 steps on foot, or take one of five lifts."),
    ("1-0", "Bridge", "The bridge of Lund was built by Anna Berg. It crosses the river Soke."),
    ("1-1", "Bridge", "Every year 40000 cyclists use the bridge of Lund."),
]
QUERIES = [
    ("a", "How many metres tall is the tower of Varn?", "330", "0-0"),
    ("b", "Who built the bridge of Lund?", "Anna Berg", "1-0"),
]


def folder_of_passages(folder):
    folder.mkdir()
    rows = [json.dumps({"_id": id, "title": title, "text": text}) for id, title, text in PASSAGES]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"_id": id, "text": text, "answers": [answer]}) for id, text, answer, _ in QUERIES]
    (folder / "queries.jsonl").write_text("\n".join(rows))
    rows = [f"{id}\t{document}\t1" for id, _, _, document in QUERIES]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]))


@pytest.mark.slow
def test_answers_keep_within_their_sources(sandtable, tmp_path):
    folder_of_passages(tmp_path / "passages")
    boundary = ("eval", "knowledge-boundary", "--data", "passages", "-b", "extractive")
    found = sandtable.fine(*boundary, "--plot", "boundary.png", "--json").json
    means = {
        row["condition"]: {name: metric["mean"] for name, metric in row["metrics"].items()}
        for row in found["conditions"]
    }
    assert means["answerable"] == {"score": 1.0, "abstained": 0.0}
    assert means["left out"] == {"score": 1.0, "abstained": 1.0}
    assert means["noise 0"] == means["noise 3"] == {"score": 1.0, "abstained": 0.0}
    assert [row["noise"]["least"] for row in found["conditions"] if row["noise"]] == [0, 2, 3]
    assert means["counterfactual"] == {"score": 0.0, "abstained": 0.0, "follows": 1.0}
    assert (tmp_path / "boundary.png").stat().st_size > 5_000
    shown = sandtable.fine(*boundary).out
    assert "follows the source" in shown
    assert "no noise of 4, 8: the data have at most 3 passages" in shown


def talk():
    turns = [
        {"speaker": "Ann", "dia_id": f"D1:{n}", "text": f"Number {n} was a quiet day at the sea."} for n in range(400)
    ]
    turns[3]["text"] = "My parrot Coco escaped through the kitchen window!"
    turns[398]["text"] = "I bought a red bicycle."
    qa = [
        {
            "question": "Where did the parrot escape?",
            "answer": "the kitchen window",
            "evidence": ["D1:3"],
            "category": 4,
        },
        {"question": "What did Ann buy?", "answer": "a red bicycle", "evidence": ["D1:398"], "category": 4},
        {"question": "What is the horse called?", "evidence": [], "category": 5},
    ]
    return {"session_1": turns, "session_1_date_time": "1 May", "qa": qa}


@pytest.mark.slow
def test_what_a_budget_leaves_of_a_conversation(sandtable, tmp_path):
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / "1.json").write_text(json.dumps(talk()))
    found = sandtable.fine("eval", "context-length", "--data", "talks", "--plot", "context.png", "--json").json
    recall = {row["policy"]: row["recall"] for row in found["rows"] if row["budget"] == 250}
    assert recall == {"drop": 0.5, "summarise": 1.0, "retrieve": 1.0, "both": 1.0}
    (dropped,) = [row["by_distance"] for row in found["rows"] if (row["policy"], row["budget"]) == ("drop", 250)]
    assert dropped == [1.0, None, None, None, 0.0]
    assert (tmp_path / "context.png").stat().st_size > 5_000
    assert "recall within words" in sandtable.fine("eval", "context-length", "--data", "talks").out
    found = sandtable.fine("eval", "knowledge-boundary", "--data", "talks", "-b", "extractive", "--json").json
    assert {row["condition"]: row["items"] for row in found["conditions"]} == {"answerable": 2, "unanswerable": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eval", "cost", "--data", "data"), "-o task=gsm8k"),
        (("eval", "cost", *COMMON, "-o", "tots={}"), "tots is neither"),
        (("eval", "cost", *COMMON, "-o", "strategies=chat"), "no list of pipelines"),
        (("eval", "prompt-robustness", *COMMON, "-o", "orders=x"), "no whole number"),
        (("eval", "context-length"), "--data DIR"),
        (("eval", "context-length", "--data", "data"), "no conversations of LoCoMo"),
        (("eval", "memory-recall"), "--data DIR"),
        (("eval", "memory-recall", "--data", "data"), "no conversations of LoCoMo"),
        (("eval", "knowledge-boundary", "--data", "data"), "neither corpus.jsonl nor conversations"),
        (("eval", "prompt-robustness", "-o", "task=gsm9k", "--data", "data"), "there is no task 'gsm9k'"),
    ],
)
def test_what_a_study_lacks_is_named(sandtable, arguments, said):
    result = sandtable(*arguments)
    assert result.code == 2, result
    assert said in result.err
