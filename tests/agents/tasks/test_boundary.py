"""How answers of `knowledge-boundary` are read, and the passages that are put beside the one that answers."""

import json
import re

import pytest

from agents.abstention import SENTENCES
from agents.tasks.base import Item
from agents.tasks.boundary import Boundary, conditions, counterfactual
from agents.tasks.boundary_material import Asked, Document, Material
from agents.tasks.declining import declines
from agents.tasks.said import replaced, says


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("It was built in 1931.", "1931"), ("1,931 people came.", "1931"), ("about 40km", "40"), ("40km", "40 km"),
        ("高 330 米。", "330米"), ("由安娜·贝格建造", "安娜贝格"), ("答案是3", "3"), ("重5千克", "5"),
        ("答案是三。", "三"),
        ("Anna's bridge", "Anna"), ("U.S. troops", "US"), ("in New-York", "New York"),
        ("a red bicycle", "the red bicycle"),
        ("3.5 million", "3.5"), ("It is 3.", "3"), ("Grade A", "A"), ("１９３１年", "1931年"),
        ("the tower (25%)", "25 %"),
    ],
)  # fmt: skip
def test_what_stands_in_an_answer(answer, wanted):
    assert says(answer, wanted)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("It was built in 1931.", "3"), ("3.5 km", "3"), ("3.5 km", "5"), ("1,931", "931"), ("3rd", "3"), ("B3", "3"),
        ("the 1930s", "1930"), ("1330米", "330米"), ("3万人", "3"), ("3 万人", "3"), ("三十", "三"), ("十三", "三"),
        ("三百五十", "三百"), ("三点五", "三"), ("thirty-three", "three"), ("three hundred", "three"),
        ("a party", "art"),
        ("Anything", "?"), ("Anything", ""),
    ],
)  # fmt: skip
def test_what_is_only_a_part_of_something_else(answer, wanted):
    assert not says(answer, wanted)


def test_only_the_number_itself_is_replaced():
    assert replaced("In 1931 it had 3 towers, 3.5 m high, the 3rd of 13.", "3", "seven") == (
        "In 1931 it had seven towers, 3.5 m high, the 3rd of 13."
    )
    assert replaced("在十三和三之间", "三", "九") == "在十三和九之间"


@pytest.mark.parametrize(
    "answer",
    [
        *SENTENCES.values(), "NO_ANSWER",
        "The given sources do not say anything about that, so I cannot tell.", "I don’t know.", "Unknown.",
        "There is no information about this in the passages.", "The passages do not mention who built it.",
        "None of the sources answers this question.", "Neither passage says who built it.", "It isn't stated.",
        "Based on the documents, it is not possible to determine the answer.",
        "Sorry, the sources say nothing about it.",
        "The text does not provide enough information.", "The answer is not in the provided context.",
        "提供的资料中没有提到这一点。", "根据所给的资料，我无法回答这个问题。",
        "我不知道。", "文中未提及。", "上下文中没有相关信息。",
        "抱歉，没有找到答案。", "不知道", "資料沒有說明是誰建造的。", "根據所給的資料，我無法確定答案。",
        "I'm not sure; it is unclear from the given passages.", "I cannot help with that.",
    ],
)  # fmt: skip
def test_to_say_that_the_sources_do_not_say(answer):
    assert declines(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "It was built in 1931.", "Penguins cannot fly.", "Anna did not build the bridge.", "I can't wait to see it.",
        "The sources do not say so, but from general knowledge it was Paris.", "他不在北京。", "没有人知道他去了哪里。",
        "资料没有说，不过据我所知是1931年。",
    ],
)  # fmt: skip
def test_other_denials_decline_nothing(answer):
    assert not declines(answer)


