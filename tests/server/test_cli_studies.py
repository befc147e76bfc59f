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


@pytest.mark.slow
def test_strategies_stand_side_by_side_with_what_a_solved_question_costs(sandtable, tmp_path):
    cost = ("eval", "cost", *COMMON, "-o", 'strategies=["chat", "cot"]', "-o", 'cot={"n": 2}')
    found = sandtable.fine(*cost, "--plot", "cost.svg", "--json").json
    chat, cot = found["strategies"]
    assert (chat["strategy"], chat["solved"], chat["total"]["calls"], chat["per_solved"]["calls"]) == ("chat", 1, 3, 3)
    assert (chat["total"]["tokens"], chat["per_solved"]["tokens"], chat["per_solved"]["cost"]) == (36, 36, None)
    assert (cot["solved"], cot["per_solved"]["calls"], cot["options"]) == (3, 2, {"n": 2})
    assert (tmp_path / "cost.svg").stat().st_size > 1_000
    assert "spent for each solved one (in all)" in sandtable.fine(*cost).out


def test_kept_answers_cost_what_they_cost_today(sandtable, tmp_path):
    script = [{"match": ".", "text": "no idea", "usage": {"prompt_tokens": 10, "completion_tokens": 2}}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    cost = ("eval", "cost", *COMMON, "-n", "1", "-o")
    (kept,) = sandtable.fine(*cost, 'strategies=["chat"]', "--json").json["strategies"]
    assert (kept["total"]["cost"], kept["total"]["tokens"]) == (None, 12)
    (tmp_path / "sandtable.toml").write_text('[prices."scripted:*"]\ninput = 1000000\noutput = 500000')
    both = sandtable.fine(*cost, 'strategies=["chat", "cot"]', "--json").json["strategies"]
    assert [row["total"]["cost"] for row in both] == [11, 11]
    assert [row["per_solved"]["cost"] for row in both] == [None, None]
    shown = sandtable.fine(*cost, 'strategies=["chat", "cot"]').out
    assert shown.count("- (11)") == 2
    (tmp_path / "sandtable.toml").unlink()
    (kept,) = sandtable.fine(*cost, 'strategies=["chat"]', "--json").json["strategies"]
    assert kept["total"]["cost"] is None


@pytest.mark.slow
def test_a_question_that_has_changed_is_asked_again(sandtable, tmp_path):
    chat = ("eval", "gsm8k", "--data", "data", "-b", "scripted:script.json", "-n", "1")
    assert sandtable.fine(*chat, "--json").json["metrics"]["score"]["sum"] == 1
    assert "1 answers are there already" in sandtable.fine(*chat).err
    (tmp_path / "data" / "test.jsonl").write_text(json.dumps({"question": "Three pears?", "answer": "#### 7"}))
    again = sandtable.fine(*chat)
    assert "there already" not in again.err
    assert sandtable.fine(*chat, "--json").json["metrics"]["score"]["sum"] == 1


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


APPLES = {
    "question": "Tom has 4 apples and gets 3 more. How many?",
    "answer": "#### 7",
    "paraphrases": ["Of 4 apples, and 3 more, how many are there?"],
}
PEARS = {"question": "Of 9 pears 5 are eaten. How many are left?", "answer": "#### 4"}
LEMONS = {"question": "8柠檬分给2人，每人几个？", "answer": "#### 4"}
PLUMS = {"question": "Are 2 plums left?", "answer": "#### 2"}
WRITER = [
    {"match": "^Put the question[\\s\\S]*apples", "text": '["How many apples has Tom, with 4 and then 3?"]'},
    {
        "match": "^Put the question[\\s\\S]*pears",
        "text": '["Pears: some, less 5?", "Five of 9 are gone, how many of 9 - 5?"]',
    },
    {"match": "has not the number 9", "text": 'Here: ["Take 5 of 9 pears away, and how many stay?"]'},
    {"match": "^Put the question[\\s\\S]*柠檬", "text": '["2人分8柠檬，一人几个？", "8柠檬，2人平分，每人得几个？"]'},
    {"match": "^Put the question|That cannot be used", "text": "I would rather not."},
    {"match": "pples", "text": "7"},
    {"match": "^请您告诉我", "text": "5"},
    {"match": "Take 5|^Question: Of 9", "text": "3"},
    {"match": "ears|9 - 5|柠檬", "text": "4"},
    {"match": ".", "text": "2"},
]


@pytest.mark.slow
def test_paraphrases_of_the_data_and_of_a_backend_are_the_same_in_every_form(sandtable, tmp_path):
    (tmp_path / "data" / "test.jsonl").write_text("\n".join(map(json.dumps, (APPLES, PEARS, LEMONS, PLUMS))))
    (tmp_path / "script.json").write_text(json.dumps([SCRIPT[-1]]))
    (tmp_path / "writer.json").write_text(json.dumps(WRITER))
    robust = ("eval", "prompt-robustness", "-o", "task=gsm8k", "--data", "data", "-b", "scripted:writer.json")
    found = sandtable.fine(*robust, "--json").json
    assert {row["wording"]: row["items"] for row in found["cells"]}["paraphrase 1"] == 1
    assert [row["score"] for row in found["cells"] if row["wording"] == "paraphrase 1"] == [1.0] * 4
    found = sandtable.fine(*robust, "-o", "paraphrases=2", "--plot", "cells.png", "--json").json
    told = found["paraphrases"]
    assert told["0"]["texts"] == [*APPLES["paraphrases"], "How many apples has Tom, with 4 and then 3?"]
    assert told["1"]["texts"] == [
        "Five of 9 are gone, how many of 9 - 5?",
        "Take 5 of 9 pears away, and how many stay?",
    ]
    assert (len(told["2"]["texts"]), told["2"]["lacking"]) == (2, "")
    assert told["3"] == {"texts": [], "lacking": "there are too few of them, or it is no JSON array of texts"}
    scores = {(row["wording"], row["form"]): (row["items"], row["score"]) for row in found["cells"]}
    assert scores["as it is", "plain"] == (4, 1.0)
    assert scores["as it is", "labelled"] == (4, 0.75)
    assert scores["polite", "plain"] == (4, 0.75)  # Of a Chinese question in Chinese.
    assert scores["paraphrase 1", "tagged"] == (3, 1.0)
    assert {scores["paraphrase 2", form] for form in ("plain", "labelled", "heading", "tagged")} == {(3, 2 / 3)}
    assert found["by_kind"]["paraphrases"]["worst"] == 2 / 3
    (tmp_path / "writer.json").write_text(json.dumps(WRITER[5:]))  # Nobody is asked to write again.
    shown = sandtable.fine(*robust, "-o", "paraphrases=2").out
    assert "paraphrase 2: 3 of 4 questions have it" in shown
    assert "question 3 has 0: there are too few" in shown


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
    assert "follows" in shown
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
        (("eval", "prompt-robustness", *COMMON, "-o", "paraphrases=11"), "no whole number from 0 to 10"),
        (("eval", "prompt-robustness", *COMMON, "-o", "paraphrases=1", "-o", "paraphrases_by=extractive"), "a model"),
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
