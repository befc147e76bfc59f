"""Training data: what is read, what is refused, how it is split, and which negatives are mined."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import TrainingRefused
from retrieval.training.bases import base_of
from retrieval.training.examples import Example, read
from retrieval.training.fit import _last, check_installed, mean_loss
from retrieval.training.gain import gain
from retrieval.training.negatives import columns, lexical, mined
from retrieval.training.recipe import Recipe
from retrieval.training.split import groups, split
from tests.retrieval.tiny_encoder import lines, rows


def written(tmp_path, *rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def test_rows_become_questions_and_a_pool(tmp_path):
    found = read(
        written(
            tmp_path,
            {"query": "where?", "positive": "here"},
            {
                "query": "哪里",
                "positives": ["这里", "那", "这里"],
                "negatives": ["别"],
                "answers": ["这"],
                "group": "g",
            },
            "",
            {"passage": "elsewhere"},
            {"passage": "here"},
        )
    )
    assert found.passages == ("here", "这里", "那", "别", "elsewhere")
    first, second = found.examples
    assert (first.query, first.positives, first.group) == ("where?", ("here",), None)
    assert (second.positives, second.negatives, second.answers) == (("这里", "那"), ("别",), ("这",))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object"),
        ({"query": "q"}, "line 2, the row: give 'query' with 'positive' or 'positives'"),
        ({"query": "q", "positive": "a", "positives": ["b"]}, "line 2, the row: give 'query' with"),
        ({"query": "q", "positive": " "}, "line 2, positive: String should have at least 1 character"),
        ({"query": 7, "positive": "a"}, "line 2, query: Input should be a valid string"),
        ({"query": "q", "positive": "a", "label": 1}, "line 2, label: Extra inputs are not permitted"),
        ({"passage": "p", "group": "g"}, "line 2, the row: 'passage' stands alone"),
    ],
)
def test_a_bad_row_is_refused_by_its_line(tmp_path, row, said):
    with pytest.raises(TrainingRefused, match=said) as refused:
        read(written(tmp_path, {"query": "q", "positive": "a"}, row))
    assert refused.value.param == "training_file"


def test_data_without_a_question_is_refused(tmp_path):
    with pytest.raises(TrainingRefused, match="no question"):
        read(written(tmp_path, {"passage": "p"}))


question = st.builds(
    Example,
    query=st.text("q", min_size=1),
    positives=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3, unique=True).map(tuple),
    group=st.none() | st.sampled_from(["g1", "g2"]),
)


@given(st.lists(question, min_size=1, max_size=30), st.integers(0, 9))
def test_parts_never_share_a_group_or_a_passage(examples, seed):
    together = groups(examples)
    assert sorted(map(id, (one for group in together for one in group))) == sorted(map(id, examples))
    if len(together) < 3:
        with pytest.raises(TrainingRefused, match="groups"):
            split(examples, validation=0.1, held=0.2, seed=seed)
        return
    found = split(examples, validation=0.1, held=0.2, seed=seed)
    assert all(found)
    assert sum(map(len, found)) == len(examples)
    marks = [
        {mark for one in part for mark in (("group", one.group) if one.group else None, *one.positives)} - {None}
        for part in found
    ]
    assert marks[0].isdisjoint(marks[1] | marks[2])
    assert marks[1].isdisjoint(marks[2])


def test_a_share_of_the_questions_is_kept_back():
    examples = [Example(query="q", positives=(str(n),)) for n in range(200)]
    found = split(examples, validation=0.1, held=0.25, seed=1)
    assert [len(part) for part in found] == [130, 20, 50]
    assert found == split(examples, validation=0.1, held=0.25, seed=1)
    assert split(examples, validation=0.1, held=0.0, seed=1).held == []


def test_negatives_share_words_and_hold_no_answer():
    passages = [
        "the ferry leaves at eight",
        "the ferry leaves from the pier",
        "the ferry is red",
        "a bus",
        "ferry: Eight",
    ]
    example = Example(query="when does the ferry leave", positives=("the ferry leaves at eight",), answers=("eight",))
    index = lexical(passages)
    assert mined(example, passages, index, 2) == ["the ferry leaves from the pier", "the ferry is red"]
    assert mined(example, passages, index, 2, skip=1) == ["the ferry is red"]
    given_one = example.model_copy(update={"negatives": ("a bus",)})
    assert mined(given_one, passages, index, 2) == ["a bus", "the ferry leaves from the pier"]


def test_every_row_has_its_number_of_negatives():
    examples = [Example(query="zebra", positives=("p0", "p1")), Example(query="p2", positives=("p2",))]
    found = columns(examples, ["p0", "p1", "p2", "p3"], 1, 0, seed=0)
    assert found["anchor"] == ["zebra", "zebra", "p2"]
    assert found["positive"] == ["p0", "p1", "p2"]
    assert all(wrong not in ("p0", "p1") for wrong in found["negative_1"][:2])
    assert found["negative_1"][2] != "p2"
    assert list(columns(examples[1:], ["p2"], 3, 0, seed=0)) == ["anchor", "positive"]


def test_a_passage_with_an_answer_is_no_negative_by_chance_either():
    boats = Example(query="渔船有多少", positives=("北湾渔港有三百一十二艘。",), answers=("三百一十二",))
    holding = ["Report: 三百一十二 boats", *(f"xyz {n} 三百一十二" for n in range(400))]
    assert all("negative_1" not in columns([boats], [*boats.positives, *holding], 1, 0, seed) for seed in range(5))
    assert columns([boats], [*boats.positives, *holding, "a bus"], 1, 0, seed=0)["negative_1"] == ["a bus"]


def test_the_loss_of_a_training_is_that_of_all_its_steps():
    history = [{"step": 200, "loss": 3.0}, {"step": 200, "eval_mrr": 0.5}, {"step": 300, "loss": 1.5}]
    assert mean_loss(history) == 2.5
    assert mean_loss(history[1:2]) is None


def test_a_gain_above_0_is_better_of_ranks_too():
    found = gain({"untuned": [[2], [9], [4]], "tuned": [[1], [4], [4]]})
    assert found["gain"]["average_rank"]["mean"] == 2.0
    assert found["gain"]["average_rank"]["low"] >= 0
    assert found["gain"]["mrr"]["mean"] > 0


def test_a_recipe_has_bounds():
    with pytest.raises(ValueError, match="batch_size"):
        Recipe(batch_size=1)
    with pytest.raises(ValueError, match="steps"):
        Recipe.model_validate({"steps": 3})


def test_the_rows_of_the_tests_can_be_split(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(rows()), "utf-8")
    assert len(read(path).examples) == 32


def test_what_is_missing_is_told_with_the_way_to_it():
    check_installed()
    with pytest.raises(TrainingRefused, match=r"training needs no_such_package: pip install 'sandtable\[train\]'"):
        check_installed(("no_such_package", "json"))


@pytest.mark.parametrize("name", ["", " ", "0" * 1_000, "灯" * 200, "a\0b", "x/" * 1_500])
def test_what_can_be_no_model_is_refused_like_one_that_is_not_there(name):
    with pytest.raises(TrainingRefused, match="there is no model"):
        base_of(name)


def test_other_ends_of_lines_within_a_text_end_no_row(tmp_path):
    found = read(written(tmp_path, json.dumps({"query": "a\u2028b?", "positive": "one\u0085two"}, ensure_ascii=False)))
    assert found.passages == ("one\u0085two",)


def test_a_checkpoint_that_was_cut_short_is_passed_over(tmp_path):
    for step, state in ((100, "{}"), (200, '{"global_step": 200}'), (300, '{"global_'), (400, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert _last(tmp_path) == str(tmp_path / "checkpoint-200")