@pytest.mark.slow
def test_hardly_a_sentence_of_the_data_is_taken_for_declining(data_dir):
    texts = [
        json.loads(line)["text"]
        for name in ("xquad-en", "xquad-zh", "cmrc2018-dev")
        for line in (data_dir / name / "corpus.jsonl").read_text("utf-8").splitlines()
    ]
    sentences = [one for text in texts for one in re.split(r"(?<=[.!?。！？])\s*", text) if one.strip()]
    for path in (data_dir / "locomo").glob("*.json"):
        talk = json.loads(path.read_text("utf-8"))
        sessions = [talk[name] for name in talk if re.fullmatch(r"session_\d+", name)]
        sentences += [turn["text"] for session in sessions for turn in session]
    assert len(sentences) == 15_958
    assert sum(map(declines, sentences)) == 5


@pytest.mark.parametrize(
    ("answer", "abstain", "score", "abstained"),
    [
        ("The sources do not mention that.", True, 1.0, 1.0),
        ("The sources do not mention that. It is 330 metres.", True, 0.0, 0.0),
        ("The tower is 330 metres tall; the sources do not say who built it.", False, 1.0, 0.0),
        ("The sources do not mention that.", False, 0.0, 1.0),
        ("It was built in 1330.", False, 0.0, 0.0),
        ("It has lifts and stairs [330].", False, 0.0, 0.0),
        (SENTENCES["en"], False, 0.0, 1.0),
    ],
)
def test_who_declines_and_tells_all_the_same_has_not_abstained(answer, abstain, score, abstained):
    item = Item("a", "How tall is the tower?", {"answers": ("330",), "abstain": abstain})
    verdict = Boundary().check(item, answer)
    assert (verdict.score, verdict.details["abstained"]) == (score, abstained)


def material(*passages):
    """Of `(article, text)`; the one question is answered by the first."""
    documents = {
        str(place): Document(text, {"document": str(place), "article": article, "kind": "true"})
        for place, (article, text) in enumerate(passages)
    }
    asked = [
        Asked("a", "How many lifts has the tower?", ("3",), "0", passages[0][0]),
        Asked("b", "Who built the bridge of Lund?", ("Anna Berg",), "1", passages[1][0]),
    ]
    return Material(documents, asked)


def beside(found):
    """The passages of question a, by condition."""
    return {
        name: one.items[0].options["rag"]["where"]["value"]
        for name, one in conditions(found, None).items()
        if name.startswith("noise")
    }


def test_noise_is_the_article_first_then_what_is_nearest_and_never_has_the_answer():
    found = material(
        ("Tower", "It has 3 lifts, since 1931."),
        ("Bridge", "Built by Anna Berg."),
        ("Tower", "It was painted in 1931."),
        ("Tower", "One of its 3 lifts is red."),
        ("Mill", "The mill has sails."),
        ("Inn", "The lifts of the tower are seen from the inn."),
        *((f"Other {n}", f"Page {n + 10}.") for n in range(6)),
    )
    told = beside(found)
    assert list(told) == ["noise 0", "noise 2", "noise 4", "noise 8"]
    assert told["noise 2"] == ["0", "2", "5"]
    assert len(told["noise 8"]) == 9
    assert "3" not in told["noise 8"]


def test_the_noise_that_the_data_lacks_is_not_told_twice():
    made = conditions(material(("A", "It has 3 lifts."), ("B", "Built by Anna Berg."), ("C", "Nothing.")), None)
    assert {name: one.noise for name, one in made.items() if one.noise} == {"noise 0": [0, 0], "noise 2": [2, 2]}
    made = conditions(material(*(("A", f"Of {n}: 3 lifts, Anna Berg.") for n in range(3))), None)
    assert [name for name, one in made.items() if one.noise is not None] == ["noise 0"]


def test_a_false_source_is_the_same_however_many_questions_are_asked():
    found = material(("A", "In 1931 it got 3 lifts."), ("B", "Built by Anna Berg."))
    assert [one.text for one in counterfactual(found, None).values()] == [
        "In 1931 it got Anna Berg lifts.",
        "Built by 3.",
    ]
    assert list(counterfactual(found, 1).items()) == list(counterfactual(found, None).items())[:1]
